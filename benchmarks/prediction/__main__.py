"""Every method on every dataset, on the same splits and features: ``python -m benchmarks.prediction``."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from benchmarks.document import DOCUMENT, put_section
from benchmarks.prediction.datasets import DATASETS, absent
from benchmarks.prediction.datasets.files import load
from benchmarks.prediction.fold import Fold
from benchmarks.prediction.kept import asked_in
from benchmarks.prediction.measure import measure
from benchmarks.prediction.methods import GROUPS, METHODS
from benchmarks.prediction.report import TITLE, Report
from benchmarks.prediction.runner import LIMIT, run
from training.progress import stage

Thing = TypeVar("Thing")


def main(argv: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the process under way is ended too
    datasets = _chosen("--datasets", given.datasets, DATASETS, {})
    methods = _chosen("--methods", given.methods, METHODS, GROUPS)
    skipped: list[str] = []
    with tempfile.TemporaryDirectory(prefix="leadtime-answers-") as temporary:
        kept = (given.source or given.keep or Path(temporary)).resolve()
        if given.source is None:
            kept.mkdir(parents=True, exist_ok=True)
            if given.folds is None:
                skipped = [name for name in datasets if name in absent()]
                for name in skipped:
                    print(f"{name}: {absent()[name]}", file=sys.stderr)
                datasets = {name: folds for name, folds in datasets.items() if name not in skipped}
            else:
                datasets = {name: partial(_saved, given.folds, name) for name in datasets}
            skipped += run(datasets, list(methods), kept, limit=given.limit)
        found = asked_in(kept)
        if not found:
            print("nothing was measured" if given.source is None else f"no answers in {kept}", file=sys.stderr)
            return 0 if skipped else 2
        measured = []
        for name in sorted(found, key=_place):
            with stage(f"measure {name}"):
                measured.append(measure(found[name], kept))
    text = Report(measured, os.cpu_count() or 1, skipped).text()
    print(f"\n## {TITLE}\n\n{text}")
    if not given.no_write:
        put_section(TITLE, text)
        print(f"written to {DOCUMENT}", file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.prediction", description=__doc__)
    parser.add_argument("--datasets", metavar="NAMES", help=f"some of {', '.join(DATASETS)}")
    parser.add_argument("--methods", metavar="NAMES", help=f"some of {'; '.join([*GROUPS, *METHODS])}")
    parser.add_argument("--folds", type=Path, metavar="DIR", help="take folds saved before, as DATASET-ORIGIN.pkl")
    parser.add_argument("--limit", type=float, default=LIMIT, metavar="S", help="seconds for a method on a fold")
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="DIR",
        help="keep the answers here; answers of earlier runs that are here already are reported too",
    )
    parser.add_argument("--from", dest="source", type=Path, metavar="DIR", help="run nothing, report on answers kept")
    parser.add_argument("--no-write", action="store_true", help=f"print only, leave {DOCUMENT.name} as it is")
    return parser


def _chosen(
    option: str, names: str | None, known: Mapping[str, Thing], groups: Mapping[str, Sequence[str]]
) -> dict[str, Thing]:
    """In the order of the tables. Names are parted by semicolons, since some have commas; by commas where none is in
    the way. SystemExit for a name that is not known.
    """
    if names is None:
        return dict(known)
    parts = [names] if names in known else names.split(";" if ";" in names else ",")
    given = [name.strip() for name in parts if name.strip()]
    wanted = {name for one in given for name in groups.get(one, (one,))}
    strange = sorted(wanted - set(known))
    if strange:
        raise SystemExit(f"{option}: expected some of {'; '.join([*groups, *known])}, got {strange[0]!r}")
    return {name: thing for name, thing in known.items() if name in wanted}


def _saved(folder: Path, dataset: str) -> Iterator[Fold]:
    for path in sorted(folder.glob(f"{dataset}-*.pkl")):
        fold = load(path)
        if fold.dataset == dataset:
            yield fold


def _place(dataset: str) -> tuple[int, str]:
    """Datasets in the order in which they are run, a set of several under its own name."""
    names = list(DATASETS)
    return next((i for i, name in enumerate(names) if dataset.startswith(name)), len(names)), dataset


if __name__ == "__main__":
    sys.exit(main())
