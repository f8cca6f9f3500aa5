"""Importance and effects of features, on functions whose answers are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.effects import effect_of
from model.importance import permutation_importance


def frame(n: int = 2_000, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    return pd.DataFrame(
        {
            "x": x,
            "twin": x + rng.normal(size=n) / 10,
            "noise": rng.normal(size=n),
            "gaps": np.where(rng.random(n) < 0.3, np.nan, rng.uniform(0, 10, n)),
            "source": pd.Categorical(rng.choice(["web", "fair"], n), categories=["fair", "web", "(other)"]),
            "constant": 1.0,
        }
    )


@given(st.floats(-3, 3), st.integers(2, 40))
def test_the_effect_of_a_straight_line_is_that_line(slope: float, bins: int) -> None:
    X = frame(500)
    found = effect_of(lambda rows: slope * rows["x"].to_numpy() + rows["noise"].to_numpy(), X, "x", bins=bins)
    assert found is not None
    assert np.diff(found.effect) == pytest.approx(slope * np.diff(found.at))
    assert found.share.sum() == pytest.approx(1)
    middles = (found.effect[1:] + found.effect[:-1]) / 2
    assert np.average(middles, weights=found.share) == pytest.approx(0, abs=1e-9)


def test_a_twin_is_not_blamed_for_what_the_other_does() -> None:
    found = effect_of(lambda rows: rows["x"].to_numpy() ** 2, frame(), "twin")
    assert found is not None
    assert found.spread == 0


def test_rows_without_a_value_are_counted_and_left_out() -> None:
    X = frame()
    found = effect_of(lambda rows: rows["gaps"].to_numpy(), X, "gaps")
    assert found is not None
    assert found.missing == pytest.approx(X["gaps"].isna().mean())
    assert found.share.sum() == pytest.approx(1 - found.missing)
    assert np.isfinite(found.effect).all()


def test_levels_have_the_mean_prediction_at_each() -> None:
    found = effect_of(lambda rows: (rows["source"] == "web").to_numpy() * 0.4, frame(), "source")
    assert found is not None
    assert found.is_text
    effect = dict(zip(found.at, found.effect, strict=True))
    assert effect["web"] - effect["fair"] == pytest.approx(0.4)


def test_a_constant_has_no_effect_to_show() -> None:
    assert effect_of(lambda rows: rows["x"].to_numpy(), frame(), "constant") is None


def test_what_the_loss_rests_on_comes_first_and_noise_counts_for_nothing() -> None:
    X = frame()
    answer = X["x"].to_numpy()
    found = permutation_importance(lambda rows: (rows["x"].to_numpy() - answer) ** 2, X, ["noise", "x", "source"])
    assert [found[0].feature, found[1].loss.value, found[2].loss.value] == ["x", 0, 0]
    # two independent standard normals differ by a variance of 2
    assert found[0].loss.value == pytest.approx(2, rel=0.1)
    assert found[0].loss.low <= found[0].loss.value <= found[0].loss.high
