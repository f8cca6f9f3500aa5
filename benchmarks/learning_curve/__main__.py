"""``python -m benchmarks.learning_curve``: the product after 30 to 100,000 leads, beside Aalen-Johansen on the same.

Each size has a process of its own, so that its peak memory is its own too. Writes a section of docs/benchmarks.md.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.document import put_section
from benchmarks.learning_curve.draw import Drawn, learn
from benchmarks.learning_curve.material import MATERIALS, Material
from benchmarks.learning_curve.report import TITLE, report

SIZES = (30, 50, 100, 200, 500, 1_000, 3_000, 10_000, 30_000, 100_000)
DATASETS = ("simulated-rich", "simulated-slipping", "bpic2012")


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning_curve", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="leads to learn from")
    parser.add_argument("--datasets", nargs="+", choices=MATERIALS, default=DATASETS)
    parser.add_argument("--draws", type=int, help="at most so many draws of a size")
    parser.add_argument("--no-document", action="store_true", help="print the section, do not write it")
    parser.add_argument("--child", nargs=3, metavar=("FILE", "SIZE", "DRAWS"), help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.child:
        return _child(Path(args.child[0]), int(args.child[1]), int(args.child[2]))
    began = time.perf_counter()
    found = {}
    for dataset in args.datasets:
        with tempfile.TemporaryDirectory(prefix="leadtime-learning-") as folder:
            results = _curve(dataset, sorted(args.sizes), args.draws, Path(folder) / "material.pkl")
        if results is not None:
            found[dataset] = results
    asked = sys.argv[1:] if argv is None else argv
    command = " ".join(["python -m benchmarks.learning_curve", *asked])
    body = report(found, command, (time.perf_counter() - began) / 60)
    print("\n" + body)
    if not args.no_document:
        put_section(TITLE, body)
    return 0


def draws_of(size: int) -> int:
    """Few leads are a matter of luck, so they are drawn often."""
    return 12 if size <= 100 else 6 if size <= 500 else 3 if size <= 1_000 else 1


def _curve(dataset: str, sizes: Sequence[int], most: int | None, file: Path) -> tuple[Material, list[Drawn]] | None:
    """None where the data is not here. Sizes above what there is are left out."""
    try:
        material = MATERIALS[dataset](sizes[-1])
    except FileNotFoundError as error:
        print(f"{dataset}: {error}", flush=True)
        return None
    with file.open("wb") as stream:
        pickle.dump(material, stream)
    drawn: list[Drawn] = []
    for size in sizes:
        if size > len(material.order):
            continue
        draws = min(draws_of(size), most or draws_of(size))
        command = [sys.executable, "-m", "benchmarks.learning_curve", "--child", str(file), str(size), str(draws)]
        environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
        of_size = [Drawn(**json.loads(line)) for line in done.stdout.splitlines()]
        drawn += of_size
        ratios = " ".join(f"{one.own / one.reference:.3f}" for one in of_size)
        print(f"{dataset} {size:,}: {ratios}; {sum(one.seconds for one in of_size):.0f} s", flush=True)
    return material, drawn


def _child(file: Path, size: int, draws: int) -> int:
    """A line of JSON for each draw."""
    with file.open("rb") as stream:
        material: Material = pickle.load(stream)
    for draw in range(draws):
        print(json.dumps(asdict(learn(material, size, draw, draws))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
