import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.business_settings import Costs
from model.curves import Curves
from model.decision import CallCosts, call_days, critical_fractile, decide, expected_cost, fractile_day
from model.discrete import curves_from_hazards

EDGES = np.array([0.0, 1, 2, 3, 5, 7, 10, 14, 21, 30])
hazards = st.lists(st.floats(0, 0.9), min_size=9, max_size=9)


def curve(purchase: list[float], loss: list[float]) -> Curves:
    return curves_from_hazards(EDGES, np.array([purchase]), np.array([loss]))


@pytest.mark.parametrize("late", [1.0, 5.0, 30.0])
@given(purchase=hazards)
def test_purchase_only_calls_at_the_newsvendor_fractile(late: float, purchase: list[float]) -> None:
    if sum(purchase) < 0.1:
        purchase = [0.2, *purchase[1:]]
    curves = curve(purchase, [0.0] * 9)
    found = decide(curves, CallCosts(early=1, late=late, wasted_call=0))
    f, total = curves.purchased[0], curves.purchased[0, -1]
    fractile = total / (1 + late)
    # the best whole day is next to the day at which F reaches early / (early + late), or any day where F stays there
    left, right = np.interp([max(found.day[0] - 1, 0), min(found.day[0] + 1, 30)], EDGES, f)
    assert left <= fractile + 1e-9
    assert fractile <= right + 1e-9


@given(purchase=hazards, early=st.floats(0.1, 10), late=st.floats(0.1, 50), lead_time=st.integers(0, 20))
def test_linear_costs_give_the_critical_fractile(
    purchase: list[float], early: float, late: float, lead_time: int
) -> None:
    """On whole days: the first on which the mean of F over the day that follows reaches the fractile."""
    curves = curve([0.2, *purchase[1:]], [0.0] * 9)
    costs = CallCosts(early=early, late=late, wasted_call=0, lead_time=lead_time)
    cost, _ = expected_cost(curves, costs)
    target = early / (early + late)
    assert critical_fractile(costs) == pytest.approx(target)
    f = np.interp(np.arange(31), EDGES, curves.purchased[0]) / curves.purchased[0, -1]
    reached = np.flatnonzero((f[1:] + f[:-1]) / 2 >= target)
    exact = max(int(reached[0]) - lead_time, 0) if len(reached) else max(30 - lead_time, 0)
    assert cost[0, exact] == pytest.approx(cost[0].min(), rel=1e-9, abs=1e-9)
    assert abs(fractile_day(curves, costs)[0] - exact) <= 1


@given(hazards, st.floats(0.5, 20), st.floats(0.5, 40), st.floats(0, 12), st.floats(10, 500))
def test_caps_lead_time_and_value_are_those_of_simulated_leads(
    purchase: list[float], cap: float, lost_after: float, lead_time: float, value: float
) -> None:
    curves = curve(purchase, [0.05] * 9)
    costs = CallCosts(
        early=2, late=3, wasted_call=20, early_cap=cap, lead_time=lead_time, deal_lost_after=lost_after, deal_value=77
    )
    expected, never = expected_cost(curves, costs, [value])
    k = 400
    times = (EDGES[:-1, None] + np.diff(EDGES)[:, None] * ((np.arange(k) + 0.5) / k)).ravel()
    buys, loses = (np.repeat(np.diff(f[0]), k) / k for f in (curves.purchased, curves.lost))
    stays = 1 - buys.sum() - loses.sum()
    late = value / lost_after
    for a in (0.0, 4.0, 17.0, 30.0):
        gap = times - a - lead_time
        cost = buys @ (np.minimum(2 * np.maximum(gap, 0), cap) + np.minimum(late * np.maximum(-gap, 0), value))
        cost += loses @ np.where(times <= a, 0.0, 20.0) + 20 * stays
        assert expected[0, int(a)] == pytest.approx(cost, rel=1e-3, abs=5e-2)
    assert never[0] == pytest.approx(buys @ np.minimum(late * (30 + lead_time - times), value), rel=1e-3, abs=5e-2)
    default, _ = expected_cost(curves, costs, [np.nan])
    assert default[0, 30] == pytest.approx(expected_cost(curves, costs, [77.0])[0][0, 30])


def test_a_call_too_early_never_costs_more_than_the_cap() -> None:
    late_buyer = curve([0.0] * 8 + [0.99], [0.0] * 9)
    capped = expected_cost(late_buyer, CallCosts(wasted_call=10, early_cap=10))[0]
    assert capped[0, 0] == pytest.approx(10, rel=1e-2)
    assert expected_cost(late_buyer, CallCosts(wasted_call=10))[0][0, 0] > 20


def test_a_sales_lead_time_moves_the_call_ahead_by_as_many_days() -> None:
    curves = curve([0.0] * 7 + [0.9, 0.9], [0.0] * 9)
    plain, earlier = (decide(curves, CallCosts(wasted_call=0, lead_time=days)).day[0] for days in (0, 9))
    assert plain - earlier == 9


def test_a_deal_of_more_value_is_called_earlier() -> None:
    curves = curve([0.1] * 9, [0.02] * 9).rows(np.zeros(2, dtype=np.int64))
    costs = CallCosts(deal_lost_after=20, deal_value=50)
    small, great = decide(curves, costs, [20.0, 2_000.0]).day
    assert great < small


@given(hazards, hazards)
def test_the_costs_in_the_answer_are_those_of_their_days(purchase: list[float], loss: list[float]) -> None:
    curves, costs = curve(purchase, loss), CallCosts()
    found, (cost, never) = decide(curves, costs), expected_cost(curves, costs)
    day = int(found.day[0])
    assert (found.today[0], found.best[0], found.never[0]) == (cost[0, 0], cost[0].min(), never[0])
    assert found.week_later[0] == cost[0, min(day + 7, 30)]


@given(hazards, hazards)
def test_the_expected_cost_is_that_of_simulated_leads(purchase: list[float], loss: list[float]) -> None:
    curves = curve(purchase, loss)
    costs = CallCosts(early=1, late=3, wasted_call=7, lost=2)
    expected, never = expected_cost(curves, costs)
    # the curve as many leads: within a bin, each ending comes at even times
    k = 400
    middle = (np.arange(k) + 0.5) / k
    times = (EDGES[:-1, None] + np.diff(EDGES)[:, None] * middle).ravel()
    buys, loses = (np.repeat(np.diff(f[0]), k) / k for f in (curves.purchased, curves.lost))
    stays = 1 - buys.sum() - loses.sum()
    for a in (0.0, 4.0, 17.0, 30.0):
        cost = buys @ (1 * np.maximum(times - a, 0) + 3 * np.maximum(a - times, 0))
        cost += loses @ np.where(times <= a, 2.0, 7.0) + 7 * stays
        assert expected[0, int(a)] == pytest.approx(cost, abs=2e-2)
    assert never[0] == pytest.approx(buys @ (3 * (30 - times)) + 2 * loses.sum(), abs=2e-2)


@given(hazards, hazards)
def test_no_call_exactly_where_never_calling_is_cheaper(purchase: list[float], loss: list[float]) -> None:
    curves, costs = curve(purchase, loss), CallCosts()
    found, (cost, never) = decide(curves, costs), expected_cost(curves, costs)
    assert found.call[0] == (cost[0].min() <= never[0])
    assert cost[0, int(found.day[0])] == cost[0].min()
    assert found.priority[0] >= 0


def test_nobody_who_will_not_buy_is_called() -> None:
    found = decide(curve([1e-6] * 9, [0.1] * 9), CallCosts())
    assert not found.call[0]
    assert found.priority[0] == 0


def test_urgent_leads_have_the_greater_priority() -> None:
    soon = curve([0.3] * 9, [0.0] * 9)
    later = curve([0.0] * 7 + [0.5, 0.9], [0.0] * 9)
    assert decide(soon, CallCosts()).priority[0] > decide(later, CallCosts()).priority[0]
    assert decide(later, CallCosts(late=1)).priority[0] == 0  # its day is more than a week away


def test_a_late_day_that_costs_more_makes_calls_earlier() -> None:
    curves = curve([0.1] * 9, [0.02] * 9)
    days = [decide(curves, CallCosts(late=late)).day[0] for late in (1, 5, 10, 30)]
    assert days == sorted(days, reverse=True)
    assert days[0] > days[-1]


def test_costs_come_from_the_settings() -> None:
    assert CallCosts.of(Costs(early=2, late=3, wasted_call=4)) == CallCosts(2, 3, 4, 0)


def test_days_are_whole_and_within_the_longest_horizon() -> None:
    assert call_days(2.5).tolist() == [0, 1, 2]
    short = curves_from_hazards(np.array([0.0, 0.5]), np.array([[0.9]]), np.array([[0.0]]))
    assert decide(short, CallCosts(wasted_call=0)).day.tolist() == [0.0]
