"""Calling now or looking again tomorrow: the cost of waiting, and that a day planned by it stays planned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.curves import Curves
from model.decision import CallCosts, decide, handoff_day, waiting_cost, weighed_days
from model.discrete import curves_from_hazards

EDGES = np.array([0.0, 1, 2, 3, 5, 7, 10, 14, 21, 30])
hazards = st.lists(st.floats(0, 0.9), min_size=9, max_size=9)
costs = st.builds(
    CallCosts,
    early=st.floats(0.1, 5),
    late=st.floats(0.1, 20),
    wasted_call=st.floats(0, 50),
    early_cap=st.none() | st.floats(0.5, 20),
    lead_time=st.sampled_from([0.0, 4.0, 14.0]),
    missed_days=st.none() | st.floats(0, 60),
)


def curve(purchase: list[float], loss: list[float]) -> Curves:
    return curves_from_hazards(EDGES, np.array([purchase]), np.array([loss]))


def still_open(curves: Curves, day: int) -> Curves:
    """The curves of the same leads if they are open on a later day and nothing was learned; whole days."""
    days = np.arange(day, curves.days[-1] + 1)
    f1, f2 = curves.at(days)
    left = 1 - f1[:, :1] - f2[:, :1]
    return Curves(days - day, (f1 - f1[:, :1]) / left, (f2 - f2[:, :1]) / left)


def constant(purchase: float, loss: float, longest: int = 90) -> Curves:
    """Hazards a day that never change."""
    days = np.arange(longest + 1.0)
    gone = (1 - (1 - purchase - loss) ** days) / (purchase + loss)
    return Curves(days, (purchase * gone)[None, :], (loss * gone)[None, :])


@given(purchase=hazards, loss=hazards, given_costs=costs, day=st.integers(1, 25))
def test_what_waiting_has_cost_does_not_depend_on_what_follows(
    purchase: list[float], loss: list[float], given_costs: CallCosts, day: int
) -> None:
    """Bellman's principle: K(s + a) = M F1(s) + P(open at s) K'(a)."""
    curves = curve([h / 2 for h in purchase], [h / 3 for h in loss])
    f1, f2 = (float(f[0, 0]) for f in curves.at([day]))
    left = 1 - f1 - f2
    if left < 1e-6:
        return
    missed = given_costs.late * given_costs.most_days_late(30.0)
    fixed = CallCosts(**{**vars(given_costs), "missed_days": given_costs.most_days_late(30.0)})
    cost, never = waiting_cost(curves, fixed)
    later, later_never = waiting_cost(still_open(curves, day), fixed)
    assert cost[0, day:] == pytest.approx(missed * f1 + left * later[0], rel=1e-6, abs=1e-6)
    assert never[0] == pytest.approx(missed * f1 + left * later_never[0], rel=1e-6, abs=1e-6)


@given(purchase=hazards, loss=hazards, given_costs=costs, value=st.none() | st.floats(1, 500))
def test_costs_are_those_of_simulated_leads(
    purchase: list[float], loss: list[float], given_costs: CallCosts, value: float | None
) -> None:
    c = given_costs
    if value is not None:
        c = CallCosts(**{**vars(c), "deal_lost_after": 9.0, "deal_value": 77.0})
    curves = curve([h / 2 for h in purchase], [h / 3 for h in loss])
    cost, never = waiting_cost(curves, c, None if value is None else [value])
    k = 200
    times = (np.arange(30 * k) + 0.5) / k
    f1, f2 = (f[0] for f in curves.at(np.arange(30 * k + 1) / k))
    bought, rate = np.diff(f1), c.late if value is None else value / 9.0
    most = rate * c.most_days_late(30.0)
    for day in (0, 1, 8, 30):
        gap = times - day - c.lead_time
        early = np.minimum(c.early * np.maximum(gap, 0), np.inf if c.early_cap is None else c.early_cap)
        late = np.minimum(rate * np.maximum(-gap, 0), most)
        each = np.where(times > day, early + late, most)
        expected = (bought * each).sum() + c.wasted_call * (1 - f1[-1] - f2[day * k])
        assert cost[0, day] == pytest.approx(expected, rel=1e-3, abs=1e-2)
    assert never[0] == pytest.approx(most * f1[-1], abs=1e-9)


@given(purchase=st.floats(1e-4, 0.05), loss=st.floats(0, 0.05), given_costs=costs)
def test_a_hazard_that_stays_the_same_is_called_today_or_not_at_all(
    purchase: float, loss: float, given_costs: CallCosts
) -> None:
    """The plan for tomorrow is never put off again by a day that brings nothing new."""
    curves = constant(purchase, loss)
    fixed = CallCosts(**{**vars(given_costs), "missed_days": given_costs.most_days_late(90.0)})
    cost, never = waiting_cost(curves, fixed)
    best = int(np.argmin(cost[0]))
    if cost[0, best] <= never[0] and best < 60:
        missed = fixed.most_days_late(90.0)
        assert handoff_day(still_open(curves, best), fixed, missed_days=missed)[0] == 0


def test_the_date_of_a_call_that_is_planned_anew_each_day_recedes_and_this_rule_does_not() -> None:
    curves, given_costs = constant(0.004, 0.0), CallCosts()
    assert decide(curves, given_costs).day[0] > 10  # and so on every other day, for the curve will be the same
    assert handoff_day(curves, given_costs)[0] == 0


@pytest.mark.parametrize(
    ("changed", "later"), [({"missed_days": 1.0}, True), ({"missed_days": 400.0}, False), ({"early": 50.0}, True)]
)
def test_who_pays_less_for_missing_waits_longer(changed: dict[str, Any], later: bool) -> None:
    rising = curve([0.001, 0.001, 0.002, 0.002, 0.01, 0.05, 0.3, 0.5, 0.6], [0.0] * 9)
    usual = int(np.argmin(waiting_cost(rising, CallCosts(missed_days=20.0))[0]))
    other = int(np.argmin(waiting_cost(rising, CallCosts(**{"missed_days": 20.0, **changed}))[0]))
    assert other >= usual if later else other <= usual
    assert np.isnan(handoff_day(curve([0.0] * 9, [0.1] * 9), CallCosts(**{"missed_days": 20.0, **changed})))[0]


def test_a_miss_is_weighed_by_two_thirds_and_no_more_than_a_third_of_the_horizon() -> None:
    assert weighed_days(CallCosts(), 90.0) == pytest.approx(30.0)
    assert weighed_days(CallCosts(missed_days=15.0), 90.0) == pytest.approx(10.0)
    assert weighed_days(CallCosts(deal_lost_after=12.0, deal_value=1.0), 90.0) == pytest.approx(8.0)
