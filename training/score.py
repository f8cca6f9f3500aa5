"""Score leads in a batch: ``python -m training.score --requests FILE --out FILE``.

Without requests: every lead that is open now. A request that cannot be scored keeps its row: its scores are empty and
its reason says why (no event of the lead was known at that time, or no more than who it is, or it had bought or was
lost by then).
"""

from __future__ import annotations

import argparse
import gzip
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from features.builder import Requests
from features.errors import InputError
from features.events import to_iso
from features.history import History
from features.lives import BOUGHT, GONE, OPEN, UNSEEN, standings, told_something
from features.settings import load_settings
from features.tables import read_requests
from model.scorer import Scorer
from training.ending import exit_code
from training.inputs import Source
from training.tracking import SERVING, Tracking

UNKNOWN = "No event of this lead was known at this time"
TOO_LITTLE = "Too little data: no engagement, no sales call and no declared need was known at this time"
HAD_BOUGHT = "This lead had bought by this time"
HAD_GONE = "This lead had been lost by this time"
CHUNK = 20_000
ENDINGS = (".csv", ".csv.gz", ".parquet")


def open_leads(history: History, now: int) -> Requests:
    """One request for each lead that is known and open at ``now``."""
    everyone, times = np.arange(history.n_leads), np.full(history.n_leads, now, dtype=np.int64)
    rows = np.flatnonzero(standings(history, everyone, times) == OPEN)
    return Requests([history.lead_ids[i] for i in rows], times[rows])


def why_not(history: History, requests: Requests) -> npt.NDArray[np.object_]:
    """(n,): why a request cannot be scored, by what was known at its as-of time; None where it can."""
    index = history.lead_index
    lead = np.array([index.get(lead_id, -1) for lead_id in requests.lead_ids], dtype=np.int64)
    why = {OPEN: None, BOUGHT: HAD_BOUGHT, GONE: HAD_GONE, UNSEEN: UNKNOWN}
    reasons = np.empty(len(lead), dtype=object)
    codes = standings(history, lead, requests.as_of)
    reasons[:] = [why[code] for code in codes.tolist()]
    reasons[(codes == OPEN) & ~told_something(history, lead, requests.as_of)] = TOO_LITTLE
    return reasons


def score(scorer: Scorer, history: History, requests: Requests) -> Iterator[pd.DataFrame]:
    """The score columns, one row for each request and in its order, some thousands at a time; as_of in microseconds."""
    reasons = why_not(history, requests)
    for i in range(0, max(len(requests), 1), CHUNK):
        part = slice(i, i + CHUNK)
        lead_ids, as_of, refused = list(requests.lead_ids[part]), requests.as_of[part], reasons[part]
        good = np.flatnonzero([reason is None for reason in refused])
        frame = scorer.score(history, Requests([lead_ids[j] for j in good], as_of[good]))
        frame = frame.set_axis(good).reindex(range(len(lead_ids)))
        frame["lead_id"], frame["as_of"] = lead_ids, as_of
        frame["model_version"] = scorer.version
        frame["reasons"] = [
            given if reason is None else [reason] for given, reason in zip(frame["reasons"], refused, strict=True)
        ]
        yield frame


class Output:
    """Score rows into a CSV or Parquet file, by its ending; it appears under its name when it is whole."""

    def __init__(self, path: Path) -> None:
        if not path.name.endswith(ENDINGS):
            raise InputError(where="--out", expected=f"a file ending in {' or '.join(ENDINGS)}", got=str(path))
        if not path.parent.is_dir():
            raise InputError(where="--out", expected="a folder that is there", got=str(path.parent))
        self._path = path
        self._partial = path.with_name(f".{path.name}")
        self._parquet: pq.ParquetWriter | None = None

    def __enter__(self) -> Self:
        self._partial.unlink(missing_ok=True)  # of a run that was killed: rows would be appended to its own
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._parquet is not None:
            self._parquet.close()
        if kind is None:
            self._partial.replace(self._path)
        else:
            self._partial.unlink(missing_ok=True)

    def write(self, frame: pd.DataFrame) -> None:
        if self._path.name.endswith(".parquet"):
            schema = _schema(frame)
            table = pa.table([pa.array(frame[c], type=schema.field(c).type, from_pandas=True) for c in frame], schema)
            if self._parquet is None:
                self._parquet = pq.ParquetWriter(self._partial, table.schema)
            self._parquet.write_table(table)
            return
        text = frame.assign(
            as_of=[to_iso(int(t)) for t in frame["as_of"]],
            reasons=["; ".join(reasons) for reasons in frame["reasons"]],
        )
        first = not self._partial.exists()
        opened = gzip.open if self._path.name.endswith(".gz") else open
        with opened(self._partial, "wt" if first else "at", encoding="utf-8", newline="") as stream:
            text.to_csv(stream, header=first, index=False)


def _schema(frame: pd.DataFrame) -> pa.Schema:
    """The same for every piece, whatever is empty in it."""
    kinds: dict[str, pa.DataType] = {
        "lead_id": pa.string(),
        "as_of": pa.timestamp("us", tz="UTC"),
        "reasons": pa.list_(pa.string()),
        "model_version": pa.string(),
        "basis": pa.string(),
        "basis_why": pa.string(),
    }
    kinds |= dict.fromkeys(("window_start", "window_end", "median_date", "call_on", "handoff_on"), pa.date32())
    return pa.schema([(name, kinds.get(name, pa.float64())) for name in frame.columns])


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.score", description=__doc__)
    parser.add_argument("--requests", type=Path, metavar="FILE", help="table of lead_id and as_of; without: open leads")
    parser.add_argument("--out", type=Path, metavar="FILE", required=True, help="scores, as .csv, .csv.gz or .parquet")
    parser.add_argument("--data", type=Path, metavar="DIR", help="score leads of a folder of tables, not of the store")
    parser.add_argument("--model", metavar="ALIAS", help="alias or version; the serving model if not given")
    given = parser.parse_args(argv)
    return exit_code(lambda: _write_scores(given), interrupted="nothing was written", out=given.out)


def _write_scores(given: argparse.Namespace) -> None:
    now = time.time_ns() // 1000
    settings = load_settings()
    output = Output(given.out)
    asked = None if given.requests is None else Requests(*read_requests(given.requests))
    scorer = Scorer.from_files(
        Tracking(settings.mlflow_tracking_uri, model_name=settings.model_name).load(
            given.model or settings.model_alias, folder=SERVING
        ),
        trusted=settings.estimator.trusts,
        costs=settings.costs,
    )
    known_by = max(now, int(np.max(asked.as_of, initial=0))) if asked else now
    leads = sorted(set(asked.lead_ids)) if asked else None
    history = Source(settings.database_url, given.data).history(leads, known_by=known_by, now=now)
    requests = asked or open_leads(history, now)
    empty = 0
    with output, tqdm(total=len(requests), desc="scoring", unit=" leads", unit_scale=True) as bar:
        for frame in score(scorer, history, requests):
            output.write(frame)
            empty += int(frame["readiness"].isna().sum())
            bar.update(len(frame))
    refused = f", {empty:,} of them without a score (see reasons)" if empty else ""
    print(f"{len(requests):,} rows{refused} by model {scorer.version} in {given.out}")


if __name__ == "__main__":
    sys.exit(main())
