"""The reports as JSON, as CSV and as pages: what they are made of, what they refuse, what they never show."""

from __future__ import annotations

import pytest
from serving_world import NOW, Running

from features.events import DAY, Event, events_table, to_datetime

pytest_plugins = ("serving_fixtures",)

HOUR = DAY // 24


class Log:
    """Writes events of one lead after the other, each with an id of its own."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(self, lead_id: str, kind: str, at: int, channel: str | None = None, campaign: str | None = None,
            **properties: object) -> None:  # fmt: skip
        self.events.append(
            Event(event_id=f"e{len(self.events)}", lead_id=lead_id, type=kind, occurred_at=at, recorded_at=at,
                  channel=channel, campaign=campaign, properties=properties)
        )  # fmt: skip

    def handoff(self, lead_id: str, at: int, *, chance: float = 0.5, owner: str = "kim", **properties: object) -> None:
        day = to_datetime(at).date()
        opened = {
            "p_7": chance / 3, "p_30": chance / 2, "p_90": chance, "window_start": day.isoformat(),
            "window_end": to_datetime(at + 20 * DAY).date().isoformat(), "call_on": day.isoformat(),
            "window_coverage": 0.8, "owner": owner,
        }  # fmt: skip
        self.add(lead_id, "handoff", at, **opened | properties)


@pytest.fixture
def log(empty_service: Running) -> Log:
    """Three purchases: one through ads and handed over ripe, one that sales called first, one that came by itself."""
    log = Log()
    start = NOW - 120 * DAY
    log.add("ripe", "form_submitted", start, "ads", "spring")
    log.add("ripe", "page_view", start + 5 * DAY, "webinar")
    log.handoff("ripe", start + 10 * DAY)
    log.add("ripe", "sales_call", start + 10 * DAY + 6 * HOUR, "phone", minutes=20, owner="kim")
    log.add("ripe", "purchased", start + 15 * DAY, value=1000.1)
    log.add("called", "sales_call", start, "phone", minutes=5, owner="lee")
    log.add("called", "page_view", start + DAY, "direct")
    log.add("called", "page_view", start + 2 * DAY, "ads", "spring")
    log.handoff("called", start + 3 * DAY, owner="lee")
    log.add("called", "purchased", start + 40 * DAY, value=500)
    log.add("alone", "page_view", start, "direct")
    log.add("alone", "purchased", start + 50 * DAY)
    log.add("lost", "page_view", start, "webinar")
    log.add("lost", "lost", start + 50 * DAY)
    return log


@pytest.fixture
def reports(empty_service: Running, log: Log):
    empty_service.store.append(events_table(log.events))

    def ask(name: str, **query: object) -> dict:
        answer = empty_service.client.get(f"/v1/reports/{name}", query_string=query, headers=empty_service.key)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.json if answer.mimetype == "application/json" else answer.get_data(as_text=True)

    return ask


def test_what_came_through_marketing(reports) -> None:
    total = reports("sourced")["total"]
    assert total == {
        "wins": 3, "value": 1500.1, "wins_without_value": 1, "sourced_wins": 1, "sourced_value": 1000.1,
        "influenced_wins": 2, "influenced_value": 1500.1, "ripe_wins": 1, "ripe_value": 1000.1,
    }  # fmt: skip
    assert [row["channel"] for row in reports("sources")["rows"]] == ["ads", "webinar", None]


def test_attribution(reports) -> None:
    answer = reports("attribution")
    print(answer)


def test_all(reports) -> None:
    import json

    for name in ("salespeople", "windows", "calibration", "base-rates", "returns"):
        print(json.dumps(reports(name), indent=1))
