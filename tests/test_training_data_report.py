"""What went into a training run, told by month and by reason."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from features.events import IDENTIFY, LOST, PURCHASED, Event, events_table, parse_time
from features.history import History
from features.store import Store
from features.store.schema import rejected_events
from model.examples import training_landmarks
from training.data_report import BOTS, ENDED_BEFORE, SEEN_LATE, DataReport, data_report
from training.inputs import Source

NOW = parse_time("2026-05-01")


def event(lead: str, at: str, kind: str = IDENTIFY, *, recorded: str = "", bot: bool = False) -> Event:
    when = parse_time(at)
    return Event(
        event_id=f"{lead}/{at}/{kind}", lead_id=lead, type=kind, occurred_at=when,
        recorded_at=parse_time(recorded) if recorded else when, bot=bot,
    )  # fmt: skip


EVENTS = [
    event("buys", "2026-01-05"),
    event("buys", "2026-03-02", PURCHASED),
    event("lost", "2026-01-20"),
    event("lost", "2026-04-10", LOST),
    event("open", "2026-03-15"),
    event("imported", "2026-01-01", recorded="2026-04-01"),
    event("imported", "2026-02-01", PURCHASED, recorded="2026-04-01"),
    event("robot", "2026-02-02", bot=True),
    event("newest", "2026-04-30"),
]


def report(events: Sequence[Event], until: str = "2026-04-28") -> DataReport:
    table = events_table(list(events))
    history = History.from_table(table)
    block = training_landmarks(history, since=0, until=parse_time(until), known_by=parse_time(until))
    return data_report(table, history, known_by=NOW, source="the test", examples={"train": block})


def test_leads_and_endings_are_counted_by_month() -> None:
    found = report(EVENTS)
    assert (found.leads, found.bought, found.lost, found.open) == (5, 2, 1, 2)
    months = {month.month: month for month in found.months}
    assert list(months) == ["2026-01", "2026-02", "2026-03", "2026-04", "2026-05"]
    january = months["2026-01"]
    assert (january.created, january.bought, january.lost, january.open) == (3, 2, 1, 0)
    assert [month.purchases for month in found.months] == [0, 1, 1, 0, 0]
    assert [month.losses for month in found.months] == [0, 0, 0, 1, 0]
    assert sum(month.created for month in found.months) == found.leads


def test_leads_that_no_example_is_made_of_are_told_with_the_reason() -> None:
    assert report(EVENTS).left_out == {BOTS: 1, ENDED_BEFORE: 1, SEEN_LATE: 1}


def test_examples_are_counted_by_what_became_of_them() -> None:
    (part,) = report(EVENTS).parts
    assert part.name == "train"
    assert part.leads == 3
    assert part.examples == part.bought + part.lost + part.open
    assert part.per_lead == pytest.approx(part.examples / 3)


def test_it_reads_as_json_and_as_a_frame() -> None:
    found = report(EVENTS)
    read = json.loads(found.to_json())
    assert read["known_by"] == "2026-05-01T00:00:00Z"
    assert read["types"] == {"identify": 5, "purchased": 2, "lost": 1}
    assert found.frame()["created"].tolist() == [3, 0, 1, 1, 0]
    assert "5 leads: 2 bought, 1 were lost, 2 are open" in str(found)
    assert "left out: 1 leads: only events of bots" in str(found)
    assert "recorded late" not in str(found)


def test_slow_records_are_told_with_what_they_cost() -> None:
    events = []
    for i in range(40):
        day = f"2026-02-{1 + i % 20:02d}"
        events.append(event(f"a{i}", "2026-01-01"))
        events.append(event(f"a{i}", day, PURCHASED, recorded=f"2026-02-{3 + i % 20:02d}"))
    found = report(events)
    assert found.recording.quantile == 2.0
    assert "endings are recorded late (95 % within 2.0 days): labels are cut 2.0 days earlier" in str(found)


def test_what_a_folder_and_a_store_refused_is_told(tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_text("lead_id,created_at\na,2026-01-01\nb,soon\nc,later\n")
    read = Source("", tmp_path).read(known_by=NOW, now=NOW)
    assert len(read.refused) == 1
    ((reason, count),) = read.refused.items()
    assert reason.startswith("leads.csv: ")
    assert count == 2

    url = f"sqlite:///{tmp_path}/log.db"
    with Store.open(url, migrate=True) as store:
        store.append(events_table(EVENTS))
        with store.writing() as connection:
            rows = [
                {
                    "reject_id": str(i),
                    "received_at": at,
                    "key_id": "k",
                    "reason": f"expected a time, got {i}",
                    "body": "{}",
                }
                for i, at in enumerate((NOW - 1, NOW, NOW + 1))
            ]
            connection.execute(rejected_events.insert(), rows)
    read = Source(url, None).read(known_by=NOW, now=NOW)
    assert read.refused == {"intake: expected a time": 2}
    assert read.position == len(EVENTS)
    assert read.erasures == 0
