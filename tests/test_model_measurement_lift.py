"""Ratios of shares: their intervals cover, chance findings are kept down, leads of one account count for less."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, fisher_exact

from model.measurement.lift import lifts, worth


@pytest.mark.parametrize(
    ("n", "m", "share", "other"),
    [(20, 60, 0.3, 0.3), (20, 60, 0.6, 0.2), (15, 200, 0.2, 0.1), (40, 40, 0.95, 0.8), (10, 30, 0.9, 0.5)],
)
def test_the_interval_holds_the_ratio_about_as_often_as_it_says(n: int, m: int, share: float, other: float) -> None:
    x, y = (grid.ravel() for grid in np.meshgrid(np.arange(n + 1), np.arange(m + 1)))
    found = lifts(x, np.full(len(x), n), y, np.full(len(x), m))
    weight = binom.pmf(x, n, share) * binom.pmf(y, m, other)
    holds = (found.low <= share / other) & (share / other <= found.high)
    assert 0.93 < float(weight[holds].sum()) < 0.995


@pytest.mark.parametrize(("n", "m", "share"), [(20, 60, 0.3), (50, 1000, 0.005), (10, 30, 0.9)])
def test_p_is_small_as_rarely_as_it_says(n: int, m: int, share: float) -> None:
    x, y = (grid.ravel() for grid in np.meshgrid(np.arange(n + 1), np.arange(m + 1)))
    found = lifts(x, np.full(len(x), n), y, np.full(len(x), m))
    weight = binom.pmf(x, n, share) * binom.pmf(y, m, share)
    for level in (0.05, 0.01):
        assert float(weight[found.p <= level].sum()) <= level


@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_lift_lies_in_its_interval_and_turns_round_with_the_groups(n: int, m: int, data: st.DataObject) -> None:
    x, y = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    one, turned = lifts([x], [n], [y], [m]), lifts([y], [m], [x], [n])
    assert 0 <= one.low[0] < one.high[0]
    assert np.isinf(one.high[0]) == (y == 0)
    assert 0 <= one.p[0] <= one.q[0] <= 1
    assert one.p[0] == pytest.approx(turned.p[0])
    if x and y:
        assert one.low[0] <= one.lift[0] <= one.high[0]
        assert one.lift[0] * turned.lift[0] == pytest.approx(1)
        assert one.low[0] * turned.high[0] == pytest.approx(1)


def test_p_is_fishers() -> None:
    found = lifts([8], [10], [3], [12])
    sides = [fisher_exact([[8, 2], [3, 9]], alternative=side).pvalue for side in ("less", "greater")]
    assert found.p[0] == pytest.approx(2 * min(sides))


def test_among_many_facts_without_any_difference_hardly_one_is_found() -> None:
    rng = np.random.default_rng(1)
    share = rng.uniform(0.02, 0.6, 300)
    alarms = 0
    for _ in range(40):
        x, y = rng.binomial(80, share), rng.binomial(400, share)
        found = lifts(x, np.full(300, 80), y, np.full(300, 400))
        assert (found.p < 0.05).sum() > 0, "one at a time some look like findings"
        alarms += bool((found.q <= 0.05).any())
    assert alarms <= 6


def test_leads_of_one_account_that_do_alike_are_worth_one() -> None:
    share, size, accounts = 0.5, 4, 10  # five accounts did, five did not
    spread = accounts * (size * share) ** 2 * accounts / (accounts - 1)
    assert worth([20], [40], [spread])[0] * 40 == pytest.approx(9)
    assert worth([20], [40], [0.0])[0] == 1, "never worth more than one"


def test_nothing_gives_nothing() -> None:
    assert len(lifts([], [], [], []).lift) == 0
