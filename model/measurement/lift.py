"""What one group of leads did more often than another: ratios of shares with intervals, many of them at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import false_discovery_control, hypergeom

from model.measurement.incidence import Z

Float = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Lifts:
    """For each of k facts. ``lift``: ratio of the shares; infinite where nobody of the others did it, and ``high``
    too. ``p``: of there being no difference; ``q``: the share of false findings among those with as small a p.
    """

    lift: Float
    low: Float
    high: Float
    p: Float
    q: Float


def lifts(count: npt.ArrayLike, of: npt.ArrayLike, other: npt.ArrayLike, other_of: npt.ArrayLike) -> Lifts:
    """(k,) each: how many of one group did it, how many of the others; fractions where leads are worth less than one.

    Interval, 95 %: log-normal around the ratio of (x + 1/4) / (n + 7/4), with the variance of its logarithm
    1 / (x' + x'^2 / (n - x + 3/2)), x' = x + 1/4, for each group (Price and Bonett, Statistics in Medicine 27 (2008),
    5497-5508): defined and of a width also where nobody or everybody did. It is widened to hold the ratio itself.
    ``p``: Fisher's exact test, twice the smaller tail, of counts rounded to whole ones; it holds its level for rare
    facts, where the interval is only about right. ``q``: Benjamini and Hochberg, Journal of the Royal Statistical
    Society B 57 (1995), 289-300.
    """
    x, n, y, m = (np.asarray(part, dtype=np.float64) for part in (count, of, other, other_of))
    if len(x) == 0:
        return Lifts(*(np.empty(0) for _ in range(5)))
    with np.errstate(divide="ignore", invalid="ignore"):
        lift = np.where(y > 0, (x / n) / (y / m), np.inf)
    middle = np.log((x + 0.25) / (n + 1.75)) - np.log((y + 0.25) / (m + 1.75))
    half = Z * np.sqrt(_variance(x, n) + _variance(y, m))
    low, high = np.minimum(np.exp(middle - half), lift), np.maximum(np.exp(middle + half), lift)
    p = _fisher(*(np.rint(part) for part in (x, n, y, m)))
    return Lifts(lift, low, np.where(y > 0, high, np.inf), p, np.asarray(false_discovery_control(p, method="bh")))


def worth(count: npt.ArrayLike, of: npt.ArrayLike, spread: npt.ArrayLike) -> Float:
    """(k,) in (0, 1]: how much of a lead each lead is worth where leads of one account do alike.

    ``spread``: sum over the accounts of (those who did it - share x leads of the account)^2, times accounts /
    (accounts - 1). Counts are multiplied by it (Rao and Scott, Biometrics 48 (1992), 577-585).
    """
    x, n, found = (np.asarray(part, dtype=np.float64) for part in (count, of, spread))
    expected = np.divide(x * (n - x), n, out=np.zeros_like(x), where=n > 0)
    return np.divide(expected, found, out=np.ones_like(x), where=found > np.maximum(expected, 1e-12))


def _variance(x: Float, n: Float) -> Float:
    shifted = x + 0.25
    return np.asarray(1.0 / (shifted + shifted**2 / (n - x + 1.5)))


def _fisher(x: Float, n: Float, y: Float, m: Float) -> Float:
    below, above = hypergeom.cdf(x, n + m, x + y, n), hypergeom.sf(x - 1, n + m, x + y, n)
    return np.asarray(np.clip(2 * np.minimum(below, above), 0.0, 1.0))
