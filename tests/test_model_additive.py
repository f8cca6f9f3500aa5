"""The regression and the small trees that it is written as say the same; what it fits and what it leaves alone."""

from __future__ import annotations

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pytest

from model.additive import Additive, Shape, codes_of, fit_additive, shapes_of, trees_of
from model.bin_forest import BinForest
from model.boosters import Task, assemble
from model.discrete import expit

Float = npt.NDArray[np.float64]
P = 9  # columns of a lead; one more varies from bin to bin
CATEGORICAL, CURVED = (5, 6, 7), (1, 9)
NAMES = [
    "noise",
    "with gaps",
    "heavy",
    "whole numbers",
    "constant",
    "two levels",
    "many levels",
    "rare",
    "nothing",
    "t",
]


def sample(n: int, seed: int = 0) -> Float:
    rng = np.random.default_rng(seed)
    gaps = np.where(rng.random(n) < 0.3, np.nan, rng.normal(size=n))
    many = np.where(rng.random(n) < 0.1, np.nan, rng.choice([0, 3, 30, 31, 32, 40, 63, 64, 69], n))
    rare = rng.choice([4, 5, 6], n, p=[0.5, 0.499, 0.001])
    columns = [
        rng.normal(size=n),
        gaps,
        np.exp(4 * rng.normal(size=n)) * rng.choice([-1, 1], n),
        rng.poisson(1.0, n),
        np.full(n, 3.0),
        rng.integers(0, 2, n),
        many,
        rare,
        np.full(n, np.nan),
        rng.uniform(0, 90, n),
    ]
    return np.column_stack(columns).astype(np.float64)


def task_of(rows: Float, seed: int = 0) -> Task:
    rng = np.random.default_rng(seed)
    score = 1.5 * np.isnan(rows[:, 1]) + (rows[:, 6] > 31) - 0.8 * rows[:, 5] + rows[:, 9] / 60 + 0.4 * rows[:, 3] - 1
    label = (rng.random(len(rows)) < expit(score)).astype(np.float64)
    return Task(label, rng.uniform(0.5, 2.0, len(rows)), np.zeros(len(rows)))


def regression(rows: Float, task: Task, ridges: tuple[float, ...] = (30.0,)) -> Additive:
    shapes = shapes_of(rows, CATEGORICAL, CURVED)
    judge = np.arange(len(rows)) % 4 == 0
    return fit_additive(shapes, codes_of(shapes, rows), task, judge, ridges)


@pytest.fixture(scope="module")
def rows() -> Float:
    return sample(4000)


@pytest.fixture(scope="module")
def fitted(rows: Float) -> Additive:
    return regression(rows, task_of(rows))


@pytest.fixture(scope="module")
def head(rows: Float) -> str:
    """A header of LightGBM's own for the same columns."""
    data = lgb.Dataset(rows, rows[:, 0] > 0, categorical_feature=list(CATEGORICAL))
    return str(lgb.train({"objective": "binary", "verbose": -1, "num_threads": 1}, data, 1).model_to_string())


def strange_rows(shapes: list[Shape] | tuple[Shape, ...]) -> Float:
    """Each column in turn: missing, huge, at its cuts and beside them; levels that were seen, rare or never there."""
    base = np.array([0.1, 0.2, -3.0, 1.0, 3.0, 1.0, 32.0, 4.0, np.nan, 45.0])
    cuts = {shape.column: shape.cuts for shape in shapes}
    made = [base]
    for column in range(P + 1):
        if column in CATEGORICAL:
            values = np.array([np.nan, *range(-2, 100), 127, 128, 1e6])
        else:
            at = cuts.get(column, np.zeros(1))
            around = [np.nextafter(at, side) for side in (-np.inf, np.inf)]
            values = np.concatenate([at, *around, [np.nan, 0.0, -0.0, 1e-30, 1e300, -1e300]])
        changed = np.tile(base, (len(values), 1))
        changed[:, column] = values
        made.append(changed)
    rows = np.vstack(made)
    rows[np.abs(rows) < 1e-35] = 0.0  # LightGBM takes them as 0
    return rows


@pytest.mark.parametrize("constant", [0.0, -0.37])
def test_the_trees_say_what_the_regression_says(rows: Float, fitted: Additive, head: str, constant: float) -> None:
    text = assemble(head, trees_of(fitted.shapes, fitted.values, constant))
    asked = np.vstack([sample(500, seed=1), strange_rows(list(fitted.shapes))])
    want = fitted.scores(codes_of(fitted.shapes, asked)) + constant
    assert np.ptp(want) > 1
    booster = lgb.Booster(model_str=text)
    told = np.asarray(booster.predict(asked, raw_score=True, num_threads=1))
    np.testing.assert_allclose(told, want, rtol=0, atol=1e-9)
    forest = BinForest.parse([text], P, 1)
    found = forest.scores(asked[:, :P], asked[:, P].reshape(1, -1, 1))
    np.testing.assert_array_equal(found[0, :, 0], told)
    # and once more through LightGBM's own writing, as a scorer's files may go
    again = lgb.Booster(model_str=booster.model_to_string())
    np.testing.assert_array_equal(again.predict(asked, raw_score=True, num_threads=1), told)


def test_contributions_to_reasons_add_up(fitted: Additive, head: str) -> None:
    """LightGBM weighs the leaves of written trees by their rows; what it then gives columns sums to the score."""
    booster = lgb.Booster(model_str=assemble(head, trees_of(fitted.shapes, fitted.values, 0.25)))
    asked = sample(200, seed=1)
    parts = np.asarray(booster.predict(asked, pred_contrib=True, num_threads=1))
    np.testing.assert_allclose(parts.sum(axis=1), booster.predict(asked, raw_score=True, num_threads=1), atol=1e-9)
    used = {shape.column for shape, value in zip(fitted.shapes, fitted.values, strict=True) if np.abs(value).max() > 0}
    assert {i for i in range(P + 1) if np.abs(parts[:, i]).max() > 0} <= used


def test_each_bin_has_a_number_and_what_does_not_vary_has_none(fitted: Additive, rows: Float) -> None:
    named = {NAMES[shape.column]: shape for shape in fitted.shapes}
    assert "constant" not in named
    assert "nothing" not in named
    assert named["many levels"].cuts.tolist() == [0, 3, 30, 31, 32, 40, 63, 64, 69]
    assert named["rare"].cuts.tolist() == [4, 5]  # the third is told apart from nothing
    assert all(len(shape.cuts) <= 30 for shape in fitted.shapes)
    for shape in fitted.shapes:
        code = shape.codes(rows[:, shape.column])
        count = np.bincount(code, minlength=len(shape.basis))
        assert len(count) == len(shape.basis) == len(shape.count)
        assert count.tolist() == shape.count.tolist() or shape.categorical


def test_a_rare_level_a_new_one_and_a_missing_one_are_the_same(fitted: Additive) -> None:
    shape = next(shape for shape in fitted.shapes if NAMES[shape.column] == "rare")
    assert len(set(shape.codes(np.array([6.0, 77.0, np.nan, -1.0])).tolist())) == 1


def test_it_finds_what_there_is(fitted: Additive) -> None:
    value = {NAMES[s.column]: v for s, v in zip(fitted.shapes, fitted.values, strict=True)}
    levels = next(s for s in fitted.shapes if NAMES[s.column] == "many levels").cuts
    high, low = value["many levels"][:-1][levels > 31], value["many levels"][:-1][levels <= 31]
    assert high.min() - low.max() > 0.4
    assert value["with gaps"][-1] - value["with gaps"][:-1].mean() > 0.9  # missing tells, 1.5 before the ridge
    assert value["two levels"][0] - value["two levels"][1] == pytest.approx(0.8, abs=0.25)
    assert value["t"][-2] - value["t"][0] == pytest.approx(1.5, abs=0.4)
    assert np.abs(value["noise"]).max() < 0.2


def test_it_is_the_least_of_its_own_loss(rows: Float) -> None:
    """No single bin's number can be moved to a smaller loss: the slope is 0 where the ridge is weak."""
    task = task_of(rows)
    shapes = shapes_of(rows[:, [5]], [0], [])
    judge = np.arange(len(rows)) % 4 == 0
    codes = codes_of(shapes, rows[:, [5]])
    found = fit_additive(shapes, codes, task, judge, (1e-6,))
    own = task.rows(np.flatnonzero(~judge))
    rate = [np.average(own.label[rows[~judge, 5] == k], weights=own.weight[rows[~judge, 5] == k]) for k in (0, 1)]
    logit = np.log(rate) - np.log1p(-np.array(rate))
    assert found.values[0][0] - found.values[0][1] == pytest.approx(logit[0] - logit[1], abs=1e-3)


def test_the_ridge_is_the_one_that_unseen_rows_prefer(rows: Float) -> None:
    ridges = (300.0, 30.0, 3.0, 1e5)
    noise = Task(np.random.default_rng(1).integers(0, 2, 400).astype(float), np.ones(400), np.zeros(400))
    assert regression(rows[:400], noise, ridges).ridge == 1e5
    assert regression(rows, task_of(rows), ridges).ridge < 300
    alone = [regression(rows[:400], noise, (ridge,)) for ridge in ridges]
    assert np.abs(alone[-1].values[0]).max() < np.abs(alone[2].values[0]).max()


def test_what_the_offset_explains_is_not_explained_again(rows: Float) -> None:
    rng = np.random.default_rng(3)
    score = 2.0 * rows[:, 5] - 1
    label = (rng.random(len(rows)) < expit(score)).astype(float)
    weight = np.ones(len(rows))
    without = regression(rows, Task(label, weight, np.zeros(len(rows))))
    within = regression(rows, Task(label, weight, score))
    place = [NAMES[shape.column] for shape in within.shapes].index("two levels")
    assert np.ptp(without.values[place]) > 1.5
    assert np.ptp(within.values[place]) < 0.3


def test_without_a_column_that_varies_there_is_nothing_to_say() -> None:
    rows = np.full((50, 2), 3.0)
    shapes = shapes_of(rows, [], [1])
    assert shapes == []
    task = Task(np.arange(50.0) % 2, np.ones(50), np.zeros(50))
    found = fit_additive(shapes, codes_of(shapes, rows), task, np.arange(50) < 10, (30.0, 3.0))
    assert found.scores(codes_of(shapes, rows)).tolist() == [0.0] * 50
    assert len(trees_of(found.shapes, found.values, 0.5)) == 1
