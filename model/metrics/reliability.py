"""Do the predicted probabilities come true?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.aalen_johansen import aalen_johansen, incidence_at
from model.metrics.censoring import Float, Weights, checked

SPAN = 0.3  # share of the rows in each local fit
POINTS = 100


def expected_observed(weights: Weights, purchased: npt.ArrayLike) -> Float:
    """(k,): the mean predicted incidence over the observed one at each time; 1 is right, above 1 promises too much.

    Observed: the IPCW mean of 1{T <= u, D = 1}. With weights that were not cut and without strata this is the
    Aalen-Johansen estimate itself (Satten and Datta, The American Statistician 55 (2001), 207-210). NaN where
    nobody bought.
    """
    observed = (weights.weight * weights.bought).mean(axis=0)
    expected = np.asarray(purchased, dtype=np.float64).mean(axis=0)
    return np.asarray(np.divide(expected, observed, out=np.full(len(observed), np.nan), where=observed > 0))


def smooth_reliability(
    predicted: Float, bought: npt.ArrayLike, weight: Float, *, points: int = POINTS
) -> tuple[Float, Float]:
    """The calibration curve: (m,) predicted probabilities and the share that bought there, smoothed.

    Loess: at each of up to ``points`` quantiles of the predictions a straight line is fitted to the nearest 30 % of the
    rows, with tricube weights times ``weight`` (n,), and its value there taken, cut to [0, 1].
    """
    used = weight > 0
    order = np.argsort(predicted[used], kind="stable")
    x, y, w = predicted[used][order], np.asarray(bought, dtype=np.float64)[used][order], weight[used][order]
    at = np.unique(np.quantile(x, np.linspace(0, 1, points)))
    near = max(2, min(len(x), int(np.ceil(SPAN * len(x)))))
    return at, np.clip([_local_line(x, y, w, point, near) for point in at], 0.0, 1.0)


def _local_line(x: Float, y: Float, w: Float, point: float, near: int) -> float:
    """The value at ``point`` of the weighted line through the ``near`` nearest of the sorted ``x``."""
    left, right = np.searchsorted(x, point, "left"), np.searchsorted(x, point, "right")
    lo, hi = max(0, int(left) - near), min(len(x), int(right) + near)
    distance = np.abs(x[lo:hi] - point)
    reach = max(float(np.partition(distance, near - 1)[near - 1]), 1e-9) * (1 + 1e-9)
    kernel = w[lo:hi] * np.clip(1 - (distance / reach) ** 3, 0, None) ** 3
    total = kernel.sum()
    dx, values = x[lo:hi] - point, y[lo:hi]
    mean_x, mean_y = (kernel * dx).sum() / total, (kernel * values).sum() / total
    spread = (kernel * (dx - mean_x) ** 2).sum()
    if spread <= 1e-12 * total:  # all predictions there are the same: their mean
        return float(mean_y)
    slope = (kernel * (dx - mean_x) * (values - mean_y)).sum() / spread
    return float(mean_y - slope * mean_x)


def ici(weights: Weights, purchased: npt.ArrayLike, *, points: int = POINTS) -> Float:
    """(k,): the integrated calibration index at each time, in [0, 1]: mean over all rows of |predicted - smoothed|.

    Austin and Steyerberg, Statistics in Medicine 38 (2019), 4051-4065; for censored rows the smooth is fitted with
    the IPCW weights of the rows that are known at u. Noise alone gives a perfect model about
    0.5 sqrt(p (1 - p) / (0.3 n)): small samples cannot show a small index.
    """
    predicted = np.asarray(purchased, dtype=np.float64)
    found = []
    for j in range(len(weights.times)):
        at, smooth = smooth_reliability(predicted[:, j], weights.bought[:, j], weights.weight[:, j], points=points)
        found.append(np.abs(np.interp(predicted[:, j], at, smooth) - predicted[:, j]).mean())
    return np.asarray(found)


@dataclass(frozen=True)
class Decile:
    """One group of rows with similar predictions: how many, what was predicted on average, what came true."""

    rows: int
    predicted: float
    observed: float


def deciles(
    duration: npt.ArrayLike, outcome: npt.ArrayLike, time: float, purchased: npt.ArrayLike, *, groups: int = 10
) -> list[Decile]:
    """Rows in groups of equal size by predicted incidence at ``time``, each with its Aalen-Johansen estimate then.

    Equal predictions stay together, so there may be fewer groups.
    """
    days, codes = checked(duration, outcome)
    predicted = np.asarray(purchased, dtype=np.float64)
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, groups + 1)[1:-1]))
    member = np.searchsorted(edges, predicted, side="left")
    found = []
    for group in np.unique(member):
        rows = member == group
        at, bought, _ = aalen_johansen(days[rows], codes[rows])
        observed = float(incidence_at(at, bought, np.asarray(time)))
        found.append(Decile(int(rows.sum()), float(predicted[rows].mean()), observed))
    return found
