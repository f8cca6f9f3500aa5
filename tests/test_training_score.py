"""Which leads a batch scores."""

from __future__ import annotations

from features.events import Event, parse_time
from features.history import History
from training.score import open_leads


def test_a_lead_whose_first_event_is_of_this_very_moment_is_open() -> None:
    now = parse_time("2026-01-01")
    history = History.from_events(
        [Event(event_id="1", lead_id="a", type="page_view", occurred_at=now, recorded_at=now)]
    )
    assert open_leads(history, now).lead_ids == ["a"]
    assert open_leads(history, now - 1).lead_ids == []
