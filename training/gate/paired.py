"""Is one model worse than another on the same leads? A difference with its interval, and a rule for it.

The spread is that of the delete-a-group jackknife: leads (accounts, where there are accounts) are dealt out to 40
groups, and the figure is worked out without each. It holds for means as for figures that are none, such as a
calibration index. Kott, The delete-a-group jackknife, Journal of Official Statistics 17 (2001), 521-526.

The rule: *worse* is refused only where the interval lies above 0 (shown to be worse) and reaches above the margin (not
shown to be negligible). So a model that is as good is refused no more often than ``chance``, however few leads there
are, and a small loss that is shown does not keep newer data out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from model.curves import Float
from training.gate.verdict import Check

Int64 = npt.NDArray[np.int64]
Statistic = Callable[
    [Int64], tuple[float, float]
]  # of some rows: the new model's figure and the other's; less is better
GROUPS = 40


@dataclass(frozen=True)
class Gap:
    """``own`` less ``other``: above 0 the new model is worse. ``error``: the standard error, of ``freedom`` degrees."""

    own: float
    other: float
    error: float
    freedom: int

    @property
    def value(self) -> float:
        return self.own - self.other

    def limits(self, chance: float) -> tuple[float, float]:
        """The interval that a true difference lies above, and below, each with probability ``chance``."""
        reach = float(student.ppf(1 - chance, self.freedom)) * self.error
        return self.value - reach, self.value + reach


def dealt(names: npt.ArrayLike, *, seed: int) -> Int64:
    """(n,) which of at most 40 groups each row belongs to; rows of one name belong to the same."""
    found, codes = np.unique(np.asarray(names), return_inverse=True)
    place = np.random.default_rng(seed).permutation(len(found)) % min(GROUPS, len(found))
    return np.asarray(place[codes], dtype=np.int64)


def gap(statistic: Statistic, group: Int64, rows: Int64 | None = None) -> Gap | None:
    """``statistic`` over ``rows`` (all, if None), and how far it spreads. ``group``: (n,) as ``dealt``.

    None where it cannot be worked out: fewer than two groups, or nothing to work it out from in too many of them.
    """
    rows = np.arange(len(group)) if rows is None else rows
    own, other = statistic(rows)
    left_out = [statistic(rows[group[rows] != one]) for one in np.unique(group[rows])]
    without = np.array([mine - theirs for mine, theirs in left_out])
    known = without[np.isfinite(without)]
    if not np.isfinite(own - other) or len(known) < max(2, 0.9 * len(without)):
        return None
    k = len(known)
    return Gap(own, other, float(np.sqrt((k - 1) / k * ((known - known.mean()) ** 2).sum())), k - 1)


def not_worse(name: str, found: Gap | None, *, margin: float, chance: float, rival: str, main: bool = False) -> Check:
    """``margin``: by how much the figure may be higher; ``chance``: see ``Gap.limits``."""
    name = f"{name}, against {rival}"
    if found is None:
        return Check(name, True, f"{name}: too little to tell from")
    low, high = found.limits(chance)
    passed = not (low > 0 and high > margin)
    reason = (
        f"{name}: {found.own:.4g} for {found.other:.4g}, difference {found.value:+.4f} "
        f"({low:+.4f} to {high:+.4f}), margin {margin:.4f}"
    )
    figures = {"own": found.own, "other": found.other, "low": low, "high": high, "margin": margin}
    return Check(name, passed, reason, figures, main)


def mean_of(own: Float, other: Float) -> Statistic:
    """The means of two losses (n,) of the same rows."""
    return lambda rows: (float(own[rows].mean()), float(other[rows].mean())) if len(rows) else (np.nan, np.nan)
