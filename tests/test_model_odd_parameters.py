"""What an estimator cannot work with is refused in words, and what it is given stays as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.errors import InputError
from model.additive import shapes_of
from model.curves import Curves
from model.frame import Columns
from model.hazard import PurchaseHazard
from model.shrunken import ShrunkenHazard

N = 400
rng = np.random.default_rng(0)
X = pd.DataFrame({"x": rng.normal(size=N)})
Y = pd.DataFrame({"outcome": rng.integers(0, 3, N).astype(np.int8), "duration": rng.uniform(1, 60, N)})


@pytest.mark.parametrize("horizons", [(7, float("nan")), (7, float("inf")), 30, (), (7, 7), (0, 7), ("week",), None])
def test_horizons_are_rising_finite_days(horizons: Any) -> None:
    with pytest.raises(InputError, match="expected rising numbers of days above 0"):
        PurchaseHazard(horizons).fit(X, Y)


@pytest.mark.parametrize(
    ("name", "value"), [("max_trees", 0), ("max_rows", 1), ("rows_per_lead", 0), ("n_jobs", None), ("n_jobs", 1.5)]
)
def test_a_parameter_that_nothing_can_be_fitted_with_is_named(name: str, value: Any) -> None:
    with pytest.raises(InputError, match=f"{name}: expected a whole number from"):
        PurchaseHazard((7, 30), **{name: value}).fit(X, Y)


def test_as_of_times_in_nanoseconds_are_told_from_microseconds() -> None:
    nanoseconds = pd.date_range("2026-01-01", periods=N, freq="h").to_numpy().astype("datetime64[ns]").astype(np.int64)
    with pytest.raises(InputError, match="expected microseconds since 1970 UTC"):
        PurchaseHazard((7, 30)).fit(X, Y, as_of=nanoseconds)


def test_complex_features_are_refused() -> None:
    with pytest.raises(InputError, match="expected real numbers"):
        PurchaseHazard((7, 30)).fit(X.astype(complex), Y)


def test_a_level_is_the_same_whether_it_came_as_a_whole_number_or_as_one_with_a_point() -> None:
    learned = Columns.of(pd.DataFrame({"c": pd.Categorical([1, 2, 3])}))
    with_gaps = pd.DataFrame({"c": pd.Categorical([3.0, np.nan, 1.0])})
    np.testing.assert_array_equal(learned.encode(with_gaps), [[2.0], [np.nan], [0.0]])


def test_two_levels_of_one_text_are_refused() -> None:
    with pytest.raises(InputError, match="levels of different texts"):
        Columns.of(pd.DataFrame({"c": pd.Categorical([1, "1"])}))


def test_of_too_many_levels_the_most_frequent_are_told_apart() -> None:
    rare, frequent = np.repeat(np.arange(40.0), 30), np.repeat(np.arange(40.0, 60.0), 300)
    shape = shapes_of(np.concatenate([rare, frequent])[:, None], [0], [])[0]
    assert set(np.arange(40.0, 60.0)) <= set(shape.cuts)
    assert np.all(np.diff(shape.cuts) > 0)


def test_no_times_give_no_incidences() -> None:
    curves = Curves(np.array([0.0, 7.0]), np.zeros((3, 2)), np.zeros((3, 2)))
    assert curves.at([])[0].shape == (3, 0)


def test_a_shrunken_fit_leaves_its_parameters_alone() -> None:
    hazard = ShrunkenHazard((7, 30))
    before = hazard.get_params()
    hazard.fit(X, Y)
    assert hazard.get_params() == before
    state, texts = hazard.to_files()
    assert texts == {}
    again = ShrunkenHazard.from_files(state, texts).predict_curves(X)
    np.testing.assert_array_equal(again.purchased, hazard.predict_curves(X).purchased)
