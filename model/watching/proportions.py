"""Exact limits of shares, a volume that breaks off, and a silence that is too long."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.stats import beta, binom


def share_limits(happened: int, cases: int, *, level: float = 0.95) -> tuple[float, float]:
    """Clopper and Pearson's exact interval of a share; (0, 1) without cases. Biometrika 26 (1934), 404-413."""
    tail = (1 - level) / 2
    low = 0.0 if happened == 0 else float(beta.ppf(tail, happened, cases - happened + 1))
    high = 1.0 if happened == cases else float(beta.ppf(1 - tail, happened + 1, cases - happened))
    return low, high


def below_usual(now: int, before: int, exposure: tuple[float, float], *, share: float) -> float:
    """The probability to count ``now`` or fewer, if the rate is still ``share`` of what it was.

    ``exposure``: what the counts are in proportion to, now and before. Two Poisson counts of known sum: the one is
    binomial given the sum (Przyborowski and Wilenski, Biometrika 31 (1940), 313-323). 1 without counts.
    """
    if now + before == 0 or exposure[0] <= 0:
        return 1.0
    expected = share * exposure[0]
    return float(binom.cdf(now, now + before, expected / (expected + exposure[1])))


def longest_silence(rate: float, *, chance: float) -> float:
    """Days without an event that a Poisson stream of ``rate`` a day exceeds with this probability only."""
    return math.inf if rate <= 0 else -math.log(chance) / rate


def by_group(values: npt.ArrayLike, codes: npt.ArrayLike, groups: int) -> npt.NDArray[np.int64]:
    """(groups,) how many of ``values`` are true in each group."""
    held = np.asarray(values, dtype=bool)
    return np.bincount(np.asarray(codes)[held], minlength=groups).astype(np.int64)
