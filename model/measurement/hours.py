"""Time that counts: the hours in which somebody works, or all of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
NEVER = np.iinfo(np.int64).max
_FAR = 2**61  # microseconds: some 70,000 years


@dataclass(frozen=True, eq=False)
class Hours:
    """Spans of working time, rising and apart from each other. ``opens``, ``closes``: microseconds since 1970 UTC.

    Nothing is known, and nobody works, before the first and after the last span.
    """

    opens: Int64
    closes: Int64

    @cached_property
    def _before(self) -> Int64:
        """Working time before each span, and at last all of it."""
        return np.concatenate([[0], np.cumsum(self.closes - self.opens)]).astype(np.int64)

    def _worked(self, at: npt.ArrayLike) -> Int64:
        moment = np.asarray(at, dtype=np.int64)
        if not len(self.opens):
            return np.zeros(moment.shape, dtype=np.int64)
        span = np.searchsorted(self.opens, moment, side="right") - 1
        inside = np.minimum(moment, self.closes[span]) - self.opens[span]
        return np.where(span < 0, 0, self._before[span] + inside)

    def between(self, since: npt.ArrayLike, until: npt.ArrayLike) -> Int64:
        """Microseconds of working time from one moment to another."""
        return np.asarray(self._worked(until) - self._worked(since))

    def last_moment(self, since: npt.ArrayLike, allowed: int) -> Int64:
        """The last moment by which no more than ``allowed`` microseconds of working time have passed since then.

        That is when work begins again where the time is over with the working day; NEVER beyond the last span.
        """
        target = self._worked(since) + allowed
        if not len(self.opens):
            return np.full(target.shape, NEVER, dtype=np.int64)
        span = np.searchsorted(self._before, target, side="right") - 1
        known = span < len(self.opens)
        span = np.where(known, span, 0)
        return np.where(known, self.opens[span] + target - self._before[span], NEVER)


CLOCK = Hours(np.array([-_FAR], dtype=np.int64), np.array([_FAR], dtype=np.int64))
