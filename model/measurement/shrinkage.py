"""How much of a difference between groups is skill and how much is luck: effects shrunk towards all groups' mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, log_expit, logit, logsumexp

from features.history import Int64

Float = npt.NDArray[np.float64]

GRID = np.linspace(-4.0, 4.0, 321)  # log odds: from a 55th of the odds to 55 times
_MEANS = np.linspace(-2.0, 2.0, 81)
_SPREADS = np.geomspace(0.03, 2.0, 22)
USUAL_SPREAD = 0.5  # of the prior of the spread: one standard deviation is 1.6 times the odds
_FLOOR = 1e-6  # of a probability: a model that says never is not believed to the last
_AT_ONCE = 20_000


@dataclass(frozen=True, eq=False)
class Effects:
    """(groups, grid): the posterior of each group's effect on the log odds of winning; each row sums to 1."""

    posterior: Float

    def average(self, values: Float) -> Float:
        """(groups,): the posterior mean of ``values`` (grid,) or (groups, grid)."""
        return np.asarray((self.posterior * values).sum(axis=1))

    def quantile(self, level: float, values: Float) -> Float:
        """(groups,): the posterior quantile of ``values`` (groups, grid), which rise along the grid."""
        below = np.cumsum(self.posterior, axis=1) - self.posterior / 2
        return np.array([np.interp(level, row, value) for row, value in zip(below, values, strict=True)])


def group_effects(chance: npt.ArrayLike, won: npt.ArrayLike, group: Int64, groups: int) -> Effects:
    """The effects u in P(won) = expit(logit(chance) + u of the group), u from Normal(mean, spread^2).

    ``chance``: (n,) what was expected of each; ``won``: (n,) what happened; ``group``: (n,) 0 .. groups - 1. Mean and
    spread are learned from all groups, as in empirical Bayes, but integrated over instead of fixed at their best
    values, which would claim too much with few groups (Gelman, Bayesian Analysis 1 (2006), 515-534). The mean has a
    flat prior on [-2, 2], the spread a half-normal one. All integrals are sums over grids.
    """
    sign = np.where(np.asarray(won, dtype=bool), 1.0, -1.0)
    odds = _log_odds(chance)
    likelihood = np.zeros((groups, len(GRID)))  # logarithms
    for i in range(0, len(odds), _AT_ONCE):
        part = slice(i, i + _AT_ONCE)
        np.add.at(likelihood, group[part], log_expit(sign[part, None] * (odds[part, None] + GRID)))
    likelihood = np.exp(likelihood - likelihood.max(axis=1, keepdims=True))
    mean, spread = (axis.ravel() for axis in np.meshgrid(_MEANS, _SPREADS))
    prior = np.exp(-0.5 * ((GRID - mean[:, None]) / spread[:, None]) ** 2)
    prior /= prior.sum(axis=1, keepdims=True)
    marginal = np.maximum(likelihood @ prior.T, 1e-300)  # (groups, pairs of mean and spread)
    # the grid of spreads is geometric: a step is as wide as its spread
    weight = np.log(marginal).sum(axis=0) - 0.5 * (spread / USUAL_SPREAD) ** 2 + np.log(spread)
    weight = np.exp(weight - logsumexp(weight))
    posterior = likelihood * ((weight / marginal) @ prior)
    return Effects(posterior / posterior.sum(axis=1, keepdims=True))


def expected_wins(chance: npt.ArrayLike, group: Int64, groups: int) -> Float:
    """(groups, grid): the wins expected of each group's rows, were its effect that of the grid."""
    odds = _log_odds(chance)
    found = np.zeros((groups, len(GRID)))
    for i in range(0, len(odds), _AT_ONCE):
        part = slice(i, i + _AT_ONCE)
        np.add.at(found, group[part], expit(odds[part, None] + GRID))
    return found


def team_chances(chance: npt.ArrayLike, won: npt.ArrayLike) -> Float:
    """(n,): the probabilities with all log odds moved alike so that they sum to the wins, of one more lead that is as
    expected: so nobody's become certain.
    """
    odds, wins = _log_odds(chance), float(np.asarray(won, dtype=np.float64).sum())
    low, high = -30.0, 30.0
    wanted = (wins + float(expit(odds).mean())) / (len(odds) + 1) if len(odds) else 0.5
    for _ in range(60 if len(odds) else 0):
        middle = (low + high) / 2
        low, high = (middle, high) if expit(odds + middle).mean() < wanted else (low, middle)
    return np.asarray(expit(odds + (low + high) / 2))


def _log_odds(chance: npt.ArrayLike) -> Float:
    return np.asarray(logit(np.clip(np.asarray(chance, dtype=np.float64), _FLOOR, 1 - _FLOOR)))
