"""One contract for all estimators of curves: the built-in ones, and those of others."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from walkthrough import OWN_MODELS, write_files

from model import cross_fit, saved
from model.aalen_johansen import AalenJohansen, aalen_johansen
from model.hazard import PurchaseHazard
from model.likeness import leaves
from model.own import Adapted, make
from model.reasons import contributions
from tests.model_data import Made, made

FOREST = ("sksurv.ensemble:RandomSurvivalForest", "sksurv.tree.tree.SurvivalTree", "sklearn.tree._tree.Tree")
COX = (
    "sksurv.linear_model:CoxPHSurvivalAnalysis",
    "sksurv.linear_model.coxph.BreslowEstimator",
    "sksurv.functions.StepFunction",
)


class Steps:
    """A step function as scikit-survival has them: refuses times beyond its jumps."""

    def __init__(self, x: Any, y: Any) -> None:
        self.x, self.y = x, y

    def __call__(self, times: Any) -> Any:
        assert times.min() >= self.x[0]
        assert times.max() <= self.x[-1]
        return self.y[np.searchsorted(self.x, times, side="right") - 1]


class Halves(BaseEstimator):  # type: ignore[misc]
    """Knows one ending: survival of the rows below and above the middle of the first column."""

    def fit(self, X: Any, y: Any) -> Self:
        self.middle_ = float(X.iloc[:, 0].median())
        self.parts_ = [
            list(aalen_johansen(y["time"][rows], y["event"][rows].astype(int))[:2])
            for rows in (X.iloc[:, 0] <= self.middle_, X.iloc[:, 0] > self.middle_)
        ]
        return self

    def predict_survival_function(self, X: Any) -> list[Steps]:
        parts = [Steps(days, 1 - bought) for days, bought in self.parts_]
        return [parts[int(above)] for above in X.iloc[:, 0] > self.middle_]


NEEDED = "of the bench dependency group: make .venv/.bench"


def unfitted(kind: str) -> Any:
    match kind:
        case "purchase hazard":
            return PurchaseHazard(max_trees=10, learning_rate=0.1, n_jobs=1)
        case "Aalen-Johansen":
            return AalenJohansen()
        case "logistic regression":
            return Adapted(make("weekly_hazard:WeeklyHazard", {"C": 0.1}), trusted=["weekly_hazard:WeeklyHazard"])
        case "one ending":
            return Adapted(Halves(), trusted=[f"{__name__}.Halves"])
        case "Cox":
            linear = pytest.importorskip("sksurv.linear_model", reason=NEEDED)
            return Adapted(linear.CoxPHSurvivalAnalysis(alpha=1.0), trusted=COX)
    ensemble = pytest.importorskip("sksurv.ensemble", reason=NEEDED)
    return Adapted(
        ensemble.RandomSurvivalForest(n_estimators=5, min_samples_leaf=30, max_features=None), trusted=FOREST, n_jobs=1
    )


KINDS = ("purchase hazard", "Aalen-Johansen", "logistic regression", "one ending", "Cox", "survival forest")


@pytest.fixture(scope="module", autouse=True)
def weekly_hazard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The estimator of the walk-through can be imported."""
    folder = tmp_path_factory.mktemp("own")
    write_files(OWN_MODELS, folder)
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    yield folder
    sys.path.remove(str(folder))
    sys.modules.pop("weekly_hazard", None)


@pytest.fixture(scope="module")
def data() -> Made:
    return made(400)


@pytest.fixture(scope="module", params=KINDS)
def model(request: pytest.FixtureRequest, data: Made) -> Any:
    return fitted(unfitted(request.param), data)


@pytest.fixture(scope="module")
def again(model: Any, data: Made) -> Any:
    return fitted(clone(model), data)


def fitted(estimator: Any, data: Made) -> Any:
    with pytest.MonkeyPatch.context() as patch:  # how well the built-in one is fitted is not at issue here
        patch.setattr(cross_fit, "_REPEATS", 1)
        patch.setattr(cross_fit, "_RIDGES", (30.0,))
        return estimator.fit(data.X, data.y, groups=data.groups, as_of=data.as_of)


@pytest.fixture
def held(model: Any) -> Any:
    """Those that a scorer can hold."""
    if isinstance(model, AalenJohansen):
        pytest.skip("one curve for everybody, which a PurchaseHazard without features gives a scorer")
    return model


def test_curves_are_lawful(model: Any, data: Made) -> None:
    curves = model.predict_curves(data.X, as_of=data.as_of)
    assert len(curves) == len(data.X)
    assert (curves.days[0], curves.days[-1]) == (0, 90)
    for incidence in (curves.purchased, curves.lost):
        assert np.isfinite(incidence).all()
        assert not incidence[:, 0].any()
        assert (np.diff(incidence, axis=1) >= 0).all()
    assert (curves.purchased + curves.lost).max() <= 1
    assert 0.2 < curves.purchased[:, -1].mean() < 0.8


def test_a_row_is_the_same_alone_and_among_others(model: Any, data: Made) -> None:
    every = model.predict_curves(data.X, as_of=data.as_of)
    for i in (0, 7):
        alone = model.predict_curves(data.X.iloc[i : i + 1], as_of=data.as_of[i : i + 1])
        assert alone.purchased[0] == pytest.approx(every.purchased[i], rel=1e-9, abs=1e-12)


def test_no_row_gives_no_curve(model: Any, data: Made) -> None:
    assert len(model.predict_curves(data.X[:0], as_of=data.as_of[:0])) == 0


def test_the_same_data_give_the_same_curves(model: Any, again: Any, data: Made) -> None:
    one, other = (m.predict_curves(data.X[:20], as_of=data.as_of[:20]) for m in (model, again))
    assert np.array_equal(one.purchased, other.purchased)
    assert np.array_equal(one.lost, other.lost)


def test_what_is_not_fitted_says_so(model: Any, data: Made) -> None:
    with pytest.raises(NotFittedError):
        clone(model).predict_curves(data.X, as_of=data.as_of)


def test_features_are_learned_from(held: Any) -> None:
    test = made(400, seed=1)
    assert held.score(test.X, test.y, as_of=test.as_of) > 0.05


def test_an_encoded_array_is_the_same_as_the_frame(held: Any, data: Made) -> None:
    matrix = held.columns_.encode(data.X)
    one, other = (held.predict_curves(X, as_of=data.as_of) for X in (data.X, matrix))
    assert np.array_equal(one.purchased, other.purchased)


def test_files_bring_back_the_same_curves_and_the_same_files(held: Any, again: Any, data: Made) -> None:
    state, files = saved.to_files(held)
    assert saved.to_files(again) == (state, files)
    back = saved.from_files(state, files, trusted=getattr(held, "trusted", ()))
    assert saved.to_files(back) == (state, files)
    back.set_params(n_jobs=1)
    back.warm_up()
    one, other = (m.predict_curves(data.X, as_of=data.as_of) for m in (held, back))
    assert np.array_equal(one.purchased, other.purchased)
    assert np.array_equal(one.lost, other.lost)
    with pytest.raises(NotFittedError):
        back.predict_held_out(data.X, data.groups, as_of=data.as_of)


def test_held_out_curves_have_not_seen_the_lead(held: Any, data: Made) -> None:
    usual = held.predict_curves(data.X, as_of=data.as_of)
    others = held.predict_held_out(data.X, data.groups + 10_000, as_of=data.as_of)
    assert others.purchased == pytest.approx(usual.purchased)  # no member has seen these leads
    without = held.predict_held_out(data.X, data.groups, as_of=data.as_of)
    assert (np.abs(without.purchased[:, -1] - usual.purchased[:, -1]) > 0).mean() > 0.9
    # those who bought look less like buyers to members that do not know it
    bought = data.y["outcome"] == 1
    assert (usual.purchased - without.purchased)[bought, -1].mean() > 0


def test_reasons_are_the_features_that_move_the_chance(held: Any, data: Made) -> None:
    matrix, at = held.columns_.encode(data.X), data.as_of
    weights = contributions(held, matrix, at, 30)
    assert weights.shape == matrix.shape
    names = list(held.columns_.names)
    assert not weights[:, names.index("constant")].any()
    x = names.index("x")
    assert np.corrcoef(weights[:, x], matrix[:, x])[0, 1] > 0.5
    assert np.abs(weights[:, x]).mean() > np.abs(weights[:, names.index("noise")]).mean()
    assert contributions(held, matrix[:0], at[:0], 30).shape == (0, len(names))


def test_only_trees_have_leaves(held: Any, data: Made) -> None:
    found = leaves(held, held.columns_.encode(data.X), data.as_of, 30)
    assert (found is not None) == isinstance(held, PurchaseHazard)
