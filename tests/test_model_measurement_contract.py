"""What marketing and sales owe each other: weeks, hours, and who kept which."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from measurement_log import EVER, HOUR, NOW, Log

from features.events import DAY, EARLIEST, parse_time, to_datetime, to_iso
from features.handoff_answers import UNQUALIFIED
from model.measurement.contract import Contract, Terms, contract
from model.measurement.hours import CLOCK, NEVER, Hours
from model.measurement.period import Period

MONDAY = parse_time("2026-10-05")  # 08:00 to 18:00 on weekdays below
WEEKDAYS = [MONDAY + day * DAY for day in range(-60, 61) if (day % 7) < 5]
WORKING = Hours(np.array([day + 8 * HOUR for day in WEEKDAYS]), np.array([day + 18 * HOUR for day in WEEKDAYS]))

spans = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 5)), min_size=1, max_size=8)


def from_steps(steps: list[tuple[int, int]]) -> Hours:
    """Spans so long, each so far after the one before."""
    at, opens, closes = 0, [], []
    for gap, length in steps:
        opens.append(at + gap)
        closes.append(at + gap + length)
        at = closes[-1]
    return Hours(np.array(opens), np.array(closes))


def slow_between(hours: Hours, since: int, until: int) -> int:
    """Moment by moment."""
    pairs = list(zip(hours.opens.tolist(), hours.closes.tolist(), strict=True))
    return sum(any(opens <= moment < closes for opens, closes in pairs) for moment in range(since, until))


@given(spans, st.integers(-3, 90), st.integers(0, 90))
def test_hours_are_what_counting_each_moment_gives(steps: list[tuple[int, int]], since: int, more: int) -> None:
    hours = from_steps(steps)
    assert hours.between(since, since + more) == slow_between(hours, since, since + more)


@given(spans, st.integers(-3, 90), st.integers(0, 30))
def test_the_last_moment_is_the_last_in_which_no_more_has_passed(
    steps: list[tuple[int, int]], since: int, allowed: int
) -> None:
    hours = from_steps(steps)
    last = int(hours.last_moment(since, allowed))
    if last == NEVER:
        assert slow_between(hours, since, 200) <= allowed
    else:
        assert slow_between(hours, since, last) <= allowed < slow_between(hours, since, last + 1)


@given(spans, st.lists(st.integers(-3, 90), min_size=3, max_size=3))
def test_hours_add_up(steps: list[tuple[int, int]], moments: list[int]) -> None:
    hours = from_steps(steps)
    a, b, c = sorted(moments)
    assert hours.between(a, b) + hours.between(b, c) == hours.between(a, c) <= c - a
    assert CLOCK.between(a, c) == c - a


def test_nights_and_weekends_do_not_count() -> None:
    friday = MONDAY + 4 * DAY
    assert WORKING.between(friday + 17 * HOUR, friday + 3 * DAY + 9 * HOUR) == 2 * HOUR
    assert WORKING.last_moment(friday + 17 * HOUR, HOUR) == friday + 3 * DAY + 8 * HOUR, "until work begins again"
    assert WORKING.last_moment(friday + 20 * HOUR, 2 * HOUR) == friday + 3 * DAY + 10 * HOUR
    nobody = Hours(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))
    assert nobody.between(0, DAY) == 0
    assert nobody.last_moment(0, 1) == NEVER


def made(log: Log, *, now: int = NOW, period: Period = EVER, closed: dict | None = None, **terms: object) -> Contract:
    return contract(log.journeys(now), period, Terms(**terms), closed or {})


def states(found: Contract) -> dict[str, str]:
    return {one.lead_id: one.state for one in found.handoffs}


def answer(log: Log, lead: str, handed_at: int, at: int, reason: str | None = None) -> None:
    kind = "handoff_accepted" if reason is None else "handoff_rejected"
    log.add(lead, kind, at, handed_over_at=to_iso(handed_at), by="kim", reason=reason)


def test_each_kind_of_reaction_counts_and_the_first_one_is_told() -> None:
    log, start = Log(), MONDAY + 9 * HOUR
    for lead in ("accepted", "rejected", "called", "bought", "lost", "nothing", "late", "held"):
        log.add(lead, "page_view", MONDAY - DAY)
        log.handoff(lead, start, held_out=lead == "held")
    answer(log, "accepted", start, start + HOUR)
    log.add("accepted", "sales_call", start + 2 * HOUR)
    answer(log, "rejected", start, start + HOUR, "other")
    log.add("called", "sales_call", start + 3 * HOUR)
    log.add("bought", "purchased", start + 4 * HOUR)
    log.add("lost", "lost", start + 4 * HOUR)
    log.add("late", "sales_call", start - HOUR)
    log.add("late", "sales_call", start + 4 * HOUR + 1)
    found = made(log, now=start + 5 * HOUR, reaction_hours=4.0)
    assert {one.lead_id: (one.reaction, one.hours, one.state) for one in found.handoffs} == {
        "accepted": ("accepted", 1, "in_time"),
        "rejected": ("rejected", 1, "in_time"),
        "called": ("sales_call", 3, "in_time"),
        "bought": ("purchased", 4, "in_time"),
        "lost": ("lost", 4, "in_time"),
        "nothing": (None, 5, "overdue"),
        "late": ("sales_call", pytest.approx(4), "late"),
    }
    (kim,) = found.people
    assert (kim.in_time, kim.late, kim.overdue, kim.accepted, kim.rejected) == (5, 1, 1, 1, 1)
    assert kim.share.value == pytest.approx(5 / 7)
    assert kim.share.low < 5 / 7 < kim.share.high < 1
    assert kim.hours[0] == 4
    assert (found.team.handed_over, found.team.owner) == (7, None)


def test_who_waits_is_in_breach_only_once_the_time_is_over() -> None:
    log, friday = Log(), MONDAY + 4 * DAY
    log.add("a", "page_view", MONDAY)
    log.handoff("a", friday + 17 * HOUR)
    monday = friday + 3 * DAY
    for now, state in ((friday + 23 * HOUR, "waiting"), (monday + 10 * HOUR, "waiting"),
                       (monday + 10 * HOUR + 1, "overdue")):  # fmt: skip
        (one,) = made(log, now=now, reaction_hours=3.0, hours=WORKING).handoffs
        assert (one.state, one.due_at) == (state, monday + 10 * HOUR)
    assert states(made(log, now=friday + 21 * HOUR, reaction_hours=3.0)) == {"a": "overdue"}, "by the clock"


def test_a_window_that_closed_in_time_asks_for_nothing() -> None:
    log = Log()
    log.add("a", "page_view", MONDAY)
    log.handoff("a", MONDAY + HOUR)
    for closed, state in ((MONDAY + 2 * HOUR, "withdrawn"), (MONDAY + 30 * HOUR, "overdue")):
        assert states(made(log, closed={("a", MONDAY + HOUR): closed})) == {"a": state}


def test_an_answer_is_about_its_handoff_and_those_before() -> None:
    log = Log()
    log.add("a", "page_view", MONDAY)
    for week in range(3):
        log.handoff("a", MONDAY + week * 7 * DAY)
    answer(log, "a", MONDAY + 7 * DAY, MONDAY + 7 * DAY + HOUR, "too_early")
    log.add("a", "handoff_accepted", MONDAY + 14 * DAY + HOUR, by="kim")  # of a CRM: does not say of which
    assert [(one.reaction, one.state) for one in made(log).handoffs] == [
        ("rejected", "late"), ("rejected", "in_time"), ("accepted", "in_time"),
    ]  # fmt: skip


def test_qualified_leads_by_week_and_what_is_short() -> None:
    log = Log()
    for n, lead in enumerate("abcdef"):
        log.add(lead, "page_view", MONDAY - DAY)
        log.handoff(lead, MONDAY + n * HOUR, held_out=lead == "f")
    log.handoff("a", MONDAY + 3 * DAY)
    log.handoff("a", MONDAY + 14 * DAY)
    answer(log, "b", MONDAY + HOUR, MONDAY + 2 * DAY, "not_a_buyer")
    answer(log, "c", MONDAY + 2 * HOUR, MONDAY + 2 * DAY, "no_capacity")
    answer(log, "a", MONDAY, MONDAY + 2 * HOUR, "too_early")
    until = MONDAY + 17 * DAY
    weeks = made(log, period=Period(MONDAY, until), qualified_per_week=5).weeks
    assert [(one.handed_over, one.rejected, one.qualified, one.shortfall) for one in weeks] == [
        (5, 1, 4, 1), (0, 0, 0, 5), (1, 0, 1, None),
    ]  # fmt: skip
    assert [one.monday.isoformat() for one in weeks] == ["2026-10-05", "2026-10-12", "2026-10-19"]
    assert {one.shortfall for one in made(log, period=Period(MONDAY, until)).weeks} == {None}
    later = made(log, period=Period(MONDAY + 1, until), qualified_per_week=5).weeks
    assert [one.shortfall for one in later] == [None, 5, None], "the first week is there in part"
    assert made(Log(), qualified_per_week=5).weeks == []


def test_without_a_beginning_weeks_count_from_the_first_handoff() -> None:
    log = Log()
    log.add("a", "page_view", MONDAY - 100 * DAY)
    log.handoff("a", MONDAY + DAY)
    weeks = made(log, now=MONDAY + 14 * DAY, period=Period(EARLIEST, NOW), qualified_per_week=1).weeks
    assert [(one.qualified, one.shortfall) for one in weeks] == [(1, None), (0, 1), (0, None)]


def test_marketing_that_hands_over_nobody_at_all_is_short_in_every_week() -> None:
    log, since = Log(), Period(MONDAY, MONDAY + 21 * DAY)
    log.add("a", "page_view", MONDAY - 9 * DAY)
    assert [one.shortfall for one in made(log, period=since, qualified_per_week=10).weeks] == [10, 10, 10]
    long_ago = Period(MONDAY - 700 * DAY, MONDAY)
    weeks = made(log, period=long_ago, qualified_per_week=10).weeks
    assert [one.shortfall for one in weeks] == [None, 10], "before anybody was known nothing was owed"
    assert made(log, period=Period(EARLIEST, NOW), qualified_per_week=10).weeks == [], "nothing tells when it began"


handed = st.tuples(
    st.integers(0, 4), st.integers(0, 60 * 24), st.booleans(), st.sampled_from([None, *sorted(UNQUALIFIED), "other"])
)


@given(st.lists(handed, max_size=12), st.integers(0, 30), st.integers(1, 40), st.integers(1, 5))
def test_weeks_and_states_agree_with_counting(
    rows: list[tuple[int, int, bool, str | None]], begin: int, length: int, promised: int
) -> None:
    log, start = Log(), MONDAY - 20 * DAY
    expected: dict[date, dict[str, bool]] = {}
    period = Period(start + begin * DAY, start + (begin + length) * DAY)
    for lead in range(5):
        log.add(f"l{lead}", "page_view", start - DAY)
    for lead, hour, held_out, reason in {row[:2]: row for row in rows}.values():
        at = start + hour * HOUR
        log.handoff(f"l{lead}", at, held_out=held_out)
        if reason is not None:
            answer(log, f"l{lead}", at, at + HOUR, reason)
        day = to_datetime(at).date()
        if not held_out and period.since <= at < period.until:
            of_week = expected.setdefault(day - timedelta(days=day.weekday()), {})
            of_week[f"l{lead}"] = of_week.get(f"l{lead}", False) or reason not in UNQUALIFIED
    now = start + 200 * DAY
    found = made(log, now=now, period=period, qualified_per_week=promised, hours=WORKING)
    counted = {one.monday: (one.handed_over, one.qualified) for one in found.weeks if one.handed_over}
    assert counted == {week: (len(leads), sum(leads.values())) for week, leads in expected.items()}
    for one in found.weeks:
        assert one.handed_over == one.qualified + one.rejected
        first, after = parse_time(one.monday), parse_time(one.monday + timedelta(days=7))
        whole = period.since <= first and after <= period.until
        assert one.shortfall == (max(promised - one.qualified, 0) if whole else None)
    mondays = [one.monday for one in found.weeks]
    assert all(b - a == timedelta(days=7) for a, b in pairwise(mondays)), "no week is left out"
    team = found.team
    assert team.handed_over == len(found.handoffs) == sum(one.handed_over for one in found.people)
    assert team.in_time + team.late + team.overdue + team.waiting + team.withdrawn == team.handed_over
