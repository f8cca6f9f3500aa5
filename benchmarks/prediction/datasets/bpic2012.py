"""BPI Challenge 2012: when a loan application is approved, scored on fixed days of its life at two origins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.bpic2012.log import Adapted, adapt, answers, find_data, read_log, requests
from benchmarks.prediction.datasets.histories import asked, events_of, instant, micros, past
from benchmarks.prediction.fold import Fold
from features.builder import Requests
from features.history import History

HORIZONS = (3, 7, 14, 30)
DAYS = (1, 3, 7, 14, 21)  # after the first event; not after each event, the last one comes 12 minutes before approval
ORIGINS = ("2011-12-18", "2012-01-08")


def folds(path: Path | None = None, *, origins: tuple[str, ...] = ORIGINS) -> Iterator[Fold]:
    """A fold an origin; its test rows end where the next origin begins, the last one's 30 days before the log does.

    ``path``: the flattened log; looked for if None, and no fold is given where it is absent.
    """
    path = path or find_data()
    if path is None:
        return
    adapted = adapt(read_log(path))
    end = instant(adapted.end)
    events = events_of(_tables(adapted), now=end)
    history = History.from_table(events)
    for place, origin in enumerate(origins):
        known = past(events, origin=micros(origin), longest=HORIZONS[-1])
        rows = _test_rows(adapted, origin, (*origins, None)[place + 1])
        found = answers(adapted, rows)
        as_of = rows["as_of"].dt.as_unit("us").astype("int64").to_numpy()
        test = asked(
            history,
            Requests(rows["lead_id"].tolist(), as_of),
            found["outcome"].to_numpy(),
            found["duration"].to_numpy(),
            known_by=end,
        )
        yield Fold(
            dataset="bpic2012",
            origin=origin,
            horizons=HORIZONS,
            learn=known.learn,
            train=known.train,
            calibrate=known.calibrate,
            test=test.with_features(history, known.catalogue),
            groups=np.asarray(test.lead_ids, dtype=str),
            catalogue=known.catalogue,
            notes=(f"open cases on days {', '.join(map(str, DAYS))} after their first event",),
        )


def _tables(adapted: Adapted) -> dict[str, pd.DataFrame]:
    events = adapted.events.astype({"owner": "str"})
    return {"leads": adapted.leads, "events": events, "outcomes": adapted.outcomes}


def _test_rows(adapted: Adapted, origin: str, until: str | None) -> pd.DataFrame:
    rows = requests(adapted, days=DAYS, start=pd.Timestamp(origin, tz="UTC"), follow_up=HORIZONS[-1])
    if until is not None:
        rows = rows[rows["as_of"] < pd.Timestamp(until, tz="UTC")]
    return rows.reset_index(drop=True)
