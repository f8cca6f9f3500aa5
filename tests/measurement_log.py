"""A small log for the tests of measurement: events of leads with handoffs, calls and endings."""

from __future__ import annotations

from typing import Any

from features.events import DAY, Event, parse_time, to_datetime
from features.history import History
from model.measurement.journeys import Journeys, TouchRules, journeys
from model.measurement.period import Period

NOW = parse_time("2026-11-01")
HOUR = DAY // 24
EVER = Period(0, NOW + 1)


class Log:
    """Gives each event an id of its own. Times in microseconds since 1970 UTC."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(self, lead_id: str, kind: str, at: int, channel: str | None = None, campaign: str | None = None,
            **properties: Any) -> None:  # fmt: skip
        event_id = f"e{len(self.events)}"
        self.events.append(
            Event(event_id=event_id, lead_id=lead_id, type=kind, occurred_at=at, recorded_at=at,
                  channel=channel, campaign=campaign, properties=properties)
        )  # fmt: skip

    def handoff(
        self, lead_id: str, at: int, chance: float = 0.5, owner: str = "kim", days: int = 20, **properties: Any
    ) -> None:
        """With a window that opens that day and lasts ``days``; the chance is that within 90 days."""
        day = to_datetime(at).date().isoformat()
        said = {
            "p_7": chance / 4, "p_30": chance / 2, "p_90": chance, "window_start": day, "call_on": day,
            "window_end": to_datetime(at + days * DAY).date().isoformat(), "window_coverage": 0.8, "owner": owner,
        }  # fmt: skip
        self.add(lead_id, "handoff", at, **said | properties)

    def journeys(self, known_by: int = NOW, **rules: Any) -> Journeys:
        """What was known by then, as the store gives it."""
        known = [event for event in self.events if event.recorded_at <= known_by and event.occurred_at <= known_by]
        return journeys(History.from_events(known), known_by, TouchRules(**rules))
