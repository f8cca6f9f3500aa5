"""``python -m benchmarks.features``: speed and peak memory of the feature builder beside DuckDB; the time of one row.

Each contender runs in a process of its own on the same simulated events and the same rows; those that build the same
features must agree. ``pip install duckdb`` for the comparison; without it the builder runs alone.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.document import markdown_table
from benchmarks.features.contenders import CONTENDERS, catalogue_of
from features.builder import Requests, build, build_matrix, warm_up
from features.events import DAY, EVENT_SCHEMA
from features.history import History
from features.tables import read_tables

END = 1_793_000_000_000_000  # 26 October 2026, near the end of the simulated time


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.features", description=__doc__)
    parser.add_argument("--leads", type=int, default=20_000)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--contender", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.contender:
        _contend(args.contender, args.folder, args.rows, args.threads)
        return 0
    with tempfile.TemporaryDirectory(prefix="leadtime-features-") as folder:
        _compare(Path(folder), args.leads, args.rows, args.threads)
    return 0


def _compare(folder: Path, leads: int, rows: int, threads: int) -> None:
    simulate = [sys.executable, "-m", "features.simulate", str(folder / "data"), "--leads", str(leads), "--seed", "1"]
    subprocess.run([*simulate, "--end", "2026-11-01"], check=True)
    events = read_tables(folder / "data", now=END + 30 * DAY).events
    pq.write_table(events, folder / "events.parquet")
    print(f"{leads:,} leads, {len(events):,} events, {rows:,} rows, {threads} threads\n", flush=True)
    names = [name for name in CONTENDERS if "DuckDB" not in name or importlib.util.find_spec("duckdb")]
    lines, matrices = [], {}
    for name in names:
        found = _in_a_process(name, folder, rows, threads)
        matrices[name] = np.load(folder / f"{name}.npy", mmap_mode="r")
        lines.append(
            [
                name,
                str(matrices[name].shape[1]),
                f"{found['load']:.2f}",
                f"{found['build']:.2f}",
                f"{rows / found['build']:,.0f}",
                f"{found['memory']:,.0f}",
            ]
        )
    head = ["", "features", "take in, s", "build, s", "rows a second", "peak memory, MB"]
    print(markdown_table(head, lines), flush=True)
    same = [matrices[name] for name in names if "same features" in name]
    if len(same) == 2:
        differ = ~np.isclose(same[0], same[1], rtol=1e-9, equal_nan=True)
        print(f"\nvalues that differ between the two: {np.count_nonzero(differ)} of {differ.size:,}")
    _one_row(events)


def _in_a_process(name: str, folder: Path, rows: int, threads: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.features", "--contender", name, "--folder", str(folder)]
    with subprocess.Popen(
        [*command, "--rows", str(rows), "--threads", str(threads)], stdout=subprocess.PIPE, text=True
    ) as process:
        text = process.stdout.read() if process.stdout else ""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    found: dict[str, float] = json.loads(text)
    return found | {"memory": usage.ru_maxrss / 1024}


def _contend(name: str, folder: Path, rows: int, threads: int) -> None:
    events = pq.read_table(folder / "events.parquet").cast(EVENT_SCHEMA)
    run = CONTENDERS[name](events, _requests(events, rows), threads)
    np.save(folder / f"{name}.npy", run.matrix)
    print(json.dumps({"load": run.load_seconds, "build": run.build_seconds}))


def _requests(events: pa.Table, rows: int) -> Requests:
    """Rows at random times of the last year, of random leads, in no order."""
    rng = np.random.default_rng(1)
    leads = np.array(events["lead_id"].unique().to_pylist())
    return Requests(leads[rng.integers(0, len(leads), rows)].tolist(), rng.integers(END - 365 * DAY, END, rows))


def _one_row(events: pa.Table) -> None:
    """What a request waits for: the history of one lead and its colleagues from an Arrow table, and its row."""
    sizes = events["lead_id"].value_counts()
    lead = sizes.field("values")[int(np.argmin(np.abs(sizes.field("counts").to_numpy() - 50)))].as_py()
    table = events.filter(pa.compute.equal(events["lead_id"], lead)).combine_chunks()
    catalogue = catalogue_of(events, np.array([END]), None)
    warm_up(catalogue)
    requests = Requests([lead], np.array([END]))
    steps: dict[str, Callable[[], object]] = {
        "History.from_table": lambda: History.from_table(table),
        "History.from_table and build_matrix": lambda: build_matrix(History.from_table(table), requests, catalogue),
        "History.from_table and build (a frame)": lambda: build(History.from_table(table), requests, catalogue),
    }
    rows = []
    for name, step in steps.items():
        taken = []
        for _ in range(500):
            began = time.perf_counter()
            step()
            taken.append(1e3 * (time.perf_counter() - began))
        rows.append([name, f"{np.median(taken):.2f}", f"{np.quantile(taken, 0.95):.2f}"])
    print(f"\nOne row of a lead with {len(table)} events, {len(catalogue.features)} features:\n")
    print(markdown_table(["", "median, ms", "95 % within, ms"], rows))


if __name__ == "__main__":
    sys.exit(main())
