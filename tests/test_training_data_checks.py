"""What is wrong with the data is found before anything is learned from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_scorer import small_scorer
from weekly_rhythm import CATALOGUE, weekly_rhythm

from features import simulate
from features.errors import InputError
from features.events import DAY, Event, content_id, parse_time
from features.history import History
from features.tables import read_tables
from training.data_checks import NAMES, Finding, check_data, refuse, told
from training.data_checks import checked as checked_data
from training.data_checks.weeks import expected, weekly
from training.gate import Rivals

END = parse_time("2026-10-25")  # a week before the simulation ends, on whose last day many leads come at once
Change = Callable[[Event], Event | None]


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    folder = tmp_path_factory.mktemp("checks")
    assert simulate.main([str(folder), "--leads", "1500", "--seed", "5", "--days", "300", "--end", "2026-11-01"]) == 0
    rows = read_tables(folder, now=parse_time("2026-11-01")).events.to_pylist()
    found = [Event(**{**row, "properties": orjson.loads(row["properties"])}) for row in rows]
    return [event for event in found if max(event.occurred_at, event.recorded_at) < END]


def checked(events: list[Event], change: Change = lambda event: event, **more: object) -> dict[str, list[Finding]]:
    history = History.from_events([changed for event in events if (changed := change(event)) is not None])
    found: dict[str, list[Finding]] = {}
    for finding in check_data(history, known_by=END, **more):
        found.setdefault(finding.name, []).append(finding)
    return found


def newest(event: Event, days: float = 7) -> bool:
    return max(event.occurred_at, event.recorded_at) >= END - days * DAY


def levels(found: dict[str, list[Finding]]) -> dict[str, set[str]]:
    return {name: {finding.level for finding in findings} for name, findings in found.items()}


def test_usual_data_give_no_warning_and_every_check_has_a_name(events: list[Event]) -> None:
    found = levels(checked(events))
    assert set(found) == set(NAMES) - {"drift"}
    assert set.union(*found.values()) == {"ok"}


def test_a_feed_that_broke_is_refused(events: list[Event]) -> None:
    found = checked(events, lambda e: None if newest(e) and not content_id(e.event_id).startswith("0") else e)
    assert levels(found)["events"] == {"refuse"}
    assert "events in the newest 7 days" in found["events"][0].expected


def test_new_leads_that_no_longer_come_are_refused(events: list[Event]) -> None:
    new = {event.lead_id for event in events} - {event.lead_id for event in events if not newest(event)}
    found = checked(events, lambda e: None if e.lead_id in new else e)
    assert levels(found)["leads"] == {"refuse"}
    assert levels(found)["purchases"] == {"ok"}


def test_what_is_sent_twice_is_told(events: list[Event]) -> None:
    twice = [replace(event, event_id=f"{event.event_id} again") for event in events if newest(event)]
    (finding,) = checked([*events, *twice])["events"]
    assert (finding.level, finding.remedy) == ("warn", "Look whether something is sent twice")


def test_outcomes_that_no_longer_come_are_refused(events: list[Event]) -> None:
    found = levels(checked(events, lambda e: None if newest(e, 28) and e.type == "purchased" else e))
    assert found["purchases"] == {"refuse"}
    assert found["losses"] == {"ok"}


def test_a_large_type_that_vanished_is_refused_and_its_new_name_is_told(events: list[Event]) -> None:
    types = [event.type for event in events]
    largest = max(set(types), key=types.count)
    found = checked(events, lambda e: replace(e, type="renamed") if newest(e) and e.type == largest else e)
    assert levels(found)["types"] == {"refuse", "warn"}
    assert any("'renamed'" in finding.got for finding in found["types"])
    assert levels(found)["events"] == {"ok"}


def test_a_trait_that_is_no_longer_given_is_told(events: list[Event]) -> None:
    def drop(event: Event) -> Event:
        if not newest(event) or event.type != "identify":
            return event
        return replace(event, properties={n: v for n, v in event.properties.items() if n != "source"})

    many = [replace(e, event_id=f"{e.event_id}-{k}", lead_id=f"{e.lead_id}-{k}") for e in events for k in range(3)]
    found = checked(many, drop)
    (finding,) = found["properties"]
    assert finding.level == "warn"
    assert "the trait 'source' in " in finding.expected
    assert finding.got == "in 0 % in the newest 7 days"


def test_outcomes_that_are_recorded_later_than_usual_are_told(events: list[Event]) -> None:
    def later(event: Event) -> Event:
        if event.type not in ("purchased", "lost") or not newest(event, 38):
            return event
        return replace(event, recorded_at=min(END, event.occurred_at + 10 * DAY))

    (finding,) = checked(events, later)["outcome_delay"]
    assert finding.level == "warn"
    assert finding.got == "10.0 days in the newest 4 weeks"


def test_old_data_are_told(events: list[Event]) -> None:
    history = History.from_events(events[:3000])
    (finding,) = [f for f in check_data(history, known_by=END + 30 * DAY) if f.name == "age"]
    assert finding.level == "warn"


def test_leads_that_look_otherwise_than_the_champion_knows_them_are_told(events: list[Event]) -> None:
    champion = small_scorer("1", known_by="2026-10-01")
    assert levels(checked(events, champion=champion))["drift"] == {"ok"}
    # nobody new for half a year: those that are open are older than any before
    first: dict[str, int] = {}
    for event in events:
        first[event.lead_id] = min(event.occurred_at, first.get(event.lead_id, END))
    old = checked(events, lambda e: e if first[e.lead_id] < END - 120 * DAY else None, champion=champion)
    (finding,) = old["drift"]
    assert finding.level == "warn"
    assert "age_days" in finding.got


@pytest.mark.parametrize("many", [False, True])
@pytest.mark.parametrize("days", range(35, 42))
def test_an_older_champion_does_not_make_a_drift_of_weekends(
    days: int, many: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monday = parse_time("2026-10-05")
    history = weekly_rhythm(monday - 220 * DAY, 220, a_day=2)
    if many:  # leads, so that few dates are looked at
        monkeypatch.setattr("training.data_checks.drift.MOST_PAIRS", 5 * history.n_leads)
    known_by = str(np.datetime64((monday - days * DAY) // DAY, "D"))
    champion = replace(small_scorer("1", known_by=known_by), catalogue=CATALOGUE)
    (finding,) = [f for f in check_data(history, known_by=monday, champion=champion) if f.name == "drift"]
    assert finding.level == "ok", finding.got
    assert finding.got.startswith("a stability index of at most")


def test_too_short_a_history_is_not_judged(events: list[Event]) -> None:
    first = min(event.occurred_at for event in events)
    short = [event for event in events if event.occurred_at < first + 20 * DAY]
    found = levels(checked(short))
    assert set.union(
        *(found[name] for name in ("events", "leads", "types", "properties", "drift") if name in found)
    ) == {"ok"}


def test_a_refusal_stops_unless_it_is_ignored_or_nothing_serves() -> None:
    findings = [
        Finding("events", "refuse", "10 to 20 events", "none", "Look"),
        Finding("types", "warn", "the old types", "a new one"),
    ]
    with pytest.raises(InputError, match=r"got events: expected 10 to 20 events, got none\. Look\. .*") as caught:
        refuse(findings, ignored=[], serves=True)
    assert str(caught.value).endswith("--ignore-data-checks events")
    counted = refuse(findings, ignored=["events"], serves=True)
    assert [found.level for found in counted] == ["ignored", "warn"]
    assert told(counted)[0] == "ignored: events: expected 10 to 20 events, got none. Look"
    assert [found.level for found in refuse(findings, ignored=[], serves=False)] == ["warn", "warn"]


def test_where_a_model_serves_a_broken_feed_keeps_another_from_being_trained(events: list[Event]) -> None:
    history = History.from_events([e for e in events if not newest(e, 28) or e.type != "purchased"])
    with pytest.raises(InputError, match=r"purchases: expected .* in the newest 28 days, got 0"):
        checked_data(history, Rivals(serving="1"), known_by=END, ignored=[])
    found = checked_data(history, Rivals(serving="1"), known_by=END, ignored=["purchases"])
    assert [finding.level for finding in found if finding.name == "purchases"] == ["ignored"]
    found = checked_data(history, Rivals(), known_by=END, ignored=[])
    assert [finding.level for finding in found if finding.name == "purchases"] == ["warn"]


@given(st.integers(5, 400), st.integers(0, 2**32 - 1))
def test_a_week_like_the_others_is_within_the_limits(mean: int, seed: int) -> None:
    counts = np.random.default_rng(seed).poisson(mean, 14).astype(float)
    usual = expected(counts[:-1])
    assert usual.low <= usual.mean <= usual.high
    # one in two thousand may be outside: far beyond is what must never be
    assert usual.low - 3 * np.sqrt(mean) <= counts[-1] <= usual.high + 3 * np.sqrt(mean)


def test_weeks_count_back_from_the_end_and_only_whole_ones() -> None:
    at = np.array([END - k * DAY for k in range(24)])
    assert weekly(at, END, weeks=9).tolist() == [7.0, 7.0, 8.0]
    assert weekly(at, END, weeks=2).tolist() == [7.0, 8.0]
    assert weekly(np.zeros(0, dtype=np.int64), END, weeks=9).tolist() == []


def test_names_are_those_that_can_be_ignored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from training import train

    with pytest.raises(SystemExit):
        train.main(["--ignore-data-checks", "nothing"])
    assert "outcome_delay" in capsys.readouterr().err
