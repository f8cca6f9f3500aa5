"""Training on data without a signal must say so: ``python -m benchmarks.negative_control``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.bpic2012.product import Product
from benchmarks.document import put_section
from benchmarks.negative_control.tables import END, find_data, read, tables, write
from model.scorer import Scorer
from training.tracking import Tracking

TITLE = "Negative control: a label that activity does not tell"
HORIZONS = (7, 30)


def main() -> int:
    path = find_data()
    if path is None:
        print("negative_control/org_features.csv is not there; set LEADTIME_DATA to the folder that holds it")
        return 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        made = tables(read(path))
        write(made, folder / "tables")
        product = Product(folder, HORIZONS)
        product.run("training.train", "--data", str(folder / "tables"), "--as-known-at", END, "--no-hints")
        signal = Scorer.from_files(Tracking(product.tracking_uri, model_name="leadtime").load("1")).signal
    if signal is None:
        raise SystemExit("the model does not say what was found")
    body = (
        f"`make bench-negative-control` (`python -m benchmarks.negative_control`). {len(made['leads'])} trial "
        f"organisations, {len(made['events']):,} events, {len(made['outcomes'])} conversions; horizons "
        f"{HORIZONS[0]} and {HORIZONS[1]} days. The conversions follow the age of a trial, not what is done in it.\n\n"
        f"Verdict: **{signal.verdict}**; {signal.purchases} organisations of the newest "
        f"block converted.\n\n> {signal.why}"
    )
    put_section(TITLE, body)
    print(body)
    return 0 if signal.verdict == "no signal" else 1


if __name__ == "__main__":
    sys.exit(main())
