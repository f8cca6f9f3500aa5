"""What a call date came to."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.curves import Curves
from model.decision import CallCosts, expected_cost, realised_cost

LONGEST = 30.0
COSTS = [
    CallCosts(),
    CallCosts(early=2.0, late=7.0, wasted_call=4.0, lost=3.0, early_cap=4.0, lead_time=2.0),
    CallCosts(deal_lost_after=10.0, deal_value=50.0, lost=1.0),
]


def certain(day: float, outcome: int) -> Curves:
    """The curve of who knows: the ending within a ten-thousandth of a day."""
    days = np.array([0.0, day - 1e-4, day, LONGEST])
    step = np.array([[0.0, 0.0, 1.0, 1.0]])
    none = np.zeros((1, 4))
    return Curves(days, step if outcome == 1 else none, step if outcome == 2 else none)


@pytest.mark.parametrize("costs", COSTS, ids=["default", "all", "deal lost"])
@given(
    day=st.integers(1, 28).map(lambda day: day + 0.5),
    outcome=st.sampled_from([0, 1, 2]),
    call=st.integers(0, 30),
    called=st.booleans(),
)
def test_it_is_the_expected_cost_of_who_knows(
    costs: CallCosts, day: float, outcome: int, call: int, called: bool
) -> None:
    by_day, never = expected_cost(certain(day, outcome), costs)
    wanted = by_day[0, call] if called else never[0]
    duration = day if outcome else LONGEST + 1
    found = realised_cost(
        np.array([called]), np.array([float(call)]), np.array([duration]), np.array([outcome]), costs, longest=LONGEST
    )
    assert found[0] == pytest.approx(wanted, abs=0.01)


def test_an_ending_after_the_longest_horizon_counts_as_none() -> None:
    called, day = np.array([True, False]), np.array([5.0, 0.0])
    found = realised_cost(called, day, np.array([40.0, 40.0]), np.array([1, 1]), CallCosts(), longest=LONGEST)
    assert found.tolist() == [10.0, 0.0]
