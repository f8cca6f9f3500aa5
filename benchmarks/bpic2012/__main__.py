"""BPI Challenge 2012, loaded, trained and scored with leadtime's own commands: ``python -m benchmarks.bpic2012``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.bpic2012.log import adapt, answers, find_data, read_log, requests
from benchmarks.bpic2012.measure import compare
from benchmarks.bpic2012.peers import aalen_johansen_curves, by_age_curves, naive_bayes_curves, training_rows
from benchmarks.bpic2012.product import Product, check_same
from benchmarks.bpic2012.report import TITLE, WHY, Report
from benchmarks.document import DOCUMENT, put_section
from training.evaluation import Block
from training.progress import stage

HORIZONS = (3, 7, 14, 30)
DAYS = (1, 3, 7, 14, 21)  # after the first event; not after each event, the last one comes 12 minutes before approval
CUT = "2012-01-08"  # three fifths of the log's time


def benchmark(path: Path, folder: Path, *, cut: pd.Timestamp) -> Report:
    """The whole comparison; ``folder`` takes the tables, the store and the registry."""
    with stage("adapt the log") as adapting:
        adapted = adapt(read_log(path))
        asked = requests(adapted, days=DAYS, start=cut, follow_up=HORIZONS[-1]).reset_index(drop=True)
        adapted.write(folder / "tables")
        asked.assign(as_of=asked["as_of"].dt.strftime("%Y-%m-%dT%H:%M:%S.%fZ")).to_csv(
            folder / "asked.csv", index=False
        )
        adapting.note = f"{len(adapted.leads):,} cases, {len(asked):,} requests"
    product, scores = Product(folder, HORIZONS), folder / "scores.parquet"
    steps = [
        product.run("features.load", str(folder / "tables")),
        product.run("training.train", "--as-known-at", cut.isoformat()),
        product.run(
            "training.score", "--requests", str(folder / "asked.csv"), "--out", str(scores), "--model", "1"
        ),
    ]  # fmt: skip
    print(file=sys.stderr)
    with stage("ask the peers"):
        training = training_rows(adapted, days=DAYS, cut=cut)
        methods = {
            "leadtime": product.curves(asked),
            "Aalen-Johansen": aalen_johansen_curves(training, asked, HORIZONS),
            "Aalen-Johansen by age": by_age_curves(training, asked, HORIZONS),
            "naive Bayes, point in time": naive_bayes_curves(adapted, training, asked, HORIZONS, as_shipped=False),
            "naive Bayes, as shipped": naive_bayes_curves(adapted, training, asked, HORIZONS, as_shipped=True),
        }
        check_same(pd.read_parquet(scores), methods["leadtime"], HORIZONS)
    with stage("measure"):
        known = answers(adapted, asked)
        block = Block(
            known["duration"].to_numpy(),
            known["outcome"].to_numpy(dtype=np.int8),
            asked["lead_id"].to_numpy().astype(str),
            HORIZONS,
        )
        rows = compare(block, methods, reference="Aalen-Johansen", product="leadtime")
    return Report(
        adapted, cut, asked, block, rows, steps, len(training.asked), WHY if cut == pd.Timestamp(CUT, tz="UTC") else ""
    )


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bpic2012", description=__doc__)
    parser.add_argument("--cut", default=CUT, help="train on what was known by this date, test on later cases")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep tables, store, registry and scores here")
    parser.add_argument("--no-write", action="store_true", help=f"print only, leave {DOCUMENT.name} as it is")
    given = parser.parse_args(argv)
    path = find_data()
    if path is None:
        print("skipped: no bpic2012/bpic2012_events.csv.gz under ../shared/data; name its folder with LEADTIME_DATA")
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = (given.keep or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        text = benchmark(path, folder, cut=pd.Timestamp(given.cut, tz="UTC")).text()
    print(f"\n## {TITLE}\n\n{text}")
    if not given.no_write:
        put_section(TITLE, text)
        print(f"written to {DOCUMENT}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
