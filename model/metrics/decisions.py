"""Windows, call dates and call lists against what happened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.metrics.censoring import Bool, Float, Weights, checked, ipcw


@dataclass(frozen=True)
class WindowFit:
    """How the windows of those who bought by the longest horizon did.

    ``purchasers``: rows that bought by it. ``with_window``: share of them that were given a window. Among these:
    ``coverage``, share that bought within it; ``width``, mean days; ``interval_score``, mean days, lower is better.
    """

    purchasers: int
    with_window: float
    coverage: float
    width: float
    interval_score: float


def window_fit(
    duration: npt.ArrayLike,
    outcome: npt.ArrayLike,
    start: npt.ArrayLike,
    end: npt.ArrayLike,
    *,
    horizon: float,
    coverage: float,
) -> WindowFit:
    """Windows from ``start`` to ``end`` days (n,), NaN = none given, against purchases within ``horizon`` days.

    Rows count with their IPCW weight at the horizon. Interval score: Gneiting and Raftery, JASA 102 (2007), eq. 43,
    with alpha = 1 - ``coverage``. Figures over no rows are NaN.
    """
    days, codes = checked(duration, outcome)
    lo, hi = np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    weights = ipcw(days, codes, [horizon])
    bought, weight = weights.bought[:, 0], weights.weight[:, 0]
    given = bought & np.isfinite(lo) & np.isfinite(hi)
    if not given.any():
        return WindowFit(int(bought.sum()), 0.0 if bought.any() else np.nan, np.nan, np.nan, np.nan)
    t, lo, hi, w = days[given], lo[given], hi[given], weight[given]
    missed = np.maximum(lo - t, 0) + np.maximum(t - hi, 0)
    return WindowFit(
        purchasers=int(bought.sum()),
        with_window=float(w.sum() / weight[bought].sum()),
        coverage=float(np.average((t >= lo) & (t <= hi), weights=w)),
        width=float(np.average(hi - lo, weights=w)),
        interval_score=float(np.average(hi - lo + 2 / (1 - coverage) * missed, weights=w)),
    )


def timing_losses(bought_after: npt.ArrayLike, call_after: npt.ArrayLike, *, early: float, late: float) -> Float:
    """(n,): what each call cost: ``early`` for each day that it came before the purchase, ``late`` for each after.

    Both arrays in days after the as-of time, of purchasers alone. This is the pinball loss at early / (early + late),
    times (early + late).
    """
    gap = np.asarray(bought_after, dtype=np.float64) - np.asarray(call_after, dtype=np.float64)
    return np.asarray(early * np.maximum(gap, 0) + late * np.maximum(-gap, 0))


def _top(score: npt.ArrayLike, k: int) -> Bool:
    """The k rows of the highest score; the first given win ties."""
    values = np.asarray(score, dtype=np.float64)
    if not 0 < k <= len(values):
        raise ValueError(f"expected k between 1 and {len(values)}, got {k}")
    chosen = np.zeros(len(values), dtype=bool)
    chosen[np.argsort(-values, kind="stable")[:k]] = True
    return chosen


def precision_at(weights: Weights, score: npt.ArrayLike, k: int, *, column: int = 0) -> float:
    """Of the k leads ranked first, the share that bought by ``weights.times[column]``, weighted by IPCW."""
    chosen = _top(score, k)
    weight = weights.weight[chosen, column]
    if not weight.sum() > 0:
        return float("nan")
    return float(np.average(weights.bought[chosen, column], weights=weight))


def lift_at(weights: Weights, score: npt.ArrayLike, k: int, *, column: int = 0) -> float:
    """How many times more of the first k buy than of all; 1 is chance, NaN where nobody bought."""
    overall = precision_at(weights, score, len(weights.bought), column=column)
    return precision_at(weights, score, k, column=column) / overall if overall > 0 else float("nan")


def value_recall_at(weights: Weights, score: npt.ArrayLike, value: npt.ArrayLike, k: int, *, column: int = 0) -> float:
    """Of the value bought by the time, the share that the first k hold, in [0, 1]; missing values count 0."""
    worth = np.nan_to_num(np.asarray(value, dtype=np.float64)) * weights.bought[:, column] * weights.weight[:, column]
    total = worth.sum()
    return float(worth[_top(score, k)].sum() / total) if total > 0 else float("nan")


def gain_curve(weights: Weights, score: npt.ArrayLike, *, column: int = 0) -> tuple[Float, Float]:
    """(n + 1,) each, from 0 to 1: the share of rows called, best first, and the share of purchases among them."""
    order = np.argsort(-np.asarray(score, dtype=np.float64), kind="stable")
    bought = (weights.weight[:, column] * weights.bought[:, column])[order]
    gained = np.concatenate(([0.0], np.cumsum(bought)))
    return np.linspace(0, 1, len(bought) + 1), np.asarray(gained / gained[-1] if gained[-1] > 0 else gained)
