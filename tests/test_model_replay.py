"""Replaying a policy: each lead is called at most once, costs add up, and hindsight is never dearer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.events import DAY, Event
from features.history import History
from features.lives import lead_lives, standings
from model.decision import CallCosts
from model.replay.account import Charges, Result, hindsight, settle
from model.replay.choose import choose
from model.replay.compare import by_group, compare
from model.replay.policies import at_once, before_deadline, decided, due, fixed_delay, kept, ready
from model.replay.rows import Rows, replay_rows

HOURS = DAY // 24
END = 200 * DAY
CHARGES = Charges(early=1.0, late=5.0, wasted_call=10.0, longest=30.0, missed_days=20.0)


def seen(lead: str, at: int) -> Event:
    return Event(event_id=f"{lead}-{at}", lead_id=lead, type="page_view", occurred_at=at, recorded_at=at)


def ended(lead: str, how: str, at: int, *, known: int | None = None) -> Event:
    return Event(event_id=f"{lead}-end", lead_id=lead, type=how, occurred_at=at, recorded_at=known or at)


def rows_of(*events: Event, step: int = 1, until: int = 150) -> Rows:
    history = History.from_events(events)
    lives = lead_lives(history, END)
    return replay_rows(history, lives, since=0, enter_until=100 * DAY, until=until * DAY, step=step)


@st.composite
def worlds(draw: st.DrawFn) -> Rows:
    events = []
    for n in range(draw(st.integers(1, 6))):
        entered = draw(st.integers(0, 99 * 24))
        how = draw(st.sampled_from(["open", "purchased", "lost"]))
        events.append(seen(f"l{n}", entered * HOURS))
        if how != "open":
            at = entered + draw(st.integers(0, 90 * 24))
            late = draw(st.sampled_from([0, 0, 30, 200]))
            events.append(ended(f"l{n}", how, at * HOURS, known=(at + late) * HOURS))
    return rows_of(*events, step=draw(st.sampled_from([1, 3, 7])), until=draw(st.integers(100, 160)))


@st.composite
def replays(draw: st.DrawFn) -> tuple[Rows, np.ndarray, Charges]:
    rows = draw(worlds())
    plan = draw(st.lists(st.sampled_from([np.nan, 0, 1, 2, 5, 20, 40]), min_size=len(rows), max_size=len(rows)))
    charges = Charges(
        early=draw(st.floats(0.1, 5)),
        late=draw(st.floats(0.1, 30)),
        wasted_call=draw(st.floats(0, 50)),
        longest=draw(st.sampled_from([7.0, 30.0, 90.0])),
        missed_days=draw(st.floats(0, 90)),
        early_cap=draw(st.sampled_from([float("inf"), 5.0])),
        lead_time=draw(st.sampled_from([0.0, 14.0])),
    )
    return rows, np.array(plan, dtype=np.float64), charges


def the_one(result: Result) -> tuple[float, bool, bool, bool, float]:
    assert len(result) == 1
    return tuple(part[0] for part in (result.day, result.won, result.wasted, result.late, result.cost))


@settings(max_examples=200, deadline=None)
@given(replays())
def test_hindsight_costs_no_lead_more_than_any_policy(drawn: tuple[Rows, np.ndarray, Charges]) -> None:
    rows, plan, charges = drawn
    assert np.all(hindsight(rows, charges).cost <= settle(rows, plan, charges).cost + 1e-9)


@settings(max_examples=100, deadline=None)
@given(replays())
def test_every_lead_comes_to_one_end_and_costs_add_up_over_leads(drawn: tuple[Rows, np.ndarray, Charges]) -> None:
    rows, plan, charges = drawn
    result = settle(rows, plan, charges)
    assert len(result) == len(rows.leads)
    ends = np.stack([result.won, result.wasted, result.late, result.waiting]).sum(axis=0)
    assert np.all(ends <= 1)
    assert np.array_equal(result.called, result.won | result.wasted | (result.late & result.called))
    alone = [settle(rows.rows(rows.lead == lead), plan[rows.lead == lead], charges).cost[0] for lead in rows.leads]
    assert np.array_equal(result.cost, alone), "a lead costs the same whoever else is there"
    certain = charges.wasted_call * result.wasted.sum() + charges.missed * (result.late & ~result.called).sum()
    spare = np.concatenate([result.days_early[result.won], -result.days_late[result.late & result.called]])
    spare = spare - charges.lead_time
    early = np.minimum(charges.early * np.maximum(spare, 0), charges.early_cap).sum()
    late = charges.late * np.minimum(np.maximum(-spare, 0), charges.missed_days).sum()
    assert certain + early + late == pytest.approx(result.cost.sum())


@settings(max_examples=100, deadline=None)
@given(worlds(), st.data())
def test_what_is_planned_after_the_call_makes_no_difference(rows: Rows, data: st.DataObject) -> None:
    plan = np.array(data.draw(st.lists(st.sampled_from([np.nan, 0.0, 3.0]), min_size=len(rows), max_size=len(rows))))
    result = settle(rows, plan, CHARGES)
    age_of_call = np.repeat(np.where(result.called, result.day, np.inf), rows.last - rows.first + 1)
    other = np.where(rows.age > age_of_call, 0.0, plan)
    assert np.array_equal(settle(rows, other, CHARGES).day, result.day, equal_nan=True)


@settings(max_examples=100, deadline=None)
@given(replays(), st.data())
def test_of_deals_with_values_hindsight_is_never_dearer_and_unknown_values_change_nothing(
    drawn: tuple[Rows, np.ndarray, Charges], data: st.DataObject
) -> None:
    rows, plan, charges = drawn
    charges = replace(charges, lost_after=14.0)
    values = st.sampled_from([np.nan, -1.0, 0.0, 50.0, 10_000.0])
    value = np.array(data.draw(st.lists(values, min_size=len(rows), max_size=len(rows))))
    assert np.all(hindsight(rows, charges, value).cost <= settle(rows, plan, charges, value).cost + 1e-6)
    without = settle(rows, plan, charges)
    for unknown in (np.full(len(rows), np.nan), np.full(len(rows), -1.0)):
        assert settle(rows, plan, charges, unknown).cost.tobytes() == without.cost.tobytes()
        assert hindsight(rows, charges, unknown).cost.tobytes() == hindsight(rows, charges).cost.tobytes()
    linear = replace(charges, lost_after=None)
    assert settle(rows, plan, linear, value).cost.tobytes() == without.cost.tobytes(), "no deal is lost by days"


def test_a_missed_deal_costs_what_it_was_worth() -> None:
    leads = ("cheap", "dear", "unknown")
    events = [e for lead in leads for e in (seen(lead, 0), ended(lead, "purchased", 12 * DAY + 6 * HOURS))]
    rows = rows_of(*events)
    costs = CallCosts(deal_lost_after=14.0, deal_value=500.0)
    charges = Charges.of(costs, longest=30.0)
    value = np.array([28.0, 2_800.0, np.nan])[rows.lead]
    none = np.full(len(rows), np.nan)
    assert settle(rows, none, charges, value).cost.tolist() == pytest.approx([28, 2_800, 500])
    # the one that is cheap to miss is left to itself
    found = settle(rows, np.where(rows.lead == 0, np.nan, 0.0), charges, value)
    assert found.cost.tolist() == [28, 12.25, 12.25]
    late = settle(rows_of(*events[:1], ended("cheap", "purchased", 2 * DAY, known=8 * DAY)), np.zeros(8) + 5, charges)
    assert late.cost.tolist() == pytest.approx([500])


def test_a_deal_is_worth_the_same_whenever_its_lead_is_called() -> None:
    rows = rows_of(seen("a", 0), ended("a", "purchased", 2 * DAY, known=8 * DAY))
    charges = Charges.of(CallCosts(deal_lost_after=14.0, deal_value=500.0), longest=30.0)
    value = np.where(rows.age < 6, np.nan, 2_800.0)  # learned after the call, and after the purchase
    result = settle(rows, fixed_delay(rows, 5), charges, value)
    assert (result.days_late.tolist(), result.cost.tolist()) == ([3], [600])
    assert result.late_rate.tolist() == [200]
    assert settle(rows, np.full(len(rows), np.nan), charges, value).cost.tolist() == [2_800]


def test_rows_are_the_days_on_which_a_lead_was_known_and_open() -> None:
    events = [
        seen("a", 5 * HOURS),
        ended("a", "purchased", 3 * DAY, known=5 * DAY + 1),
        seen("b", -DAY),
        seen("c", DAY),
    ]
    history = History.from_events(events)
    rows = replay_rows(history, lead_lives(history, END), since=0, enter_until=50 * DAY, until=60 * DAY)
    days = {lead: (rows.as_of[rows.lead == lead] / DAY).tolist() for lead in rows.leads}
    assert days == {0: [1, 2, 3, 4, 5], 2: list(range(1, 61))}, "b had entered before the replay began"
    assert np.all(standings(history, rows.lead, rows.as_of) == 0)
    assert rows.duration[rows.lead == 0].tolist() == [2, 1, 0, -1, -2]


def test_a_call_before_the_purchase_costs_each_day() -> None:
    rows = rows_of(seen("a", 0), ended("a", "purchased", 12 * DAY + 6 * HOURS))
    assert the_one(settle(rows, at_once(rows), CHARGES)) == (0, True, False, False, 12.25)
    assert the_one(settle(rows, fixed_delay(rows, 10), CHARGES)) == (10, True, False, False, 2.25)
    assert the_one(hindsight(rows, CHARGES)) == (12, True, False, False, 0.25)


def test_a_purchase_before_the_call_is_late_by_the_date_that_stood() -> None:
    rows = rows_of(seen("a", 0), ended("a", "purchased", 12 * DAY + 6 * HOURS))
    result = settle(rows, fixed_delay(rows, 15), CHARGES)
    assert np.isnan(result.day[0])
    assert (result.late[0], result.cost[0], result.days_late[0]) == (True, 100.0, 2.75)
    never = settle(rows, np.full(len(rows), np.nan), CHARGES)
    assert (never.late[0], never.cost[0]) == (True, 100.0)
    assert np.isnan(never.days_late[0])


def test_a_purchase_that_nobody_knows_of_yet_is_called_late() -> None:
    rows = rows_of(seen("a", 0), ended("a", "purchased", 2 * DAY, known=8 * DAY))
    day, won, wasted, late, cost = the_one(settle(rows, fixed_delay(rows, 5), CHARGES))
    assert (day, won, wasted, late, cost) == (5, False, False, True, 15.0)


@pytest.mark.parametrize(("how", "at"), [("lost", 12), ("purchased", 40), ("open", 0)])
def test_a_call_that_no_purchase_follows_is_wasted(how: str, at: int) -> None:
    rows = rows_of(seen("a", 0), *([] if how == "open" else [ended("a", how, at * DAY)]))
    assert the_one(settle(rows, fixed_delay(rows, 3), CHARGES)) == (3, False, True, False, 10.0)


def test_a_lead_lost_before_the_call_costs_nothing_and_one_still_open_waits() -> None:
    rows = rows_of(seen("a", 0), ended("a", "lost", 12 * DAY), seen("b", 0))
    result = settle(rows, fixed_delay(rows, 200), CHARGES)
    assert result.cost.tolist() == [0, 0]
    assert result.waiting.tolist() == [False, True]


def test_between_two_looks_a_call_is_made_on_its_day() -> None:
    rows = rows_of(seen("a", 0), ended("a", "purchased", 12 * DAY), step=7)
    assert settle(rows, fixed_delay(rows, 10), CHARGES).day.tolist() == [10]
    assert np.isnan(settle(rows, fixed_delay(rows, 13), CHARGES).day[0]), "it had bought by then"


def test_a_date_that_moves_is_followed_and_a_kept_one_is_not() -> None:
    rows = rows_of(seen("a", 0), ended("a", "purchased", 12 * DAY))
    plan = np.where(rows.age < 3, np.nan, 5.0)
    assert np.isnan(settle(rows, plan, CHARGES).day[0])
    assert settle(rows, kept(rows, plan), CHARGES).day.tolist() == [8]
    assert np.isnan(kept(rows, plan)[:3]).all()
    assert np.isnan(kept(rows, np.full(len(rows), np.nan))).all()


def test_plans_of_the_simple_rules() -> None:
    rows = rows_of(seen("a", 0), until=3)
    assert ready(np.array([1.0, 50.0, 49.9, 80.0]), 50).tolist() == pytest.approx([np.nan, 0, np.nan, 0], nan_ok=True)
    deadline = np.array([20.5, 3.0, -4.0, np.nan])
    assert before_deadline(deadline, 7, fixed_delay(rows, 9)).tolist() == [13, 0, 0, 6]
    assert due(np.array([0.0, 3.0, 3.1, np.nan]), 3).tolist() == pytest.approx([0, 0, np.nan, np.nan], nan_ok=True)
    given_days = decided(np.array([1.0, 2.0]), np.array([True, False]))
    assert given_days.tolist() == pytest.approx([1, np.nan], nan_ok=True)


def test_the_constants_are_the_cheapest_on_the_past() -> None:
    events = []
    for n in range(20):
        events += [seen(f"b{n}", n * DAY), ended(f"b{n}", "purchased", (n + 9) * DAY + HOURS)]
        events += [seen(f"l{n}", n * DAY), ended(f"l{n}", "lost", (n + 4) * DAY + HOURS)]
    rows = rows_of(*events)
    buyer = np.array([rows.outcome[i] == 1 for i in range(len(rows))])
    readiness = np.where(buyer & (rows.age >= 8), 90.0, 10.0)
    deadline = np.where(buyer, rows.duration + 14, np.nan)
    day = np.where(buyer, rows.duration + 5, np.nan)
    found = choose(rows, readiness, deadline, day, CHARGES)
    assert (found.delay, found.threshold, found.within, found.leads) == (9, 15, 7, 40)
    for other in range(31):
        costs = [settle(rows, fixed_delay(rows, days), CHARGES).cost.sum() for days in (found.delay, other)]
        assert costs[0] <= costs[1]


def test_the_constants_weigh_each_deal_by_its_value() -> None:
    events = []
    for n in range(20):
        events += [seen(f"b{n:02d}", n * DAY), ended(f"b{n:02d}", "purchased", (n + 9) * DAY + HOURS)]
        events += [seen(f"l{n:02d}", n * DAY), ended(f"l{n:02d}", "lost", (n + 20) * DAY + HOURS)]
    rows = rows_of(*events)
    charges = Charges.of(CallCosts(wasted_call=50.0, deal_lost_after=14.0, deal_value=500.0), longest=30.0)
    unknown = np.full(len(rows), np.nan)
    past = rows, unknown, unknown, unknown, charges
    assert choose(*past).delay == 9
    assert choose(*past, value=unknown) == choose(*past)
    assert choose(*past, value=np.full(len(rows), 20.0)).delay == 21, "a call in vain costs more than the deal"


def test_policies_are_compared_on_the_same_leads() -> None:
    events = []
    for n in range(40):
        events.append(seen(f"l{n:02d}", n * DAY))
        if n % 2:
            events.append(ended(f"l{n:02d}", "purchased", (n + 5) * DAY + HOURS))
    rows = rows_of(*events)
    results = {
        "own": settle(rows, fixed_delay(rows, 4), CHARGES),
        "once": settle(rows, at_once(rows), CHARGES),
        "never": settle(rows, np.full(len(rows), np.nan), CHARGES),
    }
    own, once, never = compare(results, own="own")
    assert (own.calls, own.won, own.wasted, own.late) == (40, 20, 20, 0)
    assert own.above.value == own.above.low == own.above.high == 0
    assert (once.above.value, once.above.low, once.above.high) == pytest.approx((2, 1.3, 2.7), abs=0.2)
    assert own.conversion.value == own.wasted_share.value == 0.5
    assert own.conversion.low < 0.5 < own.conversion.high
    assert (never.calls, never.late, never.late_share.value) == (0, 20, 1.0)
    assert np.isnan(never.conversion.value)
    groups = ["odd" if n % 2 else "even" for n in range(40)]
    parts = by_group(results, groups, own="own")
    assert list(parts) == ["even", "odd"]
    for k, whole in enumerate((own, once, never)):
        assert sum(part[k].cost.value * part[k].leads for part in parts.values()) == pytest.approx(
            40 * whole.cost.value
        )
