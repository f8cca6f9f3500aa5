"""Whom to call on which day: the plan against brute force, and the calendar and clock around it."""

from __future__ import annotations

import itertools
from datetime import date

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from model.decision import cost_of_delay, plan
from model.decision.capacity import UNPLANNED
from model.decision.reach import best_time, counts, shrunk
from model.decision.working_days import working_days

Float = npt.NDArray[np.float64]
WORK = (0, 1, 2, 3, 4)


def total(cost: Float, otherwise: Float, place: npt.NDArray[np.int64]) -> float:
    called = place >= 0
    return float(otherwise[~called].sum() + cost[called, place[called]].sum())


@settings(deadline=None)
@given(st.data())
def test_no_other_plan_costs_less(data: st.DataObject) -> None:
    n, k = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 3))
    cost = data.draw(hnp.arrays(np.float64, (n, k), elements=st.floats(0, 100)))
    otherwise = data.draw(hnp.arrays(np.float64, n, elements=st.floats(0, 100)))
    slots = data.draw(st.lists(st.integers(0, 2), min_size=k, max_size=k))
    found = plan(cost, otherwise, slots)
    assert all((found == day).sum() <= slots[day] for day in range(k))
    allowed = [
        np.array(choice)
        for choice in itertools.product(range(-1, k), repeat=n)
        if all(choice.count(day) <= slots[day] for day in range(k))
    ]
    assert total(cost, otherwise, found) == pytest.approx(min(total(cost, otherwise, one) for one in allowed))


@given(st.integers(0, 1000))
def test_leaving_out_the_less_worthy_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cost, otherwise = rng.uniform(0, 10, (60, 3)), rng.uniform(5, 12, 60)
    few = plan(cost, otherwise, [2, 1, 2])
    padded = plan(np.pad(cost, ((0, 0), (0, 1)), constant_values=1e9), otherwise, [2, 1, 2, 100])  # room for all rows
    assert total(cost, otherwise, few) == pytest.approx(total(cost, otherwise, padded))


def test_room_goes_to_whom_waiting_costs_most_not_to_the_ripest() -> None:
    # the first loses little tomorrow though its call is worth most; the second cannot wait
    cost = np.array([[1.0, 1.2], [5.0, 9.0]])
    found = plan(cost, np.array([50.0, 10.0]), [1, 1])
    assert found.tolist() == [1, 0]
    assert cost_of_delay(cost, np.array([50.0, 10.0]), found) == pytest.approx([48.8, 4.0])


def test_who_is_better_not_called_is_not_called() -> None:
    found = plan(np.array([[3.0], [1.0]]), np.array([2.0, 2.0]), [5])
    assert found.tolist() == [UNPLANNED, 0]
    assert plan(np.empty((0, 2)), np.empty(0), [1, 1]).tolist() == []
    assert plan(np.ones((1, 1)), np.full(1, 9.0), [0]).tolist() == [UNPLANNED]
    nowhere = plan(np.ones((2, 0)), np.full(2, 9.0), [])  # every day is closed
    assert nowhere.tolist() == [UNPLANNED, UNPLANNED]
    assert cost_of_delay(np.ones((2, 0)), np.full(2, 9.0), nowhere).tolist() == [0, 0]


def test_weekends_and_holidays_are_no_working_days() -> None:
    christmas = {date(2026, 12, 25), date(2026, 12, 24)}
    found = working_days(date(2026, 12, 23), 3, closed=christmas)
    assert found == [date(2026, 12, 23), date(2026, 12, 28), date(2026, 12, 29)]
    assert working_days(date(2026, 12, 26), 1) == [date(2026, 12, 28)]
    assert working_days(date(2026, 12, 26), 1, week=(5, 6)) == [date(2026, 12, 26)]


def test_a_lead_without_reactions_is_best_reached_when_all_are() -> None:
    everyone = counts([1] * 50 + [3] * 90, [10] * 50 + [15] * 90)
    assert best_time(counts([], []), everyone, week=WORK, hours=(8, 18)).weekday == 3
    few = best_time(counts([1] * 2, [10] * 2), everyone, week=WORK, hours=(8, 18))
    assert (few.weekday, few.hour, few.reactions) == (3, 15, 2)
    many = best_time(counts([1] * 60, [10] * 60), everyone, week=WORK, hours=(8, 18))
    assert (many.weekday, many.hour) == (1, 10)


def test_the_best_time_lies_within_working_hours() -> None:
    nights = counts([6] * 100, [22] * 100)
    found = best_time(nights, nights, week=WORK, hours=(9, 17))
    assert found.weekday in WORK
    assert 9 <= found.hour < 17


@given(hnp.arrays(np.float64, 7, elements=st.integers(0, 50)), hnp.arrays(np.float64, 7, elements=st.integers(0, 50)))
def test_shares_are_positive_and_sum_to_one(own: Float, everyone: Float) -> None:
    found = shrunk(own, everyone)
    assert found.sum() == pytest.approx(1)
    assert (found > 0).all()
