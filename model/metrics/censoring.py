"""What to do about leads that are still open: inverse probability of censoring weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]

FLOOR = 0.05  # a row never counts as more than 1 / FLOOR rows


def checked(duration: npt.ArrayLike, outcome: npt.ArrayLike) -> tuple[Float, Int]:
    """Both as arrays of one length. ValueError on NaN, days <= 0, codes other than 0, 1, 2, or no rows."""
    days, codes = np.asarray(duration, dtype=np.float64), np.asarray(outcome).astype(np.int64)
    if days.ndim != 1 or days.shape != codes.shape or not len(days):
        raise ValueError(f"expected two arrays (n,) with n > 0, got {days.shape} and {codes.shape}")
    if not np.all(days > 0):
        raise ValueError(f"expected durations above 0 days, got {np.min(days)}")
    if not np.isin(codes, (0, 1, 2)).all():
        raise ValueError(f"expected outcomes 0, 1 or 2, got {sorted(set(codes.tolist()))}")
    return days, codes


def censoring_survival(duration: npt.ArrayLike, outcome: npt.ArrayLike) -> Callable[[npt.ArrayLike], Float]:
    """G(t-) = P(followed for t days or more), in [0, 1], as a function of days.

    Kaplan and Meier's estimate with the roles exchanged: being censored is the event. Endings come before
    censorings of the same time, as in Gerds and Schumacher, Biometrical Journal 48 (2006), 1029-1040.
    """
    days, codes = checked(duration, outcome)
    ended = codes > 0
    times, censored = np.unique(days[~ended], return_counts=True)
    ordered, ended_ordered = np.sort(days), np.sort(days[ended])
    at_risk = len(days) - np.searchsorted(ordered, times, side="left")
    # those who end at the very time are no longer at risk of being censored at it
    at_risk -= np.searchsorted(ended_ordered, times, "right") - np.searchsorted(ended_ordered, times, "left")
    steps = np.concatenate(([1.0], np.cumprod(1.0 - censored / at_risk)))

    def survival(t: npt.ArrayLike) -> Float:
        return np.asarray(steps[np.searchsorted(times, np.asarray(t, dtype=np.float64), side="left")])

    return survival


@dataclass(frozen=True, eq=False)
class Weights:
    """What is known of each row at each time, and how much it counts.

    ``bought``: (n, k), purchased by the time. ``weight``: (n, k) >= 0, 0 where the row was censored before it.
    ``share_cut``: of the rows with a weight at some time, the share whose G was raised to the floor.
    """

    times: Float
    bought: Bool
    weight: Float
    share_cut: float

    def rows(self, which: npt.NDArray[np.bool_ | np.int64]) -> Weights:
        """Of some rows; G stays as it was estimated from all."""
        return Weights(self.times, self.bought[which], self.weight[which], self.share_cut)


def ipcw(
    duration: npt.ArrayLike,
    outcome: npt.ArrayLike,
    times: npt.ArrayLike,
    *,
    strata: npt.ArrayLike | None = None,
    floor: float = FLOOR,
) -> Weights:
    """1 / G(T-) for rows that ended by the time, 1 / G(u-) for rows still open then, 0 for rows censored before it.

    Graf, Schmoor, Sauerbrei and Schumacher, Statistics in Medicine 18 (1999), 2529-2545; for competing endings
    Schoop et al., Biometrical Journal 53 (2011), 88-112. A row censored exactly at u was seen through u: it counts
    as open at u (so a follow-up of exactly the longest horizon is a full one).
    ``strata`` (n,): G is estimated within each, e.g. for each landmark. G is cut from below at ``floor``.
    """
    days, codes = checked(duration, outcome)
    grid = np.atleast_1d(np.asarray(times, dtype=np.float64))
    groups = np.zeros(len(days), dtype=np.int64)
    if strata is not None:
        groups = np.unique(np.asarray(strata), return_inverse=True)[1]
    at_end, at_time = np.empty(len(days)), np.empty((len(days), len(grid)))
    for group in range(groups.max() + 1):
        rows = groups == group
        survival = censoring_survival(days[rows], codes[rows])
        at_end[rows] = survival(days[rows])
        at_time[rows] = survival(grid)
    ended = (days[:, None] <= grid) & (codes[:, None] > 0)
    still_open = ~ended & (days[:, None] >= grid)
    known = np.where(ended, at_end[:, None], at_time)
    seen = ended | still_open
    weight = np.where(seen, 1.0 / np.maximum(known, floor), 0.0)
    cut = (seen & (known < floor)).any(axis=1)
    return Weights(
        times=grid,
        bought=ended & (codes[:, None] == 1),
        weight=weight,
        share_cut=float(cut.sum() / max(1, seen.any(axis=1).sum())),
    )
