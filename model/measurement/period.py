"""The span of time that a report is about, and its calendar months (UTC)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Period:
    """From ``since`` on, before ``until``: microseconds since 1970 UTC."""

    since: int
    until: int

    def holds(self, at: npt.ArrayLike) -> Bool:
        moments = np.asarray(at, dtype=np.int64)
        return np.asarray((moments >= self.since) & (moments < self.until))


def month_of(at: npt.ArrayLike) -> Int64:
    """Calendar months since January 1970."""
    return np.asarray(at, dtype=np.int64).view("M8[us]").astype("M8[M]").astype(np.int64)


def month_name(month: int) -> str:
    """As in 2026-03."""
    return str(np.datetime64(month, "M"))


def months(month: Int64) -> list[tuple[int, str]]:
    """Each month that occurs, in order, with its name."""
    return [(one, month_name(one)) for one in np.unique(month).tolist()]
