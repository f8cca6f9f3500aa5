"""The prediction benchmark's figures and report, on small made-up answers."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.prediction import child
from benchmarks.prediction.bars import bars, mean_relative
from benchmarks.prediction.draws import Draws
from benchmarks.prediction.fold import Answer, Fold
from benchmarks.prediction.kept import Asked, Daily, Result, asked_in, count_wrong, put, results_of
from benchmarks.prediction.lost import NOTHING_LOST, lost
from benchmarks.prediction.measure import TRUTH, Measured, measure_answers
from benchmarks.prediction.pool import Pool
from benchmarks.prediction.product import NAME
from benchmarks.prediction.report import Report
from benchmarks.prediction.runner import answer
from benchmarks.prediction.timing import BEFORE, DEADLINE, HINDSIGHT, NEVER, NOW, best_constant, best_days, cost_of
from features.events import DAY
from model.curves import Curves
from model.decision import CallCosts, decide, expected_cost
from model.examples import Examples
from model.metrics import auc, auc_draws, ipcw, resample_counts

HORIZONS = (3, 7, 14)
GRID = np.arange(15.0)
N = 400


def curves(chance: np.ndarray, middle: np.ndarray | float = 7.0) -> Curves:
    """Those who buy by day 14 with this chance, around a day of their own; a fifth of the rest is lost evenly."""
    cdf = 1 / (1 + np.exp(-(GRID[None, :] - np.reshape(middle, (-1, 1))) / 1.2))
    cdf = (cdf - cdf[:, :1]) / (cdf[:, -1:] - cdf[:, :1])
    return Curves(GRID, chance[:, None] * cdf, (1 - chance[:, None]) * 0.2 * GRID / 14)


def examples(n: int, seed: int) -> tuple[Examples, np.ndarray, np.ndarray]:
    """Leads of whom the chance and the day of a purchase are known."""
    rng = np.random.default_rng(seed)
    chance, middle = rng.choice([0.1, 0.8], n), rng.choice([3.0, 11.0], n)
    cumulative = curves(np.ones(n), middle).purchased
    day = np.array([np.interp(u, row, GRID) for u, row in zip(rng.random(n), cumulative, strict=True)])
    bought, gone = rng.random(n) < chance, rng.random(n) < 0.2
    outcome = np.where(bought, 1, np.where(gone, 2, 0)).astype(np.int8)
    duration = np.where(bought, np.maximum(day, 0.01), np.where(gone, rng.uniform(0.1, 14, n), 20.0))
    made = Examples(
        lead_ids=np.array([f"lead {i // 2}" for i in range(n)], dtype=object),
        as_of=np.arange(n, dtype=np.int64) * DAY,
        outcome=outcome,
        duration=duration,
        group=np.arange(n) // 2,
        known_by=(n + 30) * DAY,
        X=pd.DataFrame({"chance": chance, "deadline_days": np.where(rng.random(n) < 0.5, middle, np.nan)}),
    )
    return made, chance, middle


def fold(origin: str = "2026-01-01", seed: int = 0) -> Fold:
    test, chance, middle = examples(N, seed)
    return Fold(
        dataset="made-rich",
        origin=origin,
        horizons=HORIZONS,
        learn=examples(400, 92)[0],
        train=examples(300, 90)[0],
        calibrate=examples(100, 91)[0],
        test=test,
        groups=test.lead_ids.astype(str),
        best=curves(chance, middle),
    )


def result(asked: Asked, method: str, found: Curves, **more: object) -> Result:
    return Result.of(asked, method, Answer(found, fit_seconds=1.0, **more), seconds=1.0, peak_mb=10.0)  # type: ignore[arg-type]


def measured(own: str, *, draws: int = 200) -> Measured:
    """leadtime knows everything or nothing; its one peer the other."""
    asked = Asked.of(fold())
    _, chance, middle = examples(N, 0)
    clever, flat = curves(chance, middle), curves(np.full(N, 0.45))
    span = (np.full(N, 1.0), np.full(N, 12.0))
    window = {"window": span, "readiness": 100 * chance, "extra": {"window_coverage": 0.8}}
    best = {"clever": clever, "flat": flat}
    answers = {
        "peer": [result(asked, "peer", best["flat" if own == "clever" else "clever"])],
        NAME: [result(asked, NAME, best[own], **window)],
    }
    return measure_answers(Pool([asked], draws=draws), answers, {"broken": "failed: ValueError: no"})


@pytest.fixture(scope="module")
def beaten() -> Measured:
    return measured("flat")


@pytest.fixture(scope="module")
def winner() -> Measured:
    return measured("clever")


def test_a_loss_is_stated_as_lost_and_the_bars_as_not_met(beaten: Measured) -> None:
    said = "\n".join(lost(beaten))
    assert "peer: integrated Brier score, -0." in said
    assert "peer: AUC, 3, 7, 14 days" in said
    assert "peer: timing among purchasers" in said
    text = Report([beaten], 2).text()
    assert "**What was lost on made-rich**\n\n* peer: integrated Brier score" in text
    assert NOTHING_LOST not in text
    verdicts = {bar.demand: bar for bar in bars([beaten])}
    assert verdicts["on no dataset above 1.01"].met is False
    assert verdicts["AUC at each horizon not below the best peer's beyond the interval"].met is False
    assert (
        "0 of 3; not: made-rich, late 5, peer"
        in verdicts["timing cost among purchasers below every peer's own date"].found
    )
    assert "**not met**" in text
    assert "| broken | failed: ValueError: no |" in text


def test_what_was_won_is_not_called_lost(winner: Measured) -> None:
    assert not any("Brier" in line or "AUC" in line or "timing" in line for line in lost(winner))
    verdicts = {bar.demand: bar.met for bar in bars([winner])}
    assert verdicts["on no dataset above 1.01"]
    assert verdicts["in simulation at least 95 % of the true hazard's skill"]
    assert verdicts["timing cost among purchasers below every peer's own date"]
    assert (
        verdicts["a fit at least 10 times as fast as SurvivalBoost's, by row fitted on, at equal or better score"]
        is None
    )


def test_relative_score_is_that_of_plain_means(beaten: Measured, winner: Measured) -> None:
    own, peer = beaten.scored[NAME], beaten.scored["peer"]
    by_hand = own.losses.mean() / peer.losses.mean()
    assert beaten.relative.value == pytest.approx(by_hand)
    assert beaten.relative.low < by_hand < beaten.relative.high
    assert winner.relative.value == pytest.approx(1 / by_hand)
    assert mean_relative([beaten, winner]).value == pytest.approx((by_hand + 1 / by_hand) / 2)
    assert peer.worse_by.value == pytest.approx(peer.ibs.value - own.ibs.value)
    # nothing is censored before the last horizon: the plain squared error on each day
    asked = beaten.pool.folds[0]
    came = (asked.duration[:, None] <= GRID[1:]) & (asked.outcome[:, None] == 1)
    daily = ((came - curves(np.full(N, 0.45)).purchased[:, 1:]) ** 2).mean(axis=0)
    assert own.ibs.value == pytest.approx(np.trapezoid([0, *daily], GRID) / 14, rel=1e-5)


def test_the_true_hazard_has_all_of_its_own_skill(winner: Measured) -> None:
    assert winner.share_of_truth(winner.scored[TRUTH]).value == pytest.approx(1.0)
    assert winner.of_truth.value == pytest.approx(1.0, abs=1e-5)
    assert winner.timing is not None
    assert winner.timing.of_truth is not None
    assert winner.timing.of_truth[5.0].value == pytest.approx(1.0)


def test_curves_that_fall_or_sum_above_one_are_counted() -> None:
    good = curves(np.full(5, 0.5))
    purchased, lost_ = good.purchased.copy(), good.lost.copy()
    purchased[0, 4] = purchased[0, 3] - 1e-6
    lost_[1, -1] = 0.6
    purchased[2, 4] = purchased[2, 3] - 1e-10
    lost_[3, 0] = -0.1
    assert count_wrong(good) == 0
    assert count_wrong(Curves(GRID, purchased, lost_)) == 3


def test_a_peer_whose_curves_were_mended_is_still_counted() -> None:
    asked = Asked.of(fold())
    assert result(asked, "peer", curves(np.full(N, 0.5)), extra={"not_monotone": 7.0}).wrong == 7


@pytest.mark.parametrize("late", [5.0, 30.0])
def test_best_dates_are_those_of_brute_force(late: float) -> None:
    given = curves(np.ones(4), np.array([2.0, 5.0, 9.0, 12.0]))
    fine = np.linspace(0, 14, 2801)
    found = best_days(given, late=late)
    for row, day in enumerate(found):
        cdf = np.interp(fine, GRID, given.purchased[row])
        middle, mass = (fine[1:] + fine[:-1]) / 2, np.diff(cdf)
        costs = [mass @ (np.maximum(middle - a, 0) + late * np.maximum(a - middle, 0)) for a in GRID]
        assert day == GRID[int(np.argmin(costs))]
        # the quantile at early / (early + late), to the day
        assert abs(np.interp(1 / (1 + late), given.purchased[row], GRID) - day) <= 1


def test_what_calls_cost_is_what_each_of_them_cost() -> None:
    duration = np.array([4.0, 4.0, 4.0, 6.0, 6.0, 20.0, 20.0, 20.0])
    outcome = np.array([1, 1, 1, 2, 2, 0, 0, 1])
    day = np.array([1.0, 9.0, 0.0, 5.0, 6.0, 3.0, 3.0, 3.0])
    call = np.array([True, True, False, True, True, True, False, True])
    cost = cost_of(day, call, duration, outcome, longest=14.0, late=5.0, wasted=10.0)
    # 3 days early; 5 late; never called: late till the end; lost after, before the call; in vain; not called; too far
    assert cost.tolist() == [3.0, 25.0, 50.0, 10.0, 0.0, 10.0, 0.0, 10.0]


def test_expected_and_realised_costs_agree() -> None:
    """On many draws from a curve, what model.decision expects of a day is what the calls cost on average."""
    n = 40_000
    rng = np.random.default_rng(3)
    one = curves(np.array([0.6]), 6.0)
    u, v = rng.random(n), rng.random(n)
    # F2 rises evenly to 0.08, independent of when the others buy
    day = np.where(u < 0.6, np.interp(u / 0.6, one.purchased[0] / 0.6, GRID), np.where(u < 0.68, 14 * v, 20.0))
    outcome = np.where(u < 0.6, 1, np.where(u < 0.68, 2, 0))
    costs = CallCosts(1.0, 5.0, 10.0)
    expected, never = expected_cost(one, costs)
    for a in (0.0, 4.0, 10.0):
        realised = cost_of(np.full(n, a), np.ones(n, bool), day, outcome, longest=14.0, late=5.0, wasted=10.0)
        assert realised.mean() == pytest.approx(expected[0, int(a)], rel=0.02)
    realised = cost_of(np.zeros(n), np.zeros(n, bool), day, outcome, longest=14.0, late=5.0, wasted=10.0)
    assert realised.mean() == pytest.approx(never[0], rel=0.02)


def test_the_best_constant_is_the_best_of_all_constants(winner: Measured) -> None:
    pool = winner.pool
    bought = (pool.outcome == 1) & (pool.duration <= 14)
    t = pool.duration[bought]
    costs = [(np.maximum(t - a, 0) + 5 * np.maximum(a - t, 0)).mean() for a in GRID]
    found = best_constant(pool.duration, pool.outcome, pool.weight, longest=14.0, late=5.0, wasted=None)
    assert found == int(np.argmin(costs))
    assert winner.timing is not None
    lines = {line.policy: line for line in winner.timing.purchasers}
    assert lines[HINDSIGHT].cost[5.0].value == pytest.approx(min(costs))
    assert lines[BEFORE].cost[5.0].value >= min(costs) - 1e-12
    assert lines[NOW].cost[30.0].value == pytest.approx(t.mean())
    own = lines[NAME]
    assert own.above[5.0].value == 0
    assert lines[HINDSIGHT].above[5.0].value == pytest.approx(min(costs) - own.cost[5.0].value)
    assert "% of them" in lines[DEADLINE].note  # compared where a deadline was declared


def test_wasted_calls_follow_the_decision(winner: Measured) -> None:
    pool = winner.pool
    decided = decide(pool.folds[0].best.curves(GRID), CallCosts(1.0, 10.0, 10.0))  # type: ignore[union-attr]
    by_hand = cost_of(
        decided.day, decided.call, pool.duration, pool.outcome, longest=14.0, late=10.0, wasted=10.0
    ).mean()
    assert winner.timing is not None
    lines = {line.policy: line for line in winner.timing.everyone}
    assert lines[NAME].cost[10.0].value == pytest.approx(by_hand)
    assert lines[NEVER].above[10.0].value > 0


def test_windows_are_judged_among_purchasers(winner: Measured) -> None:
    asked = winner.pool.folds[0]
    t = asked.duration[(asked.outcome == 1) & (asked.duration <= 14)]
    found = winner.windows
    assert found is not None
    assert found.coverage.value == pytest.approx(((t >= 1) & (t <= 12)).mean())
    missed = np.maximum(1 - t, 0) + np.maximum(t - 12, 0)
    assert found.score.value == pytest.approx((11 + 10 * missed).mean())
    assert sum(found.band_rows) == len(t)
    assert found.band_rows[1:4] == [0, 0, 0]  # readiness is 10 or 80
    assert np.isnan(found.bands[2].value)


def test_auc_draws_are_those_of_the_metrics() -> None:
    asked = Asked.of(fold())
    weights = ipcw(asked.duration, asked.outcome, HORIZONS)
    score = np.round(np.random.default_rng(5).random((N, 3)), 1)  # with ties
    draws = Draws(asked.groups, draws=20)
    counts = resample_counts(np.arange(draws.n_groups), draws=20)[:, draws.codes]
    np.testing.assert_allclose(draws.aucs(weights, score, np.arange(N)), auc_draws(weights, score, counts))
    value, _ = Pool([asked], draws=5).aucs(score)
    np.testing.assert_allclose(value, auc(weights, score))


def test_leads_of_two_folds_are_drawn_together() -> None:
    one, other = Asked.of(fold()), Asked.of(fold("2026-02-01"))
    pool = Pool([one, other], draws=50)
    assert pool.draws.n_groups == N // 2
    alone = Pool([one], draws=50)
    flat = curves(np.full(N, 0.45))
    np.testing.assert_allclose(
        pool.draws.means(pool.losses([flat, flat])), alone.draws.means(alone.losses([flat])), rtol=1e-12
    )


def test_answers_to_other_data_are_passed_over(tmp_path: Path) -> None:
    asked = Asked.of(fold())
    found = result(asked, "peer", curves(np.full(N, 0.5)))
    put(tmp_path, asked)
    put(tmp_path, found)
    put(tmp_path, replace(found, method="older", fingerprint="other"))
    kept = asked_in(tmp_path)["made-rich"]
    assert [one.method for one in results_of(tmp_path, kept[0])] == ["peer"]
    assert Asked.of(fold()).fingerprint == asked.fingerprint != Asked.of(fold(seed=1)).fingerprint


def test_daily_curves_are_close_to_those_given() -> None:
    weekly = Curves(np.array([0.0, 7.0, 14.0]), np.array([[0.0, 0.1, 0.4]]), np.array([[0.0, 0.2, 0.2]]))
    kept = Daily.of(weekly, GRID).curves(GRID)
    np.testing.assert_allclose(kept.purchased, weekly.at(GRID)[0], atol=1e-6)
    with pytest.raises(ValueError, match="NaN"):
        Daily.of(replace(weekly, lost=np.full((1, 3), np.nan)), GRID)


METHODS = """
import time

def broken(fold):
    raise ValueError("the peer cannot do this")

class NotApplicable(Exception):
    pass

def not_for_this(fold):
    raise NotApplicable("no stage here")

METHODS = {"broken": broken, "slow": lambda fold: time.sleep(60), "other": not_for_this}
"""


def test_failures_are_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "made_up_methods.py").write_text(METHODS)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    made = fold()
    asked, file = Asked.of(made), tmp_path / "fold.pkl"
    file.write_bytes(pickle.dumps(made))

    for method, limit in (("broken", 60.0), ("slow", 0.5)):
        answer(file, asked, method, tmp_path / "kept", limit=limit, source="made_up_methods")
    assert child.main(str(file), "other", str(tmp_path / "kept"), "made_up_methods") == 0
    told = {one.method: (one.status, one.message) for one in results_of(tmp_path / "kept", asked)}
    assert told == {
        "broken": ("failed", "ValueError: the peer cannot do this"),
        "slow": ("over the time limit", "ended after 0.5 s"),
        "other": ("not applicable", "no stage here"),
    }
