"""``python -m benchmarks.speed``: full curves a second from features, beside LightGBM's plain way of predicting.

A model is fitted on simulated leads with the defaults of the product. Each figure comes from a process of its own, so
that its peak memory is its own too. Writes a section of docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.document import markdown_table, put_section
from benchmarks.speed.contributions import compare_contributions
from benchmarks.speed.material import load, prepare
from benchmarks.speed.ways import WAYS, largest_difference

END = "2026-11-01"
BATCHES = (1, 100, 10_000, 100_000)
TITLE = "Speed of prediction"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    parser.add_argument("--leads", type=int, default=20_000)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--batches", type=int, nargs="+", default=BATCHES)
    parser.add_argument("--folder", type=Path, help="keep the model and the rows here and use them again")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.way:
        _run(args.way, args.folder, args.threads[0], args.batches[0])
        return 0
    with tempfile.TemporaryDirectory(prefix="leadtime-speed-") as made:
        folder = args.folder or Path(made)
        if not (folder / "model.json").is_file():
            prepare(folder, args.leads)
        _compare(folder, args.threads, args.batches)
        compare_contributions(folder)
    return 0


def _run(way: str, folder: Path, threads: int, batch: int) -> None:
    """One figure: seconds for the curves of ``batch`` leads, the median of some runs."""
    model, rows = load(folder)
    pick = np.random.default_rng(batch).integers(0, len(rows["as_of"]), batch)
    matrix, as_of = rows["matrix"][pick], rows["as_of"][pick]
    del rows
    curves = WAYS[way](model, threads)
    curves(matrix[:100], as_of[:100])
    runs = max(1, min(300, 20_000 // batch))
    taken = []
    for _ in range(runs):
        began = time.perf_counter()
        curves(matrix, as_of)
        taken.append(time.perf_counter() - began)
    print(json.dumps({"seconds": float(np.median(taken)), "memory": _peak_memory()}))


def _compare(folder: Path, threads: Sequence[int], batches: Sequence[int]) -> None:
    model, rows = load(folder)
    matrix, as_of = rows["matrix"], rows["as_of"]
    lines = []
    for batch in batches:
        for n_threads in threads:
            figures = [_in_a_process(way, folder, n_threads, batch) for way in WAYS]
            lines.append(
                [
                    f"{batch:,}",
                    str(n_threads),
                    *(f"{batch / found['seconds']:,.0f}" for found in figures),
                    f"{figures[1]['seconds'] / figures[0]['seconds']:.1f}",
                    *(f"{1e6 * found['seconds'] / batch:,.1f}" for found in figures),
                    *(f"{found['memory']:,.0f}" for found in figures),
                ]
            )
            print("  ".join(lines[-1]), flush=True)
    names = ["walking", "LightGBM"]
    head = ["leads in a batch", "threads", *(f"{name}, leads a second" for name in names), "times as fast"]
    head += [*(f"{name}, µs a lead" for name in names), *(f"{name}, peak MB" for name in names)]
    trees = [text.count("\nTree=") for text in model.texts]
    leaves = max(int(line[11:]) for text in model.texts for line in text.split("\n") if line.startswith("num_leaves="))
    pick = np.random.default_rng(0).integers(0, len(as_of), 2_000)
    difference = largest_difference(model, matrix[pick], as_of[pick])
    n_bins, n_time = len(model.time.edges) - 1, len(model.time.names)
    counts = " and ".join(f"{n:,}" for n in trees)
    body = f"""`python -m benchmarks.speed`: from encoded features to full curves of both endings in {n_bins} bins, with
a model fitted with the defaults on simulated leads: {counts} trees of up to {leaves} leaves, {matrix.shape[1]} features
and {n_time} covariates of the bins. *Walking*: each tree once for a lead, with all of its bins (`model/tree_walk.py`).
*LightGBM*: a row for each lead and bin.

{markdown_table(head, lines)}

Largest difference of a raw score between the two, over 2,000 leads and all bins: {difference:g}. Peak memory is that of
the process, with its libraries, the features and the curves.
"""
    print("\n" + body)
    put_section(TITLE, body)


def _in_a_process(way: str, folder: Path, threads: int, batch: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.speed", "--way", way, "--folder", str(folder)]
    command += ["--threads", str(threads), "--batches", str(batch)]
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _peak_memory() -> float:
    """MB of this program alone. What ``getrusage`` says begins with the size of the program that started it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


if __name__ == "__main__":
    sys.exit(main())
