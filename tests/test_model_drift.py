"""The population stability index of columns."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.drift import Profile, bin_edges, bin_shares, drifts, profiles, stability_index


@given(st.lists(st.floats(0, 1), min_size=2, max_size=10), st.randoms(use_true_random=False))
def test_the_index_is_never_negative_and_symmetric(weights: list[float], random) -> None:
    p = [w + 0.01 for w in weights]
    q = random.sample(p, len(p))
    one, other = ([v / sum(p) for v in shares] for shares in (p, q))
    assert stability_index(one, one) == 0
    assert stability_index(one, other) >= 0
    assert stability_index(one, other) == pytest.approx(stability_index(other, one))


def test_the_index_is_that_of_the_formula() -> None:
    by_hand = (0.5 - 0.2) * math.log(0.5 / 0.2) + (0.5 - 0.8) * math.log(0.5 / 0.8)
    assert stability_index([0.2, 0.8], [0.5, 0.5]) == pytest.approx(by_hand)


@given(st.lists(st.floats(-1e6, 1e6) | st.just(math.nan), min_size=1, max_size=60))
def test_a_column_has_not_drifted_from_itself(values: list[float]) -> None:
    column = pd.Series(values, dtype=float)
    profile = Profile.of(column)
    assert sum(profile.shares) == pytest.approx(1)
    assert profile.index(column) == pytest.approx(0, abs=1e-12)
    assert Profile.from_json(profile.to_json()) == profile


def test_a_bin_ends_with_its_edge() -> None:
    edges = bin_edges(np.arange(100.0), bins=4)
    assert edges.tolist() == [25, 50, 75]
    assert bin_shares([25.0, 26.0, 80.0, 90.0], edges).tolist() == [0.25, 0.25, 0, 0.5]


def test_a_shift_more_missing_values_and_a_new_level_are_seen() -> None:
    rng = np.random.default_rng(0)
    before = pd.DataFrame(
        {
            "same": rng.normal(size=2_000),
            "shifted": rng.normal(size=2_000),
            "lost": rng.normal(size=2_000),
            "source": pd.Categorical(rng.choice(["web", "fair"], 2_000)),
        }
    )
    after = before.assign(shifted=before["shifted"] + 1, lost=before["lost"].where(before["lost"] > 0))
    after["source"] = np.where(before["source"] == "fair", "partner", "web")
    found = drifts(profiles(before), after)
    assert list(found) == sorted(found, key=lambda name: -found[name])
    assert found["same"] == 0
    assert min(found["shifted"], found["lost"], found["source"]) > 0.25


def test_a_column_that_is_gone_has_no_index_and_one_without_rows_neither() -> None:
    before = profiles(pd.DataFrame({"one": [1.0, 2.0], "two": [1.0, 2.0]}))
    found = drifts(before, pd.DataFrame({"one": pd.Series([], dtype=float)}))
    assert list(found) == ["one"]
    assert math.isnan(found["one"])
    with pytest.raises(ValueError, match="rows"):
        Profile.of(pd.Series([], dtype=float))
