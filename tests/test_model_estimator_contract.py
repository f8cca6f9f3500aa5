"""scikit-learn's contract, by its own checks and by what they do not look at."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

from features.errors import InputError
from model.frame import endings
from model.hazard import PurchaseHazard
from tests.model_data import Made, made

QUICK: dict[str, Any] = {"max_trees": 10, "learning_rate": 0.1, "n_jobs": 1}
BOOSTED: dict[str, Any] = {**QUICK, "min_events": 2}  # the checks have a few dozen rows and must meet the boosters


class Numbers(PurchaseHazard):
    """PurchaseHazard for checks that know y as numbers and predictions as ``predict``, and nothing else."""

    def fit(self, X: Any, y: Any) -> Self:  # type: ignore[override]
        return super().fit(X, _as_endings(X, y))

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        return self.predict_cumulative_incidence(X).reshape(-1, 3 * len(self.horizons))

    def score(self, X: Any, y: Any) -> float:  # type: ignore[override]
        return super().score(X, _as_endings(X, y))


def _as_endings(X: Any, y: Any) -> Any:
    """Endings told by y, sooner for rows with a low first feature, so that there is something to learn. What is no
    table of numbers is for the estimator to refuse.
    """
    if y is None or np.iscomplexobj(y) or not len(y):
        return y
    outcome = np.abs(np.asarray(y, dtype=np.float64)).astype(int) % 3
    try:
        first = np.asarray(X, dtype=np.float64)[:, 0]
    except (TypeError, ValueError, IndexError):
        first = np.arange(len(outcome))
    return endings(outcome, 1 + 80 * np.searchsorted(np.sort(first), first) / len(first))


@parametrize_with_checks([Numbers(**BOOSTED), Numbers(**QUICK)])  # none is expected to fail
def test_scikit_learns_own_checks(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)


@pytest.fixture(scope="module")
def data() -> Made:
    return made(600)


@pytest.fixture(scope="module")
def model(data: Made) -> PurchaseHazard:
    fitted = PurchaseHazard(**QUICK).fit(data.X, data.y, groups=data.groups, as_of=data.as_of)
    assert fitted.booster(1) is not None
    return fitted


def test_parameters_can_be_set_and_cloned(model: PurchaseHazard) -> None:
    again = clone(model)
    assert again.get_params() == model.get_params()
    assert not hasattr(again, "n_features_in_")
    assert again.set_params(horizons=(5, 10), max_rows=4).get_params() == {
        **model.get_params(),
        "horizons": (5, 10),
        "max_rows": 4,
    }
    with pytest.raises(ValueError, match="Invalid parameter 'depth'"):
        again.set_params(depth=3)


def test_a_pickle_predicts_the_same(model: PurchaseHazard, data: Made) -> None:
    one, other = (
        m.predict_cumulative_incidence(data.X, as_of=data.as_of) for m in (model, pickle.loads(pickle.dumps(model)))
    )
    assert np.array_equal(one, other)


def test_what_was_seen_at_fit_is_told(model: PurchaseHazard, data: Made) -> None:
    assert model.n_features_in_ == 7
    assert model.feature_names_in_.tolist() == list(data.X.columns)
    again = PurchaseHazard.from_files(*model.to_files())
    assert again.n_features_in_ == 7
    assert again.feature_names_in_.tolist() == list(data.X.columns)


def test_columns_go_by_name_and_not_by_place(model: PurchaseHazard, data: Made) -> None:
    one, other = (
        model.predict_cumulative_incidence(X, as_of=data.as_of) for X in (data.X, data.X[list(data.X.columns)[::-1]])
    )
    assert np.array_equal(one, other)


def test_a_table_without_names_is_the_same_in_any_form(data: Made) -> None:
    numbers = data.X[["x", "deadline_days", "nothing"]].to_numpy()
    fitted = PurchaseHazard(**QUICK).fit(numbers, data.y)
    assert fitted.n_features_in_ == 3
    assert fitted.columns_.names == ("x0", "x1", "x2")
    assert not hasattr(fitted, "feature_names_in_")
    want = fitted.predict_cumulative_incidence(numbers)
    forms: list[Any] = [numbers.tolist(), numbers.astype(object), np.asfortranarray(numbers)]
    for X in forms:
        again = PurchaseHazard(**QUICK).fit(X, data.y)
        assert np.array_equal(again.predict_cumulative_incidence(X), want)
        assert np.array_equal(fitted.predict_cumulative_incidence(X), want)
    by_number = pd.DataFrame(numbers)
    unnamed = PurchaseHazard(**QUICK).fit(by_number, data.y)
    assert not hasattr(unnamed, "feature_names_in_")
    for X in (by_number, numbers):
        assert np.array_equal(unnamed.predict_cumulative_incidence(X), want)
    loaded = PurchaseHazard.from_files(*fitted.to_files())
    assert not hasattr(loaded, "feature_names_in_")
    assert np.array_equal(loaded.predict_cumulative_incidence(numbers.tolist()), want)
    with pytest.raises(InputError, match="names that are all texts"):
        PurchaseHazard().fit(by_number.rename(columns={0: "x"}), data.y)
    with pytest.raises(ValueError, match="X has 2 features, but PurchaseHazard is expecting 3 features"):
        loaded.predict_cumulative_incidence(numbers[:, :2])


def test_a_second_fit_forgets_the_first(data: Made) -> None:
    numbers = data.X[["x", "noise"]].to_numpy()
    twice = PurchaseHazard(**QUICK).fit(data.X, data.y).fit(numbers, data.y)
    once = PurchaseHazard(**QUICK).fit(numbers, data.y)
    assert not hasattr(twice, "feature_names_in_")
    assert np.array_equal(twice.predict_cumulative_incidence(numbers), once.predict_cumulative_incidence(numbers))


def test_endings_as_a_frame_are_the_same_as_an_array(data: Made) -> None:
    one, other = (
        PurchaseHazard(**QUICK).fit(data.X, y).predict_cumulative_incidence(data.X)
        for y in (data.y, pd.DataFrame({"duration": data.y["duration"], "outcome": data.y["outcome"]}))
    )
    assert np.array_equal(one, other)


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (None, "requires y to be passed, but the target y is None"),
        (np.arange(2.0), "fields outcome and duration"),
        (pd.DataFrame({"outcome": [0, 1]}), "fields outcome and duration"),
        (endings([0, 1, 2], [1, 2, 3]).reshape(3, 1), "one ending for each row"),
        (endings([0, 5], [1, 2]), "outcomes 0"),
        (endings([0, 1], [1, np.inf]), "durations in days above 0"),
    ],
)
def test_a_y_that_is_no_endings_is_refused(y: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        PurchaseHazard().fit(np.ones((2, 1)), y)


def test_incidences_of_all_three_states_at_any_times(model: PurchaseHazard, data: Made) -> None:
    times = [0, 90, 7.3, 30, 0.01]
    found = model.predict_cumulative_incidence(data.X, times, as_of=data.as_of)
    assert found.shape == (600, 3, 5)
    bought, lost = model.predict_curves(data.X, as_of=data.as_of).at(times)
    assert np.array_equal(found[:, 1], bought)
    assert np.array_equal(found[:, 2], lost)
    assert found.sum(axis=1) == pytest.approx(1.0)
    assert found[:, :, 0].tolist() == [[1.0, 0.0, 0.0]] * 600
    default = model.predict_cumulative_incidence(data.X, as_of=data.as_of)
    assert np.array_equal(default, model.predict_cumulative_incidence(data.X, model.horizons, as_of=data.as_of))
    for strange in ([-1], [91], [np.nan]):
        with pytest.raises(ValueError, match="times within 0 and 90 days"):
            model.predict_cumulative_incidence(data.X, strange, as_of=data.as_of)
    with pytest.raises(NotFittedError):
        PurchaseHazard().predict_cumulative_incidence(data.X)


def test_the_score_is_the_skill_over_one_curve_for_all(model: PurchaseHazard, data: Made) -> None:
    test = made(600, seed=1)
    assert 0.1 < model.score(test.X, test.y, as_of=test.as_of) < 1
    constant = clone(model).set_params(min_events=10**6).fit(data.X, data.y)
    assert constant.score(data.X, data.y) == pytest.approx(0.0, abs=0.01)
    never = endings(np.zeros(600, dtype=int), data.y["duration"])
    assert clone(model).fit(data.X, never).score(data.X, never) <= 1
    with pytest.raises(InputError, match="as many rows in X as in y"):
        model.score(test.X[:5], test.y[:4], as_of=test.as_of[:5])


def test_it_can_be_searched_and_put_into_a_pipeline(data: Made) -> None:
    search = GridSearchCV(PurchaseHazard(**QUICK), {"max_trees": [1, 10]}, cv=GroupKFold(2), error_score="raise")
    search.fit(data.X, data.y, groups=data.groups)
    assert search.best_params_ == {"max_trees": 10}
    piped = make_pipeline("passthrough", PurchaseHazard(**QUICK)).fit(data.X, data.y)
    assert piped.score(data.X, data.y) > 0


def test_leads_and_times_are_routed_in_cross_validation(data: Made) -> None:
    with config_context(enable_metadata_routing=True):
        routed = (
            PurchaseHazard(**QUICK).set_fit_request(groups=True, as_of=True, entry=False).set_score_request(as_of=True)
        )
        found = cross_validate(
            routed,
            data.X,
            data.y,
            cv=GroupKFold(2),
            params={"groups": data.groups, "as_of": data.as_of},
            error_score="raise",
        )
    assert found["test_score"].min() > 0


def test_infinite_features_are_refused_in_any_form(model: PurchaseHazard, data: Made) -> None:
    numbers = np.array([[1.0, np.nan], [np.inf, 2.0]])
    y = endings([1, 2], [1.0, 2.0])
    fitted = PurchaseHazard().fit(np.nan_to_num(numbers), y)
    for X in (numbers, pd.DataFrame(numbers)):
        for refused in (lambda X: PurchaseHazard().fit(X, y), fitted.predict_cumulative_incidence):
            with pytest.raises(ValueError, match="infinit"):
                refused(X)
    with pytest.raises(InputError, match="infinite"):
        model.predict_curves(model.columns_.encode(data.X[:2]) - np.inf, as_of=data.as_of[:2])


@pytest.mark.parametrize("n", [1, 2, 3])
def test_hardly_a_row_is_no_error(n: int) -> None:
    X, y = np.arange(float(n))[:, None], endings([1, 2, 0][:n], [1.0, 2.0, 3.0][:n])
    for least in (0, 1, 20):
        found = PurchaseHazard(min_events=least, n_jobs=1).fit(X, y).predict_cumulative_incidence(X, range(91))
        assert np.all(np.isfinite(found))
