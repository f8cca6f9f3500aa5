"""AUC over time, the bootstrap, calibration, windows, call dates and lists."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from model.metrics import (
    auc,
    auc_draws,
    bootstrap_means,
    deciles,
    gain_curve,
    ici,
    interval,
    ipcw,
    lift_at,
    precision_at,
    resample_counts,
    timing_losses,
    value_recall_at,
    window_fit,
)


def calibrated(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Leads that buy on day 1 with their own probability, else are lost on day 2."""
    rng = np.random.default_rng(seed)
    p = rng.beta(1, 3, n)
    bought = rng.random(n) < p
    return np.where(bought, 1.0, 2.0), np.where(bought, 1, 2), p


@given(seed=st.integers(0, 10_000))
def test_without_censoring_auc_is_the_plain_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    duration, outcome = rng.integers(1, 20, 60).astype(float), rng.integers(1, 3, 60)
    score = rng.integers(0, 8, 60) / 8  # with ties
    bought = (duration <= 10) & (outcome == 1)
    expected = roc_auc_score(bought, score) if 0 < bought.sum() < 60 else np.nan
    assert auc(ipcw(duration, outcome, [10]), score) == pytest.approx([expected], nan_ok=True)


def test_auc_by_hand_with_censoring() -> None:
    # one buys on day 1 and one on day 4; one is censored on day 2, one lost on day 3, one open at day 9
    weights = ipcw([1.0, 2.0, 3.0, 4.0, 9.0], [1, 0, 2, 1, 0], [5])
    assert weights.weight.ravel() == pytest.approx([1, 0, 4 / 3, 4 / 3, 4 / 3])
    # the first case beats one of two controls, the second both: (1 + 4/3 * 2) / ((1 + 4/3) * 2)
    assert auc(weights, [0.5, 0.0, 0.4, 0.9, 0.6]) == pytest.approx([(1 + 8 / 3) / (14 / 3)])


def test_auc_takes_one_score_for_each_time_and_does_not_mind_their_scale() -> None:
    duration, outcome, p = calibrated(500)
    weights = ipcw(duration, outcome, [1, 2])
    assert auc(weights, np.column_stack((p, np.log(p)))) == pytest.approx(auc(weights, p))
    assert auc(weights, -p) == pytest.approx(1 - auc(weights, p))


def test_auc_draws_equal_the_auc_of_the_drawn_rows() -> None:
    duration, outcome, p = calibrated(80)
    weights = ipcw(duration, outcome, [1])
    counts = resample_counts(np.arange(80), draws=5, seed=3)
    drawn = [np.repeat(np.arange(80), row) for row in counts]
    expected = [roc_auc_score(outcome[rows] == 1, p[rows]) for rows in drawn]
    assert auc_draws(weights, p, counts, chunk=2).ravel() == pytest.approx(expected)


def test_rows_of_a_lead_are_drawn_together() -> None:
    groups = np.array(["a", "b", "a", "c", "b"])
    counts = resample_counts(groups, draws=200, seed=1)
    assert np.array_equal(counts[:, 0], counts[:, 2])
    assert np.array_equal(counts[:, 1], counts[:, 4])
    assert np.all(counts[:, 0] + counts[:, 1] + counts[:, 3] == 3)


def test_bootstrap_has_the_standard_error_of_a_mean() -> None:
    values = np.random.default_rng(0).normal(0, 1, (400, 1))
    draws = bootstrap_means(values, np.arange(400), draws=2000, seed=2)
    assert draws.std() == pytest.approx(1 / 20, rel=0.1)
    repeated = bootstrap_means(np.repeat(values, 5, axis=0), np.repeat(np.arange(400), 5), draws=2000, seed=2)
    assert repeated == pytest.approx(draws)  # five copies of a lead are no more evidence than one


def test_bootstrap_is_paired() -> None:
    values = np.random.default_rng(0).normal(0, 1, (50, 1))
    draws = bootstrap_means(np.column_stack((values, values + 0.1)), np.arange(50), seed=5)
    assert draws[:, 1] - draws[:, 0] == pytest.approx(np.full(1000, 0.1))


def test_interval() -> None:
    estimate = interval(5.0, [*range(1001), np.nan])
    assert (estimate.low, estimate.high) == pytest.approx((25.0, 975.0))
    assert np.isnan(interval(1.0, [np.nan]).low)


def test_a_calibrated_model_has_a_small_calibration_index_and_a_wrong_one_has_its_error() -> None:
    duration, outcome, p = calibrated(20_000)
    weights = ipcw(duration, outcome, [1])
    assert ici(weights, p[:, None])[0] < 0.01
    assert ici(weights, (p * 0.8 + 0.1)[:, None])[0] == pytest.approx(np.abs(0.1 - 0.2 * p).mean(), abs=0.01)
    constant = np.full((len(p), 1), 0.4)
    assert ici(weights, constant)[0] == pytest.approx(0.4 - (outcome == 1).mean())


def test_calibration_index_sees_through_censoring() -> None:
    rng = np.random.default_rng(1)
    rate = rng.uniform(0.02, 0.2, 20_000)
    bought, censored = rng.exponential(1 / rate), rng.exponential(10, 20_000)
    duration, outcome = np.minimum(bought, censored), (bought <= censored).astype(int)
    predicted = (1 - np.exp(-rate * 7))[:, None]
    assert ici(ipcw(duration, outcome, [7]), predicted)[0] < 0.012
    naive = ici(ipcw(np.where(outcome == 1, duration, 100), outcome, [7]), predicted)[0]
    assert naive > 0.05  # what taking censored leads for open ones would say


def test_deciles_compare_with_aalen_johansen() -> None:
    duration, outcome, p = calibrated(10_000)
    found = deciles(duration, outcome, 1.5, p)
    assert [group.rows for group in found] == [1000] * 10
    assert all(abs(group.predicted - group.observed) < 0.06 for group in found)
    assert len(deciles(duration, outcome, 1.5, np.full(10_000, 0.2))) == 1


def test_window_fit_by_hand() -> None:
    fit = window_fit(
        [5.0, 20.0, 8.0, 3.0, 40.0], [1, 1, 1, 2, 1], [4, 10, np.nan, 1, 1], [6, 15, np.nan, 9, 50], horizon=30,
        coverage=0.8,
    )  # fmt: skip
    assert (fit.purchasers, fit.with_window, fit.coverage) == (3, pytest.approx(2 / 3), 0.5)
    assert fit.width == pytest.approx((2 + 5) / 2)
    assert fit.interval_score == pytest.approx((2 + (5 + 10 * 5)) / 2)


def test_window_fit_without_purchases_has_no_figures() -> None:
    fit = window_fit([5.0], [2], [1.0], [2.0], horizon=30, coverage=0.8)
    assert fit.purchasers == 0
    assert np.isnan(fit.coverage)


def test_timing_losses() -> None:
    assert timing_losses([10, 10, 10], [8, 10, 13], early=1, late=5) == pytest.approx([2, 0, 15])


def test_lists() -> None:
    weights = ipcw([1.0, 2.0, 3.0, 9.0], [1, 2, 1, 2], [5])
    score = [0.9, 0.8, 0.1, 0.2]
    assert precision_at(weights, score, 2) == 0.5
    assert lift_at(weights, score, 1) == 2.0
    assert value_recall_at(weights, score, [30, 5, 10, 7], 2) == pytest.approx(0.75)
    called, gained = gain_curve(weights, score)
    assert called == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    assert gained == pytest.approx([0, 0.5, 0.5, 0.5, 1])
    with pytest.raises(ValueError, match="between 1 and 4"):
        precision_at(weights, score, 5)
