"""Weights for censoring and the Brier score: by hand, in limits, and under changes that must not matter."""

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.aalen_johansen import aalen_johansen, incidence_at
from model.metrics import (
    administrative_brier,
    brier,
    brier_losses,
    censoring_survival,
    expected_observed,
    integrate,
    ipcw,
    skill,
)

# four leads: bought on day 2, censored on day 3, lost on day 4, open at day 6
DURATION, OUTCOME = np.array([2.0, 3.0, 4.0, 6.0]), np.array([1, 0, 2, 0])


def sample(seed: int, n: int = 300) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    bought, lost, censored = rng.exponential([10, 12, 15], (n, 3)).T
    duration = np.minimum(np.minimum(bought, lost), censored) + 1e-6
    outcome = np.where(duration >= censored, 0, np.where(bought <= lost, 1, 2))
    return duration, outcome, rng.random((n, 3))


def test_censoring_survival_by_hand() -> None:
    # at day 3 one of the three still followed is censored
    assert censoring_survival(DURATION, OUTCOME)([1, 3, 3.5, 6, 7]) == pytest.approx([1, 1, 2 / 3, 2 / 3, 0])


def test_an_ending_comes_before_a_censoring_of_the_same_time() -> None:
    survival = censoring_survival([2.0, 2.0, 5.0], [1, 0, 0])
    assert survival([2.0, 3.0]) == pytest.approx([1, 1 / 2])


def test_brier_by_hand() -> None:
    weights = ipcw(DURATION, OUTCOME, [1, 3.5])
    assert weights.weight == pytest.approx(np.array([[1, 1], [1, 0], [1, 1.5], [1, 1.5]]))
    predicted = np.array([[0.1, 0.8], [0.1, 0.2], [0.2, 0.4], [0.0, 0.2]])
    assert brier(weights, predicted) == pytest.approx(
        [(0.01 + 0.01 + 0.04 + 0) / 4, (0.2**2 + 1.5 * 0.4**2 + 1.5 * 0.2**2) / 4]
    )


def test_a_follow_up_of_exactly_the_time_is_a_full_one() -> None:
    weights = ipcw([3.0, 30.0, 30.0], [1, 0, 0], [30])
    assert weights.weight.ravel() == pytest.approx([1, 1, 1])
    assert weights.share_cut == 0


def test_the_floor_bounds_weights_and_is_reported() -> None:
    duration = np.concatenate([np.linspace(1, 2, 99), [10.0]])
    outcome = np.concatenate([np.zeros(99, dtype=int), [1]])
    weights = ipcw(duration, outcome, [10])
    assert weights.weight.max() == pytest.approx(20)
    assert weights.share_cut == 1.0  # the one row that is known at day 10


def test_strata_have_their_own_censoring() -> None:
    duration, outcome, _ = sample(1)
    both = ipcw(np.tile(duration, 2), np.tile(outcome, 2), [5, 9], strata=np.repeat(["a", "b"], len(duration)))
    alone = ipcw(duration, outcome, [5, 9])
    assert both.weight == pytest.approx(np.tile(alone.weight, (2, 1)))


@given(seed=st.integers(0, 10_000))
def test_without_censoring_it_is_the_plain_brier_score(seed: int) -> None:
    duration, outcome, predicted = sample(seed, 50)
    outcome = np.maximum(outcome, 1)
    times = np.array([2.0, 5.0, 9.0])
    bought = (duration[:, None] <= times) & (outcome[:, None] == 1)
    plain = ((bought - predicted) ** 2).mean(axis=0)
    assert brier(ipcw(duration, outcome, times), predicted) == pytest.approx(plain)
    followed = np.full(len(duration), 100.0)
    assert administrative_brier(duration, outcome, followed, times, predicted) == pytest.approx(plain)


@given(seed=st.integers(0, 10_000))
def test_the_order_of_rows_and_the_unit_of_time_do_not_matter(seed: int) -> None:
    duration, outcome, predicted = sample(seed, 80)
    times = np.array([2.0, 5.0, 9.0])
    scores = brier(ipcw(duration, outcome, times), predicted)
    order = np.random.default_rng(seed).permutation(len(duration))
    assert brier(ipcw(duration[order], outcome[order], times), predicted[order]) == pytest.approx(scores)
    assert brier(ipcw(duration * 24, outcome, times * 24), predicted) == pytest.approx(scores)


@given(seed=st.integers(0, 10_000))
def test_weighted_share_of_purchases_is_aalen_johansen(seed: int) -> None:
    duration, outcome, _ = sample(seed, 60)
    times = np.array([1.0, 3.0, 4.0])
    weights = ipcw(duration, outcome, times, floor=1e-9)
    days, bought, _ = aalen_johansen(duration, outcome)
    assert (weights.weight * weights.bought).mean(axis=0) == pytest.approx(incidence_at(days, bought, times))


def test_the_truth_scores_best_in_spite_of_censoring() -> None:
    # rates 1/10 and 1/12 a day: F1(u) = (1/10) / (1/10 + 1/12) (1 - exp(-(1/10 + 1/12) u))
    duration, outcome, _ = sample(3, 20_000)
    times, rate = np.array([3.0, 8.0, 20.0]), 1 / 10 + 1 / 12
    truth = 0.1 / rate * (1 - np.exp(-rate * times))
    weights = ipcw(duration, outcome, times)
    scores = [brier(weights, np.tile(truth * factor, (len(duration), 1))) for factor in (0.8, 1.0, 1.2)]
    assert np.all(scores[1] < scores[0])
    assert np.all(scores[1] < scores[2])
    assert scores[1] == pytest.approx(truth * (1 - truth), abs=0.01)
    assert expected_observed(weights, np.tile(truth, (len(duration), 1))) == pytest.approx(np.ones(3), abs=0.05)


def test_administrative_brier_asks_only_rows_followed_long_enough() -> None:
    scores = administrative_brier([1.0, 5.0, 2.0], [1, 0, 2], [9.0, 5.0, 3.0], [4.0, 10.0], np.full((3, 2), 0.5))
    assert scores[0] == pytest.approx(0.25)
    assert np.isnan(scores[1])


def test_integral_by_hand() -> None:
    assert integrate([1, 2, 4], [0.1, 0.3, 0.1]) == pytest.approx((0.05 + 0.2 + 0.4) / 4)
    assert integrate([1, 2], np.array([[0.1, 0.3], [0.0, 0.0]])) == pytest.approx([0.125, 0.0])


@given(hnp.arrays(np.float64, 5, elements=st.floats(0, 1)))
def test_integral_lies_between_nothing_and_the_worst_time(values: np.ndarray) -> None:
    assert 0 <= integrate([1, 2, 5, 7, 30], values) <= values.max()


def test_skill() -> None:
    assert skill(0.15, 0.2) == pytest.approx(0.25)
    assert np.isnan(skill(0.0, 0.0))


@pytest.mark.parametrize(
    ("duration", "outcome"), [([1.0, 0.0], [1, 0]), ([1.0], [3]), ([], []), ([1.0, 2.0], [1]), ([np.nan], [1])]
)
def test_refuses_what_is_no_outcome(duration: list[float], outcome: list[int]) -> None:
    with pytest.raises(ValueError, match="expected"):
        ipcw(duration, outcome, [1.0])


def test_refuses_what_is_no_probability() -> None:
    weights = ipcw(DURATION, OUTCOME, [1.0])
    with pytest.raises(ValueError, match="within 0 and 1"):
        brier_losses(weights, np.full((4, 1), 1.1))
    with pytest.raises(ValueError, match="predictions"):
        brier_losses(weights, np.full((3, 1), 0.1))
