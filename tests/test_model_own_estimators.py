"""What is made of an estimator of others: its features, its curves, and what is refused."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression

from features.errors import InputError
from model import saved
from model.frame import Columns, endings
from model.own import Adapted, make
from model.own.encoding import Encoding, typical
from model.own.reading import cause_specific_curves, joint_curves
from tests.model_data import Made, made

EDGES = np.array([0.0, 1.0, 7.0, 30.0, 90.0])
TRUSTED = [f"{__name__}.{name}" for name in ("Fixed", "Wants", "Exponential")]


class Fixed(BaseEstimator):  # type: ignore[misc]
    """Predicts what it was given, for every row."""

    def __init__(self, predicted: Any = None) -> None:
        self.predicted = predicted

    def fit(self, X: Any, y: Any) -> Self:
        if isinstance(self.predicted, str):
            self.held_ = (letter for letter in self.predicted)
        return self

    def predict_cumulative_incidence(self, X: Any, times: Any) -> Any:
        if self.predicted is not None:
            return np.asarray(self.predicted)
        return np.tile([0.5, 0.3, 0.2], (len(X), 1))[:, :, None] * np.ones(len(times))


class Wants(Fixed):
    """Wants to know of each row when it is and of whom; takes what is missing, and categories."""

    def fit(self, X: Any, y: Any, groups: Any = None, as_of: Any = None, entry: Any = None) -> Self:  # type: ignore[override]
        self.given_ = [groups is not None, as_of is not None, entry is not None]
        self.types_ = [str(kind) for kind in X.dtypes]
        return self

    def predict_cumulative_incidence(self, X: Any, times: Any, as_of: Any = None) -> Any:
        assert as_of is not None
        return super().predict_cumulative_incidence(X, times)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.categorical = True
        return tags


class Exponential(BaseEstimator):  # type: ignore[misc]
    """One ending at a constant rate."""

    def fit(self, X: Any, y: Any) -> Self:
        self.rate_ = float(y["event"].sum() / y["time"].sum())
        return self

    def predict_cumulative_hazard_function(self, X: Any) -> list[Any]:
        rate, x = self.rate_, np.arange(1.0, 200.0)

        class Line:
            def __call__(self, times: Any) -> Any:
                return rate * times

        Line.x = x  # type: ignore[attr-defined]
        return [Line() for _ in range(len(X))]


@pytest.fixture(scope="module")
def data() -> Made:
    return made(300)


def encoded(X: pd.DataFrame, estimator: Any) -> pd.DataFrame:
    columns = Columns.of(X)
    matrix = columns.encode(X)
    encoding = Encoding.of(estimator, columns, matrix)
    again = Encoding.from_json(encoding.to_json())
    assert again.frame(matrix).equals(encoding.frame(matrix))
    return encoding.frame(matrix)


def test_numbers_without_a_gap_for_who_takes_no_other() -> None:
    X = pd.DataFrame(
        {
            "a": [1.0, np.nan, 3.0],
            "same": 1.0,
            "never": np.nan,
            "source": pd.Categorical(["ads", None, "fair"], categories=["ads", "fair", "(other)"]),
        }
    )
    found = encoded(X, LogisticRegression())
    assert found.columns.tolist() == ["a", "source=ads", "source=fair", "a missing", "source missing"]
    assert found.to_numpy().tolist() == [[1, 1, 0, 0, 0], [2, 0, 0, 1, 1], [3, 0, 1, 0, 0]]
    as_it_is = encoded(X, Wants())
    assert as_it_is.columns.tolist() == ["a", "source"]
    assert as_it_is["source"].tolist()[::2] == ["ads", "fair"]
    assert as_it_is.isna().sum().tolist() == [1, 1]
    columns = Columns.of(X)
    assert typical(columns, columns.encode(X)).tolist()[:2] == [2, 1]


def test_methods_are_given_what_they_name(data: Made) -> None:
    model = Adapted(Wants(), trusted=TRUSTED).fit(data.X, data.y, groups=data.groups, as_of=data.as_of)
    estimator = model.fitted_["both"]
    assert estimator.given_ == [True, True, False]
    assert "category" in estimator.types_
    model.predict_curves(data.X, as_of=data.as_of)
    entered = Adapted(Wants(), trusted=TRUSTED).fit(data.X, data.y, entry=data.y["duration"] / 2)
    assert entered.fitted_["both"].given_ == [True, False, True]
    with pytest.raises(InputError, match="a fit that takes entry"):
        Adapted(Fixed(), trusted=TRUSTED).fit(data.X, data.y, entry=data.y["duration"] / 2)


def test_the_season_is_not_there_until_a_year_has_been_seen(data: Made) -> None:
    X = data.X.assign(month=np.arange(len(data.X)) % 12 + 1.0)
    short = Adapted(Fixed(), trusted=TRUSTED).fit(X, data.y, as_of=data.as_of)
    assert not [name for name in short.feature_names_ if "month" in name]
    long = Adapted(Fixed(), trusted=TRUSTED).fit(X, data.y, as_of=data.as_of * 2)
    assert "month" in long.feature_names_


def test_an_ending_that_hardly_came_has_the_curve_without_features(data: Made) -> None:
    outcome = np.where(data.y["outcome"] == 2, 0, data.y["outcome"])
    outcome[:10] = 2
    model = Adapted(Exponential(), trusted=TRUSTED).fit(data.X, endings(outcome, data.y["duration"]))
    assert list(model.fitted_) == ["purchase"]
    curves = model.predict_curves(data.X)
    assert 0 < curves.lost[0, -1] < 0.2
    rate = (outcome == 1).sum() / data.y["duration"].sum()
    assert curves.purchased[0, 1] == pytest.approx(1 - np.exp(-rate), rel=0.05)


@given(st.lists(st.floats(0.001, 0.2), min_size=2, max_size=2))
def test_two_constant_hazards_make_the_curves_of_the_textbook(rates: list[float]) -> None:
    hazards = [rate * EDGES[None, :] for rate in rates]
    curves = cause_specific_curves(EDGES, hazards)
    both = 1 - np.exp(-sum(rates) * EDGES)
    assert curves.purchased[0] == pytest.approx(rates[0] / sum(rates) * both)
    assert curves.lost[0] == pytest.approx(rates[1] / sum(rates) * both)


@given(st.lists(st.lists(st.floats(-2, 3), min_size=4, max_size=4), min_size=3, max_size=3))
def test_whatever_is_predicted_curves_are_lawful(predicted: list[list[float]]) -> None:
    curves = joint_curves(Fixed([predicted]), pd.DataFrame(index=[0]), EDGES, {})
    for incidence in (curves.purchased, curves.lost):
        assert (np.diff(incidence[0]) >= 0).all()
        assert incidence[0, 0] == 0
    assert (curves.purchased + curves.lost).max() <= 1


@pytest.mark.parametrize(
    ("predicted", "said"),
    [
        (np.zeros((1, 2, 4)), r"shape \(1, 3, 4\) .* got one of shape \(1, 2, 4\)"),
        (np.full((1, 3, 4), np.nan), "finite numbers, got 12 that are not"),
    ],
)
def test_predictions_of_another_shape_are_refused(predicted: Any, said: str) -> None:
    with pytest.raises(InputError, match=f"Fixed.predict_cumulative_incidence: expected .*{said}"):
        joint_curves(Fixed(predicted), pd.DataFrame(index=[0]), EDGES, {})


@pytest.mark.parametrize(
    ("name", "parameters", "said"),
    [
        ("no_such_module:Model", {}, "a module that can be imported.*PYTHONPATH"),
        (f"{__name__}:Nothing", {}, "no such name there"),
        (f"{__name__}:Fixed", {"depth": 3}, r"parameters of .*Fixed\(predicted.*unexpected keyword argument 'depth'"),
        (f"{__name__}:EDGES", {}, "got ndarray"),
        ("fractions:Fraction", {}, "a Fraction without fit"),
    ],
)
def test_a_class_that_is_no_estimator_is_refused(name: str, parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        make(name, parameters)


def test_an_estimator_that_cannot_predict_curves_is_refused(data: Made) -> None:
    with pytest.raises(InputError, match=r"predict_cumulative_incidence.*a LogisticRegression without"):
        Adapted(LogisticRegression()).fit(data.X, data.y)


def test_types_that_nobody_trusts_are_refused_at_the_fit_and_when_loaded(data: Made) -> None:
    with pytest.raises(InputError, match=f'{__name__}.Fixed. If you do trust them, set trusted = .*"{__name__}.Fixed"'):
        Adapted(Fixed()).fit(data.X, data.y)
    model = Adapted(Fixed(), trusted=[f"{__name__}:Fixed"]).fit(data.X, data.y)
    state, files = saved.to_files(model)
    with pytest.raises(InputError, match=f"expected types that are trusted, got {__name__}.Fixed"):
        saved.from_files(state, files, trusted=["sklearn.linear_model:LogisticRegression"])
    # the file has no say in it
    with pytest.raises(InputError, match="types that are trusted"):
        saved.from_files({**state, "trusted": TRUSTED}, files, trusted=())
    assert len(saved.from_files(state, files, trusted=TRUSTED).predict_curves(data.X)) == len(data.X)
    for broken in ({}, {"estimator.skops": b"no zip"}):
        with pytest.raises(InputError, match="model files"):
            saved.from_files(state, broken, trusted=TRUSTED)


def test_an_attribute_that_cannot_be_written_is_told_at_the_fit(data: Made) -> None:
    with pytest.raises(InputError, match="an estimator that skops can write"):
        Adapted(Fixed("no array"), trusted=TRUSTED).fit(data.X, data.y)
