"""Contributions of columns to the score of trees: LightGBM's own to rounding, whatever the values."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.errors import InputError
from features.lives import BOUGHT
from model.shapley_walk import LANES
from model.tree_shapley import TreeContributions
from tests.model_data import made
from tests.test_model_hazard import fitted
from tests.test_model_tree_walk import BIN, KINDS, LEAD, P, Q, booster, columns

Float = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def trained() -> dict[str, lgb.Booster]:
    return {name: booster(3, **dict(options)) for name, options in KINDS.items()}


def assert_alike(told: lgb.Booster, rows: Float) -> None:
    found = TreeContributions.parse(told.model_to_string(), rows.shape[1]).of(rows)
    expected = told.predict(rows, pred_contrib=True, num_threads=1)[:, :-1]
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [1, 2, 3, LANES, 2 * LANES + 1])
def test_contributions_are_those_of_lightgbm(trained: dict[str, lgb.Booster], kind: str, n: int) -> None:
    assert_alike(trained[kind], columns(np.random.default_rng(n), n))


@settings(max_examples=60)
@given(kind=st.sampled_from(list(KINDS)), rows=st.lists(st.tuples(LEAD, BIN), min_size=1, max_size=5))
def test_strange_values_go_the_way_of_lightgbm(
    trained: dict[str, lgb.Booster], kind: str, rows: list[tuple[tuple[float, ...], tuple[float, ...]]]
) -> None:
    assert_alike(trained[kind], np.array([[*lead, *on_bin] for lead, on_bin in rows]))


def test_contributions_are_shapley_values_by_their_definition() -> None:
    """The mean over all orders in which columns become known of what each adds; what is not known is averaged over."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(300, 3))
    y = X[:, 0] * X[:, 1] + X[:, 2]
    told = lgb.train({"verbose": -1, "num_leaves": 8, "learning_rate": 1.0, "num_threads": 1}, lgb.Dataset(X, y), 1)
    tree = told.dump_model()["tree_info"][0]["tree_structure"]

    def expected(node: dict[str, Any], row: Float, known: frozenset[int]) -> float:
        if "leaf_value" in node:
            return float(node["leaf_value"])
        children = node["left_child"], node["right_child"]
        if node["split_feature"] in known:
            return expected(children[0 if row[node["split_feature"]] <= node["threshold"] else 1], row, known)
        counts = [child.get("internal_count", child.get("leaf_count")) for child in children]
        return sum(n * expected(child, row, known) for n, child in zip(counts, children, strict=True)) / sum(counts)

    row, by_hand = X[0], np.zeros(3)
    for order in permutations(range(3)):
        for place, column in enumerate(order):
            before = frozenset(order[:place])
            by_hand[column] += expected(tree, row, before | {column}) - expected(tree, row, before)
    found = TreeContributions.parse(told.model_to_string(), 3).of(row[None])
    np.testing.assert_allclose(found[0], by_hand / 6, rtol=1e-10)


def test_contributions_of_a_fitted_hazard_are_those_of_its_booster() -> None:
    data = made(2_000)
    hazard = fitted(data)
    rows = hazard.expand(hazard.masked(hazard.columns_.encode(data.X[:40])), data.as_of[:40], [1, 5])
    told, found = hazard.booster(BOUGHT), hazard.contributions(BOUGHT)
    assert told is not None
    assert found is not None
    np.testing.assert_allclose(found.of(rows), told.predict(rows, pred_contrib=True)[:, :-1], rtol=1e-9, atol=1e-12)


def test_several_threads_at_once(trained: dict[str, lgb.Booster]) -> None:
    rows = columns(np.random.default_rng(7), 300)
    told = TreeContributions.parse(trained["NaN is missing"].model_to_string(), P + Q)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(told.of, [rows] * 8):
            np.testing.assert_array_equal(found, told.of(rows))


def test_rows_of_another_width_are_refused(trained: dict[str, lgb.Booster]) -> None:
    told = TreeContributions.parse(trained["NaN is missing"].model_to_string(), P + Q)
    with pytest.raises(InputError, match=r"\(n, 9\) rows"):
        told.of(np.zeros((2, 4)))
    assert told.of(np.zeros((0, P + Q))).shape == (0, P + Q)
