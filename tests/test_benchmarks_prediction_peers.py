"""One contract for every peer of the prediction benchmark, on a small fold with a real signal."""

from __future__ import annotations

import importlib
import warnings
from dataclasses import replace

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from benchmarks.prediction.fold import Answer, Fold
from benchmarks.prediction.peers import (
    BASELINE,
    PEERS,
    NotApplicable,
    forest,
    horizons,
    naive_bayes,
    person_period,
    survival_boost,
)
from benchmarks.prediction.peers.causes import incidences, interpolate
from benchmarks.prediction.peers.cox import Cox
from benchmarks.prediction.peers.encode import LinearCode, TreeCode
from benchmarks.prediction.peers.forest import discretised
from benchmarks.prediction.peers.horizons import times_of
from benchmarks.prediction.peers.tuning import (
    Candidate,
    Predict,
    Task,
    blocks,
    judging_weights,
    sample_leads,
    tuned,
)
from benchmarks.prediction.peers.valid import valid_curves
from features.events import DAY
from model.examples import Examples
from model.metrics.brier import brier, integrate
from model.metrics.censoring import ipcw
from tests.model_data import START, made

NEEDS = {"random survival forest": "sksurv", "SurvivalBoost": "hazardous"}  # of the bench group, not of dev
HORIZONS = (7, 30, 60)


def examples(n: int, seed: int) -> Examples:
    rows = made(n, seed)
    X = rows.X.assign(days_since_engagement=np.exp(-rows.X["x"]))
    # a category that tells something as well
    X.loc[X["source"].notna() & (X["x"] > 0), "source"] = "ads"
    X.loc[X["source"].notna() & (X["x"] <= 0), "source"] = "fair"
    return Examples(
        lead_ids=np.array([f"{seed}-{code}" for code in rows.groups], dtype=object),
        as_of=rows.as_of,
        outcome=rows.y["outcome"],
        duration=rows.y["duration"],
        group=rows.groups,
        known_by=int(START + 400 * DAY),
        X=X,
    )


@pytest.fixture(scope="module")
def fold() -> Fold:
    test = examples(500, 3)
    return Fold(
        dataset="made",
        origin="0",
        horizons=HORIZONS,
        learn=examples(1000, 4),
        train=examples(700, 1),
        calibrate=examples(300, 2),
        test=test,
        groups=test.lead_ids.astype(str),
    )


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same peers with fewer trees, and one thread, which is faster on few rows."""
    monkeypatch.setattr(forest, "TREES", 15)
    monkeypatch.setattr(forest, "THREADS", 1)
    less = tuple({**settings, "n_iter": 20, "learning_rate": 0.15} for settings in survival_boost.SETTINGS)
    monkeypatch.setattr(survival_boost, "SETTINGS", less)
    monkeypatch.setattr(horizons, "SETTINGS", tuple((15, leaves, 0.15) for leaves in (4, 6, 8, 10)))
    monkeypatch.setattr(horizons, "FIXED", {**horizons.FIXED, "num_threads": 1})
    monkeypatch.setattr(person_period, "SETTINGS", tuple((20, leaves) for leaves in (4, 7, 15, 31)))
    monkeypatch.setattr(person_period, "PARAMETERS", {**person_period.PARAMETERS, "num_threads": 1})


def ibs(fold: Fold, answer: Answer) -> float:
    times = fold.grid[1:]
    weights = ipcw(fold.test.duration, fold.test.outcome, times)
    return float(integrate(times, brier(weights, answer.curves.purchased[:, 1:])))


@pytest.mark.parametrize("name", PEERS)
def test_every_peer_answers_valid_curves_and_beats_aalen_johansen(name: str, fold: Fold) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name], reason="of the bench dependency group: make .venv/.bench")
    answer = PEERS[name](fold)
    curves = answer.curves
    assert curves.days.tolist() == fold.grid.tolist()
    assert curves.purchased.shape == curves.lost.shape == (len(fold.test), len(fold.grid))
    for curve in (curves.purchased, curves.lost):
        assert (curve[:, 0] == 0).all()
        assert (np.diff(curve, axis=1) >= 0).all()
    assert (curves.purchased + curves.lost).max() <= 1 + 1e-12
    assert curves.lost[:, -1].mean() > 0.1
    assert answer.chosen
    assert answer.extra["configurations"] in {1, 4} or "stage" in name
    baseline = ibs(fold, PEERS[BASELINE](fold))
    if name == BASELINE:
        assert ibs(fold, answer) == baseline
    else:
        assert ibs(fold, answer) < 0.99 * baseline


@pytest.mark.parametrize("name", PEERS)
def test_no_peer_looks_at_the_answers(name: str, fold: Fold) -> None:
    if name in NEEDS:
        pytest.importorskip(NEEDS[name], reason="of the bench dependency group: make .venv/.bench")
    rows = fold.train.rows(np.arange(200))
    few = replace(fold, learn=rows, train=rows, calibrate=None, test=fold.test.rows(np.arange(20)))
    blind = replace(few.test, outcome=np.zeros(20, dtype=np.int8), duration=np.full(20, np.nan))
    said, blindly = PEERS[name](few), PEERS[name](replace(few, test=blind))
    # a forest adds up its trees in the order in which its threads end
    assert np.allclose(said.curves.purchased, blindly.curves.purchased, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["last-touch recency", "deadline rule", "Aalen-Johansen by stage"])
def test_a_peer_without_its_data_says_so(name: str, fold: Fold) -> None:
    bare = replace(fold, train=replace(fold.train, X=fold.train.features[["x", "noise"]]))
    with pytest.raises(NotApplicable):
        PEERS[name](bare)


def test_a_deadline_column_that_is_never_filled_is_no_deadline(fold: Fold) -> None:
    empty = replace(fold.train, X=fold.train.features.assign(deadline_days=np.nan))
    with pytest.raises(NotApplicable):
        PEERS["deadline rule"](replace(fold, train=empty))


@pytest.mark.parametrize("name", [name for name in PEERS if name not in NEEDS])
def test_a_dataset_without_losses_is_answered(name: str, fold: Fold) -> None:
    rows = fold.train.rows(np.arange(300))
    rows = replace(rows, outcome=np.where(rows.outcome == 2, 0, rows.outcome).astype(np.int8))
    answer = PEERS[name](replace(fold, learn=rows, train=rows, calibrate=None))
    assert (answer.curves.lost == 0).all()
    assert answer.curves.purchased[:, -1].mean() > 0.2


def test_the_guard_mends_curves_and_counts_them() -> None:
    days = np.array([0.0, 1.0, 2.0])
    bought = np.array([[0.0, 0.2, 0.4], [0.0, 0.5, 0.3], [0.0, 0.6, 0.8], [0.1, 0.2, 1.3]])
    lost = np.array([[0.0, 0.1, 0.6], [0.0, 0.1, 0.2], [0.0, 0.2, 0.4], [0.0, 0.0, 0.0]])
    curves, mended = valid_curves(days, bought, lost)
    assert mended == 3
    assert curves.purchased.tolist() == [[0, 0.2, 0.4], [0, 0.5, 0.5], [0, 0.6, 0.8], [0, 0.2, 1]]
    assert curves.lost[2] == pytest.approx([0, 0.1, 0.2])
    with pytest.raises(ValueError, match="NaN"):
        valid_curves(days, bought * np.nan, lost)


def test_mended_curves_rise_and_sum_to_at_most_one_whatever_comes() -> None:
    given = np.random.default_rng(0).uniform(-0.2, 1.2, (2, 2000, 30))
    curves, mended = valid_curves(np.arange(30.0), given[0], given[1])
    assert mended == 2000
    assert (np.diff(curves.purchased, axis=1) >= 0).all()
    assert (np.diff(curves.lost, axis=1) >= 0).all()
    assert (curves.purchased + curves.lost).max() <= 1


def test_the_best_configuration_that_converges_is_refitted_on_all_rows(fold: Fold) -> None:
    fitted: list[tuple[str, int]] = []

    def fit_as(name: str, level: float) -> Candidate:
        def fit(rows: Examples, task: Task) -> Predict:
            fitted.append((name, len(rows)))
            if name == "fails":
                warnings.warn("no", ConvergenceWarning, stacklevel=1)
            rise = np.linspace(0, level, len(task.grid))
            return lambda X: (np.tile(rise, (len(X), 1)), np.zeros((len(X), len(rise))))

        return Candidate(name, fit)

    options = [fit_as("zero", 0.0), fit_as("fails", 0.5), fit_as("near", 0.5), fit_as("far", 1.0)]
    answer = tuned(lambda _: options, tune_rows=100, final_rows=800)(fold)
    assert answer.chosen.startswith("near; fitted on ")
    assert [name for name, _ in fitted] == ["zero", "fails", "near", "far", "near"]
    assert max(rows for _, rows in fitted[:4]) <= 100
    assert 700 < fitted[-1][1] <= 800


def test_leads_stay_whole_in_blocks_and_samples(fold: Fold) -> None:
    train, out = blocks(replace(fold, calibrate=None))
    assert not set(train.lead_ids) & set(out.lead_ids)
    assert 0.15 < len(out) / len(fold.train) < 0.35
    part = sample_leads(fold.train, 101)
    assert 90 <= len(part) <= 101
    assert np.isin(fold.train.lead_ids, part.lead_ids).sum() == len(part)


def test_configurations_are_not_judged_where_hardly_a_row_is_followed(fold: Fold) -> None:
    early = replace(fold.train, duration=np.minimum(fold.train.duration, 25), outcome=np.zeros(700, dtype=np.int8))
    weights = judging_weights(early, Task(fold.grid, HORIZONS))
    assert weights.times[-1] == 25


def test_cox_equals_scikit_survival() -> None:
    linear = pytest.importorskip("sksurv.linear_model", reason="of the bench dependency group: make .venv/.bench")
    util = importlib.import_module("sksurv.util")
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    duration = np.ceil(rng.exponential(10 * np.exp(-X[:, 0])))  # many ties
    ended = rng.random(200) < 0.7
    ours = Cox.fit(X, ended, duration, 3.0)
    theirs = linear.CoxPHSurvivalAnalysis(alpha=3.0, ties="breslow", tol=1e-12).fit(
        X, util.Surv.from_arrays(ended, duration)
    )
    assert ours.slope == pytest.approx(theirs.coef_, abs=1e-5)
    times = np.array([1.0, 5.0, 20.0])
    hazard = np.array([f(times) for f in theirs.predict_cumulative_hazard_function(X)])
    assert ours.cumulative_hazard(X, times) == pytest.approx(hazard, rel=1e-4)


def test_cox_by_hand() -> None:
    # one event among two rows, x = 1 and 0, then a lone one: log(1 + e^-b) + ridge b^2 / 2 is least at this b
    model = Cox.fit(np.array([[1.0], [0.0]]), np.array([True, True]), np.array([1.0, 2.0]), 0.5)
    slope = model.slope[0]
    assert 0.5 * slope == pytest.approx(1 / (1 + np.exp(slope)), abs=1e-6)
    assert model.hazard == pytest.approx([1 / (np.exp(slope) + 1), 1 / (np.exp(slope) + 1) + 1])


def test_cause_specific_hazards_combine() -> None:
    grid = np.arange(0.0, 31.0)
    bought, lost = incidences(0.02 * grid[None], 0.01 * grid[None])
    assert bought[0, -1] == pytest.approx(2 / 3 * (1 - np.exp(-0.9)))
    assert lost[0, -1] == pytest.approx(1 / 3 * (1 - np.exp(-0.9)))
    assert interpolate(np.array([2.0, 4.0]), np.array([[0.2, 0.6]]), np.array([0.0, 1.0, 3.0, 9.0])).tolist() == [
        pytest.approx([0, 0.1, 0.4, 0.6])
    ]


def test_rows_end_at_edges() -> None:
    one = examples(6, 0)
    rows = replace(
        one,
        outcome=np.array([1, 0, 0, 2, 0, 1], dtype=np.int8),
        duration=np.array([1.2, 1.2, 1.7, 4.0, 0.3, 9.0]),
    )
    kept, last, ending = discretised(rows, np.array([0.0, 1.0, 2.0, 4.0]))
    assert kept.tolist() == [True, True, True, True, False, True]
    assert last.tolist() == [2, 1, 2, 3, 3]
    assert ending.tolist() == [1, 0, 0, 2, 0]


def test_codes_have_no_gaps_for_linear_models_and_no_idle_columns_for_trees(fold: Fold) -> None:
    X = fold.train.features
    linear, tree = LinearCode.fit(X), TreeCode.fit(X)
    matrix = linear.transform(fold.test.features)
    assert np.isfinite(matrix).all()
    assert np.abs(matrix).max() <= 5
    assert tree.names == ["x", "noise", "age_days", "deadline_days", "source", "days_since_engagement"]
    assert np.isnan(tree.transform(X)[:, 3]).any()
    # x, noise, age, deadline, recency; the gaps of the deadline; the levels ads, fair and none
    assert matrix.shape[1] == 5 + 1 + 3


def test_horizons_are_among_the_times_of_the_classifiers() -> None:
    for asked in ((7, 30, 90), (3, 7, 14, 30), (1, 2, 3)):
        times = times_of(asked)
        assert set(asked) <= set(times.tolist())
        assert times[-1] == asked[-1]
        assert len(times) == 8


def test_naive_bayes_bins_numbers_and_keeps_gaps(fold: Fold) -> None:
    fields = naive_bayes._fields(fold.train.features, {"deadline_days": np.array([10.0, 40.0])})
    assert set(fields["deadline_days"]) == {"0", "1", "2", "none"}
    assert list(fields) == ["deadline_days", "source"]
