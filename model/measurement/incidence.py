"""How often something had happened by a time, with those who are still waiting counted as waiting; with intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.measurement.journeys import Float
from model.metrics.bootstrap import Estimate, resample_counts

DRAWS = 200
Z = 1.959964  # 95 % of a normal distribution lie within so many standard deviations


@dataclass(frozen=True, eq=False)
class Incidence:
    """Cumulative incidences: ``times`` (m,), ``curves`` (causes, 1 + draws, m), the first of each that of the data.

    ``followed``: how long each row was watched, rising; beyond the longest nothing is known. ``groups``: how many.
    """

    times: Float
    curves: Float
    followed: Float
    groups: int

    def at(self, time: float, cause: int = 1) -> Estimate | None:
        """By this time, None where nobody was followed so far."""
        watched = len(self.followed) - int(np.searchsorted(self.followed, time, side="left"))
        if watched == 0:
            return None
        step = int(np.searchsorted(self.times, time, side="right")) - 1
        values = self.curves[cause - 1, :, step] if step >= 0 else np.zeros(self.curves.shape[1])
        return share_within(float(values[0]), values[1:], min(self.groups, watched))

    def reaches(self, share: float, cause: int = 1) -> tuple[float, float, float] | None:
        """When the incidence reaches ``share``, with its interval; an infinite end where draws never do."""
        times = np.append(self.times, np.inf)
        found = times[_first(self.curves[cause - 1] >= share)]
        if not np.isfinite(found[0]):
            return None
        low, high = np.quantile(found[1:], [0.025, 0.975], method="inverted_cdf")
        return float(found[0]), float(low), float(high)


def incidence(
    duration: npt.ArrayLike,
    cause: npt.ArrayLike,
    group: npt.ArrayLike,
    *,
    causes: int,
    followed: npt.ArrayLike,
    draws: int = DRAWS,
    seed: int = 0,
) -> Incidence:
    """Aalen-Johansen curves of each cause, and those of draws of whole groups.

    ``duration``: (n,) until it ended or was last seen; ``cause``: (n,) 0 for still waiting, else 1 .. causes;
    ``followed``: (n,) how long each was or would have been watched. F_k(t) = sum over s <= t of S(s-) dN_k(s) / Y(s),
    all counts weighted by how often a draw holds the row (Aalen and Johansen, Scandinavian Journal of Statistics 5
    (1978), 141-150).
    """
    time, code = np.asarray(duration, dtype=np.float64), np.asarray(cause)
    order = np.argsort(time, kind="stable")
    time, code = time[order], code[order]
    n = len(time)
    if n == 0:
        return Incidence(np.empty(0), np.zeros((causes, 1 + draws, 0)), np.empty(0), 0)
    marks = np.stack([code == one for one in range(1, causes + 1)]).astype(np.float64)
    counts = resample_counts(np.asarray(group)[order], draws=draws, seed=seed).astype(float)
    parts = [aalen_johansen(time, code > 0, marks, weight) for weight in (np.ones((1, n)), counts)]
    watched = np.sort(np.asarray(followed, dtype=np.float64))
    curves = np.concatenate([curve for _, curve in parts], axis=1)
    return Incidence(parts[0][0], curves, watched, len(np.unique(np.asarray(group))))


def aalen_johansen(
    time: Float, ended: npt.ArrayLike, marks: Float, weight: Float
) -> tuple[Float, npt.NDArray[np.float64]]:
    """The distinct ones of the rising times (n,), and for each of ``marks`` (k, n) and ``weight`` (draws, n) the sum
    over endings by then of S(s-) x mark / Y(s): (k, draws, times). A mark of 1 gives an incidence, a value its mean.
    """
    times, begins = np.unique(time, return_index=True)
    total = np.add.reduceat(weight, begins, axis=1)
    at_risk = np.cumsum(total[:, ::-1], axis=1)[:, ::-1]
    over = weight * np.asarray(ended)

    def rate(weights: Float) -> Float:
        there = np.add.reduceat(weights, begins, axis=1)
        return np.asarray(np.divide(there, at_risk, out=np.zeros_like(there), where=at_risk > 0))

    survival = np.cumprod(np.clip(1.0 - rate(over), 0.0, 1.0), axis=1)
    before = np.column_stack([np.ones(len(weight)), survival[:, :-1]])
    return times, np.stack([np.cumsum(before * rate(over * mark), axis=1) for mark in marks])


def share_within(share: float, draws: npt.ArrayLike, groups: int) -> Estimate:
    """A share with Wilson's 95 % interval for as many rows as its spread over the draws is worth, at most ``groups``.

    Unlike the percentiles of the draws it has a width where nothing or everything happened. Wilson, Journal of the
    American Statistical Association 22 (1927), 209-212; effective size: Dean and Pagano, Journal of Survey Statistics
    and Methodology 3 (2015), 484-503.
    """
    found = np.asarray(draws, dtype=np.float64)
    spread = float(found[np.isfinite(found)].var()) if np.isfinite(found).any() else 0.0
    n = min(share * (1 - share) / spread, groups) if spread > 0 and 0 < share < 1 else float(groups)
    z2 = Z**2
    middle = (share + z2 / (2 * n)) / (1 + z2 / n)
    half = Z / (1 + z2 / n) * np.sqrt(share * (1 - share) / n + z2 / (4 * n**2))
    return Estimate(share, float(min(max(middle - half, 0.0), share)), float(max(min(middle + half, 1.0), share)))


def _first(reached: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """The first column that holds in each row, the number of columns where none does."""
    return (
        np.where(reached.any(axis=1), reached.argmax(axis=1), reached.shape[1])
        if reached.shape[1]
        else np.zeros(len(reached), dtype=np.intp)
    )
