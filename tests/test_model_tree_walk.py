"""Scores by walking each tree once for a lead: LightGBM's own to the last bit; texts that are refused."""

from __future__ import annotations

import re
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import InputError
from features.events import DAY
from model.bin_forest import BinForest
from model.bin_scores import bin_scores, bin_table, in_parts
from model.person_period import TimeCovariates
from tests.model_data import made
from tests.test_model_hazard import fitted

Float = npt.NDArray[np.float64]
P, Q = 6, 3  # columns of a lead, of which 4 and 5 are categorical; columns of a bin, of which the last is, where told
STRANGE = [np.nan, 0.0, -0.0, 1e-36, -1e-36, 1.0000000180025095e-35, 2e-35, -2e-35, 1e300, -1e300, np.inf, -np.inf]
CODES = [np.nan, -1.0, -0.5, -7.0, 0.9, 31.0, 32.0, 63.0, 64.0, 70.0, 1e6, 3e9, -3e9, 1e300]


def columns(rng: np.random.Generator, n: int) -> Float:
    X = rng.normal(size=(n, P + Q)).round(1)
    X[:, [4, 5, P + Q - 1]] = rng.integers(0, [5, 70, 12], (n, 3))
    X[rng.random(X.shape) < 0.15] = np.nan
    X[rng.random(X.shape) < 0.1] = 0.0
    return X


def booster(seed: int, **options: Any) -> lgb.Booster:
    rng = np.random.default_rng(seed)
    X = columns(rng, 600)
    y = (
        np.nan_to_num(X[:, 0] * (X[:, P] > 0))
        + np.isnan(X[:, 1])
        + (X[:, 4] == 2)
        + (X[:, 5] % 3 == 1)
        - X[:, P + 1] ** 2
    )
    y = np.nan_to_num(y) + 0.1 * rng.normal(size=len(y)) + (np.nan_to_num(X[:, P + Q - 1]) % 2)
    categorical = options.pop("categorical", [4, 5])
    params = {"objective": "regression", "verbose": -1, "min_data_in_leaf": 3, "num_threads": 1, "seed": seed}
    params |= {"num_leaves": 16, "min_data_per_group": 5, "cat_smooth": 1.0, "max_cat_to_onehot": 2, **options}
    return lgb.train(params, lgb.Dataset(X, y, categorical_feature=categorical, free_raw_data=False), 12)


def assert_equal(boosters: list[lgb.Booster], matrix: Float, time: Float) -> None:
    forest = BinForest.parse([b.model_to_string() for b in boosters], P, Q)
    n, bins = time.shape[1:]
    rows = np.column_stack([np.repeat(matrix, bins, axis=0), time.reshape(Q, -1).T])
    for found, told in zip(forest.scores(matrix, time), boosters, strict=True):
        np.testing.assert_array_equal(found, told.predict(rows, raw_score=True, num_threads=1).reshape(n, bins))


KINDS: dict[str, dict[str, Any]] = {
    "NaN is missing": {},
    "zero is missing": {"zero_as_missing": True},
    "nothing is missing": {"use_missing": False},
    "a category of the bin": {"categorical": [4, 5, P + Q - 1]},
    "no categories": {"categorical": []},
    "more than 32 leaves": {"num_leaves": 60},
    "single leaves": {"min_data_in_leaf": 400},
}


@pytest.fixture(scope="module")
def trained() -> dict[str, list[lgb.Booster]]:
    return {name: [booster(seed, **dict(options)) for seed in (0, 1)] for name, options in KINDS.items()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("n", "bins"), [(1, 7), (6, 32), (7, 1), (130, 21), (65, 70)])
def test_scores_are_those_of_lightgbm(trained: dict[str, list[lgb.Booster]], kind: str, n: int, bins: int) -> None:
    rng = np.random.default_rng(n)
    time = columns(rng, n * bins)[:, P:].T.reshape(Q, n, bins)
    time[0] = np.sort(time[0], axis=1)  # as days to a bin rise
    assert_equal(trained[kind], columns(rng, n)[:, :P], time)


numbers = st.one_of(st.sampled_from(STRANGE), st.floats(-4, 4), st.integers(-40, 40).map(lambda tenths: tenths / 10))
codes = st.one_of(st.sampled_from(CODES), st.integers(0, 75).map(float))
LEAD = st.tuples(*[numbers] * 4, codes, codes)
BIN = st.tuples(numbers, numbers, codes)


@settings(max_examples=60)
@given(
    kind=st.sampled_from([kind for kind in KINDS if kind != "single leaves"]),
    leads=st.lists(LEAD, min_size=1, max_size=9),
    data=st.data(),
)
def test_strange_values_go_the_way_of_lightgbm(
    trained: dict[str, list[lgb.Booster]], kind: str, leads: list[tuple[float, ...]], data: st.DataObject
) -> None:
    bins = data.draw(st.integers(1, 3))
    rows = data.draw(st.lists(BIN, min_size=bins * len(leads), max_size=bins * len(leads)))
    time = np.array(rows).T.reshape(Q, len(leads), bins)
    assert_equal(trained[kind], np.array(leads), time)


def test_a_threshold_itself_goes_left(trained: dict[str, list[lgb.Booster]]) -> None:
    told = trained["NaN is missing"][0]
    found = [line for line in told.model_to_string().split("\n") if line.startswith("threshold=")]
    edge = np.array(sorted({float(v) for line in found for v in line.split("=")[1].split()}))
    values = np.concatenate([edge, np.nextafter(edge, np.inf), np.nextafter(edge, -np.inf)])
    column = np.repeat(np.arange(P + Q), len(values))
    rows = np.zeros((len(column), P + Q))
    rows[np.arange(len(column)), column] = np.tile(values, P + Q)
    assert_equal([told], rows[:, :P], rows[:, P:].T.reshape(Q, -1, 1))


def test_no_rows_and_no_trees(trained: dict[str, list[lgb.Booster]]) -> None:
    forest = BinForest.parse([b.model_to_string() for b in trained["no categories"]], P, Q)
    assert forest.scores(np.empty((0, P)), np.empty((Q, 0, 5))).shape == (2, 0, 5)
    assert BinForest.parse([], P, Q).scores(np.zeros((3, P)), np.zeros((Q, 3, 5))).shape == (0, 3, 5)


def test_scores_of_a_fitted_hazard_with_its_calendar_are_those_of_lightgbm() -> None:
    data = made(600)
    hazard = fitted(data)
    matrix = hazard.columns_.encode(data.X)
    boosters = [b for b in (hazard.booster(1), hazard.booster(2)) if b is not None]
    assert boosters
    forest = BinForest.parse([b.model_to_string() for b in boosters], matrix.shape[1], len(hazard.time_.names))
    forest.warm_up()
    found = bin_scores(forest, hazard.time_, matrix, data.as_of)
    for scores, told in zip(found, boosters, strict=True):
        expanded = told.predict(hazard.expand(matrix, data.as_of), raw_score=True, num_threads=1)
        np.testing.assert_array_equal(scores, expanded.reshape(len(matrix), -1))


@given(
    days=st.lists(st.one_of(st.just(np.nan), st.floats(-50, 200)), min_size=1, max_size=5),
    at=st.integers(0, 4_000_000_000_000_000),
    parts=st.tuples(*[st.booleans()] * 5),
)
def test_the_table_of_bins_is_what_the_fit_computes(days: list[float], at: int, parts: tuple[bool, ...]) -> None:
    deadline, age, week, quarter, month = parts
    time = TimeCovariates((0.0, 1.0, 2.5, 30.0), 2 if deadline else -1, 1 if age else -1, week, quarter, month)
    matrix = np.column_stack([np.zeros(len(days)), np.arange(len(days)) / 3, days])
    as_of = at + np.arange(len(days)) * (DAY // 7)
    told = time.compute(
        np.repeat(matrix, 3, axis=0), np.repeat(as_of, 3), np.tile(np.arange(3, dtype=np.int32), len(days))
    )
    np.testing.assert_array_equal(bin_table(time, matrix, as_of), told.reshape(len(days), 3, -1).transpose(2, 0, 1))


@given(n=st.integers(0, 6000), threads=st.integers(1, 4))
def test_every_row_is_in_one_part(n: int, threads: int) -> None:
    seen = np.zeros(n, dtype=int)

    def work(part: slice) -> None:
        seen[part] += 1

    in_parts(n, threads, work)
    assert np.all(seen == 1)


def test_an_error_in_a_part_is_not_lost() -> None:
    def work(part: slice) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        in_parts(5000, 2, work)


@pytest.fixture(scope="module")
def text(trained: dict[str, list[lgb.Booster]]) -> str:
    return trained["NaN is missing"][0].model_to_string()


CHANGES: dict[str, tuple[str, Any]] = {
    "another format": (r"\Atree\n", "forest\n"),
    "another version": ("version=v4", "version=v9"),
    "classes": ("num_class=1", "num_class=3"),
    "other columns": ("max_feature_idx=8", "max_feature_idx=9"),
    "an average": ("version=v4", "version=v4\naverage_output"),
    "a text cut off": (r"end of trees[\s\S]*", ""),
    "a tree left out": (r"Tree=1\n", "Tree=2\n"),
    "linear leaves": ("is_linear=0", "is_linear=1"),
    "a field left out": (r"leaf_value=.*\n", ""),
    "a value left out": (r"leaf_value=\S+ ", "leaf_value="),
    "a word for a number": (r"threshold=\S+ ", "threshold=much "),
    "no number": (r"leaf_value=\S+ ", "leaf_value=nan "),
    "half a child": (r"left_child=\S+ ", "left_child=1.5 "),
    "an unknown feature": (r"split_feature=\S+ ", "split_feature=9 "),
    "an unknown decision": (r"decision_type=\S+ ", "decision_type=14 "),
    "a child twice": (r"left_child=(\S+) \S+ ", r"left_child=\1 \1 "),
    "an unknown set": (r"threshold=.*", lambda line: re.sub(r"(?<=[= ])\d+(?= |$)", "999", line.group())),
    "no leaves": ("num_leaves=16", "num_leaves=0"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_not_understood_is_refused(text: str, change: str) -> None:
    pattern, put = CHANGES[change]
    changed, n = re.subn(pattern, put, text, count=0 if change == "an unknown set" else 1)
    assert n
    assert changed != text
    with pytest.raises(InputError):
        BinForest.parse([changed], P, Q)


def test_a_ring_of_splits_is_refused() -> None:
    tree = {
        "num_leaves": "4",
        "num_cat": "0",
        "split_feature": "0 0 0",
        "threshold": "0 0 0",
        "decision_type": "2 2 2",
        "left_child": "-1 2 1",
        "right_child": "-2 -3 -4",
        "leaf_value": "1 2 3 4",
        "internal_count": "4 2 2",
        "leaf_count": "1 1 1 1",
    }
    head = f"tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nmax_feature_idx={P + Q - 1}\n"
    body = "\n".join(f"{name}={value}" for name, value in tree.items())
    with pytest.raises(InputError, match="ring"):
        BinForest.parse([f"{head}\nTree=0\n{body}\n\n\nend of trees\n"], P, Q)


def test_trees_with_too_many_leaves_and_other_shapes_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="at most 64 leaves"):
        BinForest.parse([booster(0, num_leaves=100).model_to_string()], P, Q)
    forest = BinForest.parse([text], P, Q)
    with pytest.raises(InputError, match="covariates of bins"):
        forest.scores(np.zeros((2, P)), np.zeros((Q, 3, 4)))
