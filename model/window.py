"""The purchase window: the dates between which a purchaser buys with a given probability.

Given a purchase by the longest horizon H, U = F1(T) / F1(H) is uniform for a true curve. The levels of U between which
the window lies are learned from held-out purchasers (split conformal prediction on the probability integral transform),
in bands of readiness where data suffice, so the windows cover what they say even where the curves are not perfect.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from features.events import DAY
from features.lives import BOUGHT
from model.curves import Curves, Float
from model.examples import Examples

Int64 = npt.NDArray[np.int64]
_PER_BAND, _MIN_PURCHASES = 150, 30  # leads that purchased


@dataclass(frozen=True)
class Windows:
    """``readiness``: rising knots; ``low``, ``middle``, ``high``: the levels of U at them, linear between."""

    coverage: float
    readiness: tuple[float, ...]
    low: tuple[float, ...]
    middle: tuple[float, ...]
    high: tuple[float, ...]

    @classmethod
    def nominal(cls, coverage: float) -> Windows:
        tail = (1.0 - coverage) / 2
        return cls(coverage, (50.0,), (tail,), (0.5,), (1.0 - tail,))

    @classmethod
    def widened(cls, coverage: float, purchasers: int) -> Windows:
        """Nominal levels for a curve from few purchasers: those between which the next one falls with this probability.

        Between the r-th and the s-th of n it falls with (s - r) / (n + 1) (Wilks 1941), so that levels have to lie
        coverage * (n + 1) / n apart.
        """
        tail = max(0.0, 1.0 - coverage * (purchasers + 1) / max(purchasers, 1)) / 2
        return cls(coverage, (50.0,), (tail,), (0.5,), (1.0 - tail,))

    @classmethod
    def fit(cls, curves: Curves, readiness: Float, held_out: Examples, coverage: float) -> Windows:
        """From held-out examples with their curves and readiness.

        Windows are whole dates (UTC), so levels are learned for dates: a purchase is covered when its date is neither
        before the first nor after the last. Purchases late after the as-of time are seen only on rows followed for so
        long, and weighted up. Below 30 purchasers the levels are nominal.
        """
        outcome, duration, followed = held_out.outcome, held_out.duration, held_out.followed
        as_of, group = held_out.as_of, held_out.group
        longest = float(curves.days[-1])
        mine = np.flatnonzero((outcome == BOUGHT) & (duration <= longest))
        n_leads = len(np.unique(group[mine]))
        if n_leads < _MIN_PURCHASES or followed.max(initial=0.0) < longest:
            return cls.nominal(coverage)
        seen = np.sort(followed)
        weight = len(seen) / (len(seen) - np.searchsorted(seen, duration[mine], side="left"))
        first, last = date_span(duration[mine], as_of[mine])
        rows = curves.rows(mine)
        total = np.maximum(rows.purchased[:, -1], 1e-12)
        u_first, u_last = (_value(rows, np.clip(day, 0.0, longest)) / total for day in (first, last))
        bands = int(np.clip(n_leads // _PER_BAND, 1, 5))
        order = np.argsort(readiness[mine], kind="stable")
        knots, levels = [], []
        for part in np.array_split(order, bands):
            knots.append(float(np.median(readiness[mine][part])))
            levels.append(_levels(u_first[part], u_last[part], weight[part], coverage))
        knots = list(np.maximum.accumulate(np.array(knots) + np.arange(bands) * 1e-9))
        low, middle, high = (tuple(values) for values in zip(*levels, strict=True))
        return cls(coverage, tuple(map(float, knots)), low, middle, high)

    def days(self, curves: Curves, readiness: Float) -> tuple[Float, Float, Float]:
        """(n,) each: first day, median day and last day after the as-of time, as fractions of days within the grid."""
        f = curves.purchased
        found = []
        for levels in (self.low, self.middle, self.high):
            level = np.interp(readiness, self.readiness, levels)
            found.append(_invert(curves.days, f, level * f[:, -1]))
        return found[0], found[1], found[2]

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("coverage", "readiness", "low", "middle", "high")}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Windows:
        return cls(data["coverage"], *(tuple(data[name]) for name in ("readiness", "low", "middle", "high")))


def date_span(day: Float, as_of: Int64) -> tuple[Float, Float]:
    """(n,) each: start and end of the UTC date on which ``day`` lies; all three in days after the as-of time."""
    within = (as_of % DAY) / DAY
    first = np.floor(day + within) - within
    return first, first + 1.0


def _value(curves: Curves, day: Float) -> Float:
    """(n,) F1 of each row at its own day."""
    right = np.clip(np.searchsorted(curves.days, day, side="left"), 1, len(curves.days) - 1)
    share = (day - curves.days[right - 1]) / (curves.days[right] - curves.days[right - 1])
    rows = np.arange(len(day))
    return np.asarray(curves.purchased[rows, right - 1] * (1 - share) + curves.purchased[rows, right] * share)


def _invert(days: Float, f: Float, target: Float) -> Float:
    """(n,) the first day at which each rising row of f (n, m) reaches its target."""
    right = np.clip((f < target[:, None]).sum(axis=1), 1, len(days) - 1)
    rows = np.arange(len(f))
    below, above = f[rows, right - 1], f[rows, right]
    rise = above - below
    share = np.divide(target - below, rise, out=np.zeros(len(f)), where=rise > 0)
    return np.asarray(days[right - 1] + np.clip(share, 0.0, 1.0) * (days[right] - days[right - 1]))


def _levels(u_first: Float, u_last: Float, weight: Float, coverage: float) -> tuple[float, float, float]:
    """The window starts too late for a date that ends before it: U at the date's end; and ends too early likewise."""
    tail = (1.0 - coverage) / 2
    low = _quantile(u_last, weight, tail)
    high = 1.0 - _quantile(1.0 - u_first, weight, tail)
    middle = _quantile((u_first + u_last) / 2, weight, 0.5)
    if low > high:  # dates are coarser than the windows would be
        low = high = middle
    return low, float(np.clip(middle, low, high)), high


def _quantile(values: Float, weight: Float, level: float) -> float:
    """The weighted quantile, with one more value beyond the end as split conformal prediction asks for."""
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weight[order])
    place = int(np.searchsorted(total, level * (total[-1] + weight.mean()) + 1e-12, side="right")) - 1
    return float(values[order][place]) if place >= 0 else 0.0
