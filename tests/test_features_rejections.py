"""What sales says of handoffs teaches the model, from when it was recorded on, and disturbs no model trained before."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.builder import Requests, build
from features.catalogue import Catalogue, Rows, default_rows, expand
from features.events import DAY, NOT_ENGAGEMENT, Event
from features.history import History

SEEN = [
    Event(event_id=f"{lead}{day}", lead_id=lead, type="page_view", occurred_at=day * DAY, recorded_at=day * DAY)
    for lead in "ab"
    for day in range(5)
]


def said(kind: str, at: int, recorded_at: int | None = None, **properties: str) -> Event:
    known = at if recorded_at is None else recorded_at
    return Event(event_id=f"{kind}{at}", lead_id="a", type=kind, occurred_at=at, recorded_at=known,
                 properties=properties)  # fmt: skip


ANSWERS = [
    said("handoff_rejected", 6 * DAY, reason="too_early"),
    said("handoff_rejected", 8 * DAY, 9 * DAY, reason="duplicate"),
    said("handoff_accepted", 10 * DAY),
]
TIMES = [6 * DAY - 1, 6 * DAY, 8 * DAY, 9 * DAY, 12 * DAY]


def features(events: list[Event], catalogue: Catalogue) -> pd.DataFrame:
    return build(History.from_events(events), Requests(["a"] * 5, np.array(TIMES)), catalogue)


def test_rejections_are_seen_from_when_they_were_recorded() -> None:
    history = History.from_events([*SEEN, *ANSWERS])
    frame = features([*SEEN, *ANSWERS], expand(history, 20 * DAY))
    assert frame["rejections"].tolist() == [0, 1, 1, 2, 2]
    assert frame["rejections_duplicate"].tolist() == [0, 0, 0, 1, 1]
    assert frame["rejections_too_early"].tolist() == [0, 1, 1, 1, 1]
    assert frame["days_since_rejection"].fillna(-1).tolist() == [-1, 0, 2, 1, 4]


def test_answers_are_no_engagement() -> None:
    history = History.from_events([*SEEN, *ANSWERS])
    assert {"handoff_accepted", "handoff_rejected"} <= NOT_ENGAGEMENT
    assert not [name for name in expand(history, 20 * DAY).names if "handoff" in name]


def test_a_catalogue_from_before_reads_the_log_as_it_did() -> None:
    rows = default_rows()
    before = Rows(tuple(row for row in rows.rows if "rejection" not in row["name"]), rows.caps)
    catalogue = Catalogue.from_json(expand(History.from_events(SEEN), 20 * DAY, rows=before).to_json())
    assert not [name for name in catalogue.names if "rejection" in name]
    pd.testing.assert_frame_equal(features(SEEN, catalogue), features([*SEEN, *ANSWERS], catalogue))
