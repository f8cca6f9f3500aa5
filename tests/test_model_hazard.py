from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from features.errors import InputError
from model.aalen_johansen import AalenJohansen
from model.curves import Curves
from model.discrete import curves_from_hazards
from model.frame import endings
from model.hazard import PurchaseHazard
from tests.model_data import Made, made

HORIZONS = (7, 30, 90)
QUICK: dict[str, Any] = {"max_trees": 80, "learning_rate": 0.1, "n_jobs": 1}


def fitted(data: Made, horizons: Sequence[float] = HORIZONS, **options: Any) -> PurchaseHazard:
    return PurchaseHazard(horizons, **{**QUICK, **options}).fit(data.X, data.y, groups=data.groups, as_of=data.as_of)


@pytest.fixture(scope="module")
def data() -> Made:
    return made(3000)


@pytest.fixture(scope="module")
def hazard(data: Made) -> PurchaseHazard:
    return fitted(data)


def assert_lawful(curves: Curves) -> None:
    for f in (curves.purchased, curves.lost):
        assert np.all(f[:, 0] == 0)
        assert np.all(np.diff(f, axis=1) >= 0)
    assert np.all(curves.purchased + curves.lost <= 1)
    assert np.all(curves.open >= 0)


@given(st.lists(st.lists(st.floats(0, 1), min_size=4, max_size=4), min_size=1, max_size=8), st.data())
def test_any_hazards_make_lawful_curves(purchase: list[list[float]], data: st.DataObject) -> None:
    shape = [st.lists(st.floats(0, 1), min_size=4, max_size=4)] * len(purchase)
    loss = [data.draw(row) for row in shape]
    assert_lawful(curves_from_hazards(np.arange(5.0), np.array(purchase), np.array(loss)))


numbers = st.one_of(st.floats(allow_infinity=False), st.sampled_from([np.nan, 0.0, -1e300, 1e300]))


@given(st.lists(st.tuples(*[numbers] * 6, st.sampled_from(["ads", "fair", "(other)", None])), min_size=1, max_size=6))
def test_any_features_make_lawful_curves(hazard: PurchaseHazard, data: Made, rows: list[tuple[Any, ...]]) -> None:
    X = pd.DataFrame(rows, columns=list(data.X.columns)).astype(dict.fromkeys(data.X.columns[:6], float))
    X["source"] = pd.Categorical(X["source"], categories=data.X["source"].cat.categories)
    assert_lawful(hazard.predict_curves(X, as_of=data.as_of[: len(X)]))


def test_beats_the_curve_without_features_by_far(hazard: PurchaseHazard, data: Made) -> None:
    test = made(2000, seed=1)
    grid = np.arange(1.0, 91.0)
    whole = test.y["outcome"] > 0
    truth = (test.y["outcome"] == 1)[:, None] & (test.y["duration"][:, None] <= grid)

    def loss(curves: Curves) -> float:
        return float(((curves.at(grid)[0] - truth) ** 2)[whole].mean())

    baseline = AalenJohansen(HORIZONS).fit(None, data.y)
    assert loss(hazard.predict_curves(test.X, as_of=test.as_of)) < 0.8 * loss(baseline.predict_curves(test.X))


def test_a_kept_deadline_moves_the_curve(hazard: PurchaseHazard, data: Made) -> None:
    X = pd.concat([data.X[:1]] * 3, ignore_index=True)
    X["x"] = 0.0
    X["deadline_days"] = [20.0, 60.0, np.nan]
    curves = hazard.predict_curves(X, as_of=np.repeat(data.as_of[:1], 3))
    soon, later, none = curves.at([14, 28, 49, 70])[0]
    assert soon[1] - soon[0] > 0.6 * soon[3]  # most purchases come around day 20
    assert later[3] - later[2] > 0.6 * later[3]
    assert later[1] < 0.4 * soon[1]
    assert none[1] - none[0] < 0.5 * (soon[1] - soon[0])


def test_without_signal_it_is_hardly_away_from_aalen_johansen() -> None:
    data = made(600, signal=False)
    curves = fitted(data).predict_curves(data.X, as_of=data.as_of)
    baseline = AalenJohansen(HORIZONS).fit(None, data.y).predict_curves(data.X)
    for mine, its in zip(curves.at(HORIZONS), baseline.at(HORIZONS), strict=True):
        assert np.abs(mine - its).mean() < 0.02


@pytest.mark.parametrize("n", [5, 30])
def test_few_endings_give_exactly_aalen_johansen(n: int) -> None:
    data = made(n, rate=1 / 400, per_lead=1)
    model = fitted(data)
    assert model.booster(1) is None
    curves = model.predict_curves(data.X, as_of=data.as_of)
    baseline = AalenJohansen(HORIZONS).fit(None, data.y).predict_curves(data.X)
    seen = [h for h in HORIZONS if (data.y["duration"] >= h).sum() >= 10] or [1]
    assert curves.at(seen)[0] == pytest.approx(baseline.at(seen)[0], abs=1e-6)


@pytest.mark.parametrize("absent", [1, 2])
def test_an_ending_that_never_came_is_not_expected(absent: int) -> None:
    data = made(300, rate=1 / 40)
    y = data.y[data.y["outcome"] != absent]
    keep = data.y["outcome"] != absent
    model = PurchaseHazard(HORIZONS, **QUICK).fit(data.X[keep], y, groups=data.groups[keep], as_of=data.as_of[keep])
    curves = model.predict_curves(data.X, as_of=data.as_of)
    assert_lawful(curves)
    f = curves.purchased if absent == 1 else curves.lost
    assert f.max() < 1e-5


def test_a_row_is_the_same_alone_and_among_others(hazard: PurchaseHazard, data: Made) -> None:
    many = hazard.predict_curves(data.X, as_of=data.as_of)
    for i in (0, 7, 2999):
        one = hazard.predict_curves(data.X[i : i + 1], as_of=data.as_of[i : i + 1])
        assert np.array_equal(one.purchased[0], many.purchased[i])
        assert np.array_equal(one.lost[0], many.lost[i])


def test_an_encoded_array_is_the_same_as_the_frame(hazard: PurchaseHazard, data: Made) -> None:
    encoded = hazard.columns_.encode(data.X[:50])
    one = hazard.predict_curves(encoded, as_of=data.as_of[:50])
    assert np.array_equal(one.purchased, hazard.predict_curves(data.X[:50], as_of=data.as_of[:50]).purchased)


def test_files_bring_back_the_same_predictions(hazard: PurchaseHazard, data: Made) -> None:
    again = PurchaseHazard.from_files(*hazard.to_files())
    one, other = (m.predict_curves(data.X, as_of=data.as_of) for m in (hazard, again))
    assert np.array_equal(one.purchased, other.purchased)
    assert np.array_equal(one.lost, other.lost)
    assert again.to_files() == hazard.to_files()


def test_the_same_seed_gives_the_same_model_with_any_number_of_threads(data: Made) -> None:
    part = made(1000)
    one, other = fitted(part, seed=3), fitted(part, seed=3, n_jobs=2)
    assert one.to_files()[1] == other.to_files()[1]
    assert one.to_files()[1] != fitted(part, seed=4).to_files()[1]


def test_season_features_are_not_learned_in_less_than_a_year() -> None:
    data = made(1000)
    X = data.X.assign(day_of_year=(data.as_of - data.as_of.min()) / data.as_of.max())
    model = PurchaseHazard(HORIZONS, **QUICK).fit(X, data.y, groups=data.groups, as_of=data.as_of)
    one = model.predict_curves(X, as_of=data.as_of)
    other = model.predict_curves(X.assign(day_of_year=300.0), as_of=data.as_of)
    assert np.array_equal(one.purchased, other.purchased)


def test_a_level_that_was_not_there_at_fit_counts_as_missing(hazard: PurchaseHazard, data: Made) -> None:
    new = data.X[:5].assign(source=pd.Categorical(["moon"] * 5))
    none = data.X[:5].assign(source=pd.Categorical([None] * 5, categories=["ads", "fair", "(other)"]))
    one, other = (hazard.predict_curves(X, as_of=data.as_of[:5]) for X in (new, none))
    assert np.array_equal(one.purchased, other.purchased)


def test_no_row_gives_no_curve(hazard: PurchaseHazard, data: Made) -> None:
    assert len(hazard.predict_curves(data.X[:0], as_of=data.as_of[:0])) == 0


def test_works_without_groups_and_times() -> None:
    data = made(400)
    model = PurchaseHazard((10, 20), **QUICK).fit(data.X, data.y)
    assert_lawful(model.predict_curves(data.X))


def test_scikit_learn_can_clone_it() -> None:
    model = PurchaseHazard((5, 10), seed=7)
    assert clone(model).get_params() == model.get_params()


def test_what_is_refused(hazard: PurchaseHazard, data: Made) -> None:
    X, as_of = data.X[:3], data.as_of[:3]
    with pytest.raises(NotFittedError):
        PurchaseHazard().predict_curves(X)
    with pytest.raises(InputError, match=r"missing \['x'\], not known \['z'\]"):
        hazard.predict_curves(X.rename(columns={"x": "z"}), as_of=as_of)
    with pytest.raises(InputError, match=r"column 'x'.*infinite"):
        hazard.predict_curves(X.assign(x=np.inf), as_of=as_of)
    with pytest.raises(InputError, match=r"column 'x'.*expected numbers"):
        hazard.predict_curves(X.assign(x=["a", "b", "c"]), as_of=as_of)
    with pytest.raises(InputError, match="the as-of time of each row"):
        hazard.predict_curves(X)
    with pytest.raises(InputError, match="one value for each of 3 rows"):
        hazard.predict_curves(X, as_of=as_of[:2])
    with pytest.raises(InputError, match="whole microseconds"):
        hazard.predict_curves(X, as_of=as_of.astype(float))
    with pytest.raises(ValueError, match="Expected 2D array"):
        PurchaseHazard().fit(np.ones(1), endings([1], [1.0]))
    with pytest.raises(InputError, match="as many rows in X as in y"):
        PurchaseHazard().fit(X, data.y[:2])
    with pytest.raises(InputError, match="fields outcome and duration"):
        PurchaseHazard().fit(X, np.array([1.0, 2.0, 3.0]))  # type: ignore[arg-type]
    with pytest.raises(InputError, match="each column once"):
        PurchaseHazard().fit(X[["x", "x"]], data.y[:3])
