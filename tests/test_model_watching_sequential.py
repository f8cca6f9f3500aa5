"""The sequential test: exact where it can be reckoned by hand, false alarms no more often than promised."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.watching.sequential import FACTORS, evidence, level_for, watch, watch_cohorts

share = st.floats(0.001, 0.999)


def test_one_case_by_hand() -> None:
    bought, not_bought = (evidence([y], [0.5], [0.5], factors=(2.0,)) for y in (1, 0))
    assert bought[0] == pytest.approx(np.log(2 / 1.5))  # odds of 2 to 1: a chance of 2/3 instead of 1/2
    assert not_bought[0] == pytest.approx(np.log((1 / 3) / 0.5))


@given(st.lists(share, min_size=1, max_size=5), st.sampled_from(FACTORS))
def test_while_the_probabilities_are_true_the_ratio_is_one_on_average(p: list[float], factor: float) -> None:
    mean = 0.0
    for outcome in product((0, 1), repeat=len(p)):
        chance = np.prod([q if y else 1 - q for q, y in zip(p, outcome, strict=True)])
        mean += chance * np.exp(evidence(outcome, p, p, factors=(factor,))[0])
    assert mean == pytest.approx(1.0)


@given(st.tuples(share, share, share).map(sorted), st.sampled_from(FACTORS))
def test_between_the_limits_it_is_at_most_one(limits: list[float], factor: float) -> None:
    low, true, high = limits
    ratios = [np.exp(evidence([y], [low], [high], factors=(factor,))[0]) for y in (0, 1)]
    assert (1 - true) * ratios[0] + true * ratios[1] <= 1 + 1e-9


@given(share, st.integers(1, 6), st.sampled_from(FACTORS))
def test_cases_that_end_alike_weigh_as_one(p: float, n: int, factor: float) -> None:
    ratios = [np.exp(evidence([y] * n, [p] * n, [p] * n, weight=1 / n, factors=(factor,))[0]) for y in (0, 1)]
    assert (1 - p) * ratios[0] + p * ratios[1] == pytest.approx(1.0)


def test_the_statistic_sums_over_all_beginnings() -> None:
    steps = np.log(np.array([[0.5, 2.0], [3.0, 0.25], [1.5, 4.0]]))
    by_factor = [
        sum(np.prod([np.exp(steps[t, k]) for t in range(begin, 3)]) for begin in range(3)) for k in range(2)
    ]  # by hand: 0.5*3*1.5 + 3*1.5 + 1.5 = 8.25 and 2*0.25*4 + 0.25*4 + 4 = 7
    assert by_factor == pytest.approx([8.25, 7.0])
    assert np.exp(watch(steps, factors=(2.0, 0.5)).log_level[-1]) == pytest.approx(7.625)


def weeks_of(rng: np.random.Generator, told: np.ndarray, true: np.ndarray, weeks: int) -> np.ndarray:
    return np.array([evidence(rng.random(len(told)) < true, told, told) for _ in range(weeks)])


def test_false_alarms_are_no_more_frequent_than_promised() -> None:
    """Within a year at most one in five of the runs, for a level of once in five years."""
    rng, level, runs = np.random.default_rng(1), level_for(5, steps_a_year=52), 300
    told = rng.beta(1, 40, 120)
    tested = [watch(weeks_of(rng, told, told, 52)).log_level for _ in range(runs)]
    alarms = sum(bool((found >= np.log(level)).any()) for found in tested)
    assert alarms <= 0.2 * runs


def test_on_average_the_statistic_is_the_number_of_steps() -> None:
    """R - t is a martingale while the probabilities are true."""
    rng, told, factors = np.random.default_rng(1), np.array([0.1, 0.4, 0.3]), (0.5, 2.0)
    made = rng.random((2_000, 4, 3)) < told
    last = [
        np.exp(
            watch(np.array([evidence(week, told, told, factors=factors) for week in run]), factors=factors).log_level
        )
        for run in made
    ]
    assert np.mean(last, axis=0) == pytest.approx([1, 2, 3, 4], rel=0.1)


def test_a_change_is_noticed_and_dated() -> None:
    rng = np.random.default_rng(2)
    told = rng.beta(1, 20, 150)
    steps = np.vstack([weeks_of(rng, told, told, 30), weeks_of(rng, told, np.minimum(3 * told, 1), 6)])
    found = watch(steps)
    level = level_for(5, steps_a_year=52)
    assert found.alarmed(level)
    assert not watch(steps[:30]).alarmed(level)
    assert found.factor > 1
    assert 27 <= found.since <= 32


def test_cohorts_sum_over_those_who_began_later() -> None:
    cells = np.log(np.array([[2.0, 3.0], [1.0, 5.0]]))[:, :, None]  # began in step 0 or 1, judged in step 0 or 1
    # step 0: those of step 0, 2; step 1: all together 2 * 3 * 5, and those of step 1 alone, 5
    assert np.exp(watch_cohorts(cells)) == pytest.approx([2.0, 35.0])


def test_cohorts_give_false_alarms_no_more_often() -> None:
    """On average the statistic is the number of steps, whenever who began then is judged."""
    rng, told = np.random.default_rng(4), np.full(3, 0.3)
    last = []
    for _ in range(3_000):
        cells = np.zeros((4, 4, 2))
        for began in range(4):
            judged = rng.integers(began, 4)
            cells[began, judged] = evidence(rng.random(3) < told, told, told, factors=(0.5, 2.0))
        last.append(np.exp(watch_cohorts(cells)))
    assert np.mean(last, axis=0) == pytest.approx([1, 2, 3, 4], rel=0.1)


def test_without_steps_nothing_is_alarmed() -> None:
    assert not watch(np.empty((0, len(FACTORS)))).alarmed(1.0)


@given(st.floats(0.01, 1_000), st.floats(1, 365))
def test_the_level_is_the_number_of_looks_between_false_alarms(years: float, looks: float) -> None:
    assert level_for(years, steps_a_year=looks) == pytest.approx(max(1.0, years * looks))
