"""A sequential test that notices when probabilities stop being true, whenever that begins.

Each step brings cases, each with a probability that was told beforehand and with what became of it. Against
"the probabilities are true" stand alternatives that multiply their odds by a factor; the likelihood ratio of a step has
an expectation of at most 1 while they are true, whatever happened before. Summed over all steps at which the change
could have begun (Shiryaev and Roberts), R_t = (1 + R_{t-1}) L_t, the mean over the factors is alarmed at a level c.
R_t - t is a supermartingale, so that false alarms come once in c steps on average, or less often: Shin, Ramdas and
Rinaldo, E-detectors: a nonparametric framework for sequential change detection, New England Journal of Statistics in
Data Science 2 (2024); Roberts, Technometrics 8 (1966), 411-430.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.curves import Float

FACTORS = (1 / 16, 1 / 8, 1 / 4, 1 / 2, 1 / 1.4, 1.4, 2.0, 4.0, 8.0, 16.0)  # of the odds


def evidence(
    happened: npt.ArrayLike,
    low: npt.ArrayLike,
    high: npt.ArrayLike,
    *,
    weight: npt.ArrayLike = 1.0,
    factors: Sequence[float] = FACTORS,
) -> Float:
    """(k,) log of the likelihood ratio of one step, for each factor.

    ``happened``: (n,) 0 or 1; ``low``, ``high``: (n,) probabilities between which the true one lies as long as nothing
    has changed: a factor above 1 is held against ``high``, one below 1 against ``low``. ``weight``: (n,) from 0 to 1; a
    case of a group of m that may depend on one another weighs 1/m, which keeps the expectation at most 1 by
    Hölder's inequality.
    """
    y, w = np.asarray(happened, dtype=np.float64), np.broadcast_to(weight, np.shape(happened))
    odds = np.asarray(factors, dtype=np.float64)[:, None]
    p = np.where(odds > 1, np.asarray(high, dtype=np.float64), np.asarray(low, dtype=np.float64))
    return np.asarray((w * (y * np.log(odds) - np.log1p(p * (odds - 1)))).sum(axis=1))


@dataclass(frozen=True, eq=False)
class Watched:
    """``log_level``: (t,) natural log of the statistic after each step. ``factor``: which odds factor the last step's
    statistic rests on most; ``since``: the step at which the change most likely began by it."""

    log_level: Float
    factor: float
    since: int

    def alarmed(self, level: float) -> bool:
        """Whether the newest statistic has reached the level."""
        return bool(len(self.log_level)) and bool(self.log_level[-1] >= np.log(level))


def watch(steps: Float, *, factors: Sequence[float] = FACTORS) -> Watched:
    """``steps``: (t, k) as ``evidence`` gives them, in order of time."""
    n, k = len(steps), len(factors)
    log_r = np.full(k, -np.inf)
    level = np.empty(n)
    for t in range(n):
        log_r = np.logaddexp(0.0, log_r) + steps[t]
        level[t] = np.logaddexp.reduce(log_r) - np.log(k)
    if not n:
        return Watched(level, 1.0, 0)
    best = int(np.argmax(log_r))
    behind = np.cumsum(steps[::-1, best])[::-1]  # evidence from each step to the last
    return Watched(level, float(factors[best]), int(np.argmax(behind)))


def watch_cohorts(cells: Float) -> Float:
    """(t,) natural log of the statistic after each step, for a change that concerns those who began after it.

    ``cells``: (t, t, k) the summed evidence of those who began in one step, by the step in which they were judged. For
    each step the evidence of all who began in it or later is a test of its own from then on, and the statistic their
    sum: an e-detector as well.
    """
    n, _, k = cells.shape
    since = np.cumsum(np.cumsum(cells[::-1], axis=0)[::-1], axis=1)
    begun = np.arange(n)[:, None] <= np.arange(n)[None, :]
    return np.asarray(np.logaddexp.reduce(np.where(begun[:, :, None], since, -np.inf), axis=(0, 2)) - np.log(k))


def level_for(years: float, *, steps_a_year: float) -> float:
    """The level at which false alarms come once in so many years on average, or less often."""
    return max(1.0, years * steps_a_year)
