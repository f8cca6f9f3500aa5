"""The life of a lead: when it could first be seen, and how and when it ended."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.events import LOST, PURCHASED
from features.history import History, Int64

OPEN, BOUGHT, GONE = 0, 1, 2  # the outcome codes everywhere: censored, purchased, lost


@dataclass(frozen=True, eq=False)
class Lives:
    """One row for each lead of a history, in its order. Times in microseconds since 1970 UTC.

    ``entered_at``: when the first event of the lead could be seen. ``ended_at``: when it purchased or was
    lost, else ``known_by``. ``outcome``: OPEN, BOUGHT or GONE.
    """

    entered_at: Int64
    ended_at: Int64
    outcome: npt.NDArray[np.int8]
    known_by: int


def lead_lives(history: History, known_by: int) -> Lives:
    """The lives as known at ``known_by``: what occurred or was recorded later does not count.

    The first ending counts. A lead of which nothing was known has ``entered_at`` = ``ended_at`` = known_by.
    """
    n = history.n_leads
    seen = history.known_at <= known_by
    entered = np.full(n, known_by, dtype=np.int64)
    np.minimum.at(entered, history.lead_code[seen], history.known_at[seen])
    ended = np.full(n, known_by, dtype=np.int64)
    outcome = np.zeros(n, dtype=np.int8)
    for name, code in ((PURCHASED, BOUGHT), (LOST, GONE)):
        if name not in history.types:
            continue
        rows = np.flatnonzero(seen & (history.type_code == history.types.index(name)))
        leads, at = history.lead_code[rows], history.occurred_at[rows]
        first = np.full(n, np.iinfo(np.int64).max, dtype=np.int64)
        np.minimum.at(first, leads, at)
        earlier = (first < ended) | ((first == ended) & (outcome == OPEN))
        ended[earlier], outcome[earlier] = first[earlier], code
    return Lives(entered_at=entered, ended_at=ended, outcome=outcome, known_by=known_by)
