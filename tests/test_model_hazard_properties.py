"""Curves are lawful whatever was fitted: they start at 0, never fall, and never sum above 1, at any times."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.events import DAY
from model.aalen_johansen import AalenJohansen
from model.curves import Curves
from model.frame import endings
from model.grid import bin_edges
from model.hazard import PurchaseHazard

HORIZONS = (7, 30, 90)
EDGES = bin_edges(HORIZONS)
LEVELS = ("ads", "fair", "(other)", "empty")
QUICK: dict[str, Any] = {"max_trees": 8, "n_jobs": 1}

extreme = st.sampled_from([np.nan, 0.0, -0.0, 1e300, -1e300, 5e-324, 1e-300, 1.7e308, -1.7e308])
# few different values, so that there are constant columns, duplicates and ties; any values; missing alone
ranges = st.sampled_from(
    [
        st.sampled_from([0.0, 1.0, np.nan]),
        st.floats(allow_infinity=False),
        extreme,
        st.floats(-100, 100),
        st.just(np.nan),
        st.just(3.0),
    ]
)
days = st.one_of(st.sampled_from(EDGES[1:].tolist()), st.floats(0.001, 200), st.sampled_from([1e-9, 90.0, 1e6]))


@st.composite
def frames(draw: st.DrawFn, n: int, columns: dict[str, Any]) -> pd.DataFrame:
    """``columns``: for each name the strategy of its values, or the levels of a category."""
    made: dict[str, Any] = {}
    for name, kind in columns.items():
        if isinstance(kind, tuple):
            values = draw(st.lists(st.sampled_from([*kind, None]), min_size=n, max_size=n))
            made[name] = pd.Categorical(values, categories=list(kind))
        else:
            made[name] = np.array(draw(st.lists(kind, min_size=n, max_size=n)), dtype=np.float64)
    return pd.DataFrame(made)


@st.composite
def problems(draw: st.DrawFn) -> dict[str, Any]:
    """What ``fit`` takes, with 1 to 60 rows, and other rows to predict."""
    n = draw(st.one_of(st.integers(1, 8), st.integers(20, 60)))
    named: dict[str, Any] = {"a": draw(ranges), "b": draw(ranges), "source": LEVELS}
    for special in ("deadline_days", "age_days", "month"):
        if draw(st.booleans()):
            named[special] = draw(ranges)
    outcome = draw(
        st.lists(st.sampled_from(draw(st.sampled_from([[0, 1, 2], [1], [1, 2], [0]]))), min_size=n, max_size=n)
    )
    duration = np.array(draw(st.lists(days, min_size=n, max_size=n)))
    span = draw(st.sampled_from([0, 30, 800]))
    as_of = np.linspace(0, span * DAY, n).astype(np.int64) if span else None
    entry = duration * draw(st.floats(0, 0.99)) if draw(st.booleans()) else None
    if entry is not None:
        entry[0] = 0.0  # some row is under observation within the horizon
    unseen = {**named, "source": ("moon", *LEVELS[1:])}
    rows = 5
    return {
        "X": draw(frames(n, named)),
        "y": endings(outcome, duration),
        "groups": np.array(draw(st.lists(st.integers(0, n), min_size=n, max_size=n))),
        "as_of": as_of,
        "entry": entry,
        "new": draw(frames(rows, unseen)),
        "new_as_of": None if as_of is None else np.full(rows, draw(st.integers(0, 40_000)) * DAY),
        "min_events": draw(st.sampled_from([1, 20])),
    }


def assert_lawful(curves: Curves) -> None:
    # the grid, its edges from both sides, and times between
    times = np.unique(
        np.concatenate(
            [curves.days, np.nextafter(curves.days[1:], 0), np.nextafter(curves.days[:-1], 99), np.linspace(0, 90, 177)]
        )
    )
    for bought, lost in ((curves.purchased, curves.lost), curves.at(times)):
        for f in (bought, lost):
            assert np.all(np.isfinite(f))
            assert np.all(f[:, 0] == 0)
            assert np.all(np.diff(f, axis=1) >= 0)
        assert np.all(bought + lost <= 1)
    assert np.array_equal(curves.at(curves.days)[0], curves.purchased)


def check(problem: dict[str, Any], make: Callable[[], Any]) -> None:
    known = {k: problem[k] for k in ("groups", "as_of", "entry")}
    model = make().fit(problem["X"], problem["y"], **known)
    for X, as_of in ((problem["X"], problem["as_of"]), (problem["new"], problem["new_as_of"])):
        assert_lawful(model.predict_curves(X, as_of=as_of))
        three = model.predict_cumulative_incidence(X, [0.0, 1.5, 90.0], as_of=as_of)
        assert np.all((three >= 0) & (three <= 1))


SLOW = settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@SLOW
@given(problems())
def test_whatever_is_fitted_makes_lawful_curves(problem: dict[str, Any]) -> None:
    check(problem, lambda: PurchaseHazard(HORIZONS, min_events=problem["min_events"], **QUICK))


@settings(max_examples=8)
@given(st.integers(0, 2**32 - 1), st.sampled_from([40, 60]))
def test_whatever_is_learned_makes_lawful_curves(seed: int, n: int) -> None:
    """As above with a strong signal, so that there are trees to speak of; extreme values at prediction."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame({"a": rng.normal(size=n), "source": pd.Categorical(rng.choice(LEVELS, n), categories=LEVELS)})
    outcome = np.where(X["a"].rank() > n / 2, 1, np.where(rng.random(n) < 0.5, 2, 0))
    duration = np.where(outcome == 1, rng.choice(EDGES[1:5], n), rng.choice(EDGES[9:], n))
    model = PurchaseHazard(HORIZONS, max_trees=20, n_jobs=1).fit(X, endings(outcome, duration))
    assert model.booster(1) is not None
    new = pd.DataFrame(
        {
            "a": [np.nan, 0.0, 1e300, -1e300, 5e-324],
            "source": pd.Categorical(["ads", "moon", None, "fair", "empty"]),
        }
    )
    assert_lawful(model.predict_curves(X))
    assert_lawful(model.predict_curves(new))


@given(problems())
def test_the_curve_without_features_is_lawful_at_any_times(problem: dict[str, Any]) -> None:
    model = AalenJohansen(HORIZONS).fit(None, problem["y"], entry=problem["entry"])
    assert_lawful(model.predict_curves(problem["new"]))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.lists(st.floats(0, 5), min_size=2, max_size=8))
def test_curves_do_not_fall_between_their_times(rise: list[float], times: list[float]) -> None:
    f = np.concatenate([[0.0], np.cumsum(rise)])[None, :] / (2 * len(rise))
    curves = Curves(np.linspace(0.0, 5.0, len(rise) + 1), f, f)
    assert np.all(np.diff(curves.at(np.sort(times))[0]) >= 0)
