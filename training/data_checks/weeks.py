"""The newest weeks beside those before them, as counts with what chance makes of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from features.events import DAY
from model.curves import Float

Int64 = npt.NDArray[np.int64]
WEEK = 7 * DAY
WEEKS, LEVEL_WEEKS, LEAST_WEEKS = 26, 8, 4  # before: to tell the spread from, the level from, and at least
CHANCE = 0.0005  # on each side: once in some years, where a check runs every night


@dataclass(frozen=True)
class Expected:
    """What the newest count should be: ``mean``, and the limits within which chance keeps it."""

    mean: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:,.0f} to {self.high:,.0f}"


def weekly(at: Int64, end: int, *, weeks: int, begin: int | None = None) -> Float:
    """(k,) how many of the moments ``at`` lie in each of the last ``weeks`` weeks before ``end``, oldest first.

    Weeks that start before ``begin`` are left out; by default that is the first moment.
    """
    if begin is None:
        begin = int(at.min()) if len(at) else end
    whole = min(weeks, (end - begin) // WEEK)
    if whole < 1:
        return np.zeros(0)
    edges = end - WEEK * np.arange(whole, -1, -1)
    edges[-1] += 1
    return np.histogram(at, edges)[0].astype(np.float64)


def expected(before: Float, newest: int = 1) -> Expected:
    """Of the sum of the ``newest`` weeks that follow weeks with these counts.

    What people do varies more than Poisson's counts: variance = dispersion x mean (quasi-Poisson). The dispersion comes
    from differences of successive weeks, so that slow growth does not count as chance (von Neumann, Annals of
    Mathematical Statistics 12 (1941), 367-395), and is never below 1. The level is that of the last 8 weeks; its own
    error and Student's t for the dispersion widen the limits.
    """
    level = before[-LEVEL_WEEKS:]
    mean, whole = float(level.mean()), float(before.mean())
    dispersion = max(1.0, float((np.diff(before) ** 2).mean()) / 2 / whole) if whole > 0 else 1.0
    spread = float(np.sqrt(dispersion * mean * newest * (1 + newest / len(level))))
    reach = float(student.ppf(1 - CHANCE, max(2.0, 2 / 3 * (len(before) - 1)))) * spread
    return Expected(newest * mean, max(0.0, newest * mean - reach), newest * mean + reach)
