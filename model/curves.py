"""Purchase curves: the cumulative incidence of both endings over the days after an as-of time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curves:
    """Cumulative incidence of *purchased* and *lost* for ``n`` rows on a grid of ``m`` times.

    ``days``: (m,) increasing, in days after the as-of time, the first 0. ``purchased``, ``lost``: (n, m), each row
    starts at 0, never falls, and their sum never exceeds 1. Between grid times incidence is linear; beyond the
    last it is not known (``at`` refuses).
    """

    days: Float
    purchased: Float
    lost: Float

    def at(self, days: npt.ArrayLike) -> tuple[Float, Float]:
        """Both incidences, each (n, k), at ``k`` times in days within the grid."""
        wanted = np.atleast_1d(np.asarray(days, dtype=np.float64))
        if not ((wanted >= 0) & (wanted <= self.days[-1])).all():
            raise ValueError(
                f"expected times within 0 and {self.days[-1]:g} days, got {wanted.min():g} to {wanted.max():g}"
            )
        right = np.clip(np.searchsorted(self.days, wanted, side="left"), 1, len(self.days) - 1)
        share = (wanted - self.days[right - 1]) / (self.days[right] - self.days[right - 1])
        return _between(self.purchased, right, share), _between(self.lost, right, share)

    @property
    def open(self) -> Float:
        """(n, m): the probability that neither ending has come."""
        return 1.0 - self.purchased - self.lost

    def __len__(self) -> int:
        return len(self.purchased)

    def rows(self, which: npt.NDArray[np.int64] | npt.NDArray[np.bool_] | slice) -> Curves:
        """The curves of some rows."""
        return Curves(self.days, self.purchased[which], self.lost[which])


def _between(f: Float, right: npt.NDArray[np.intp], share: Float) -> Float:
    """Linear from column right - 1 to right, in a form that never falls as times rise, not even in the last digit."""
    low, high = f[:, right - 1], f[:, right]
    return np.where(share < 1, np.minimum(low + (high - low) * share, high), high)
