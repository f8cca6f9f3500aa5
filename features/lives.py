"""The life of a lead: when it could first be seen, and how and when it ended."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.events import LOST, NEED_DECLARED, NOT_ENGAGEMENT, PURCHASED, SALES_CALL
from features.history import History, Int64

OPEN, BOUGHT, GONE = 0, 1, 2  # the outcome codes everywhere: censored, purchased, lost
UNSEEN = -1  # no outcome: nothing of the lead was known
_NEVER = np.iinfo(np.int64).max
_SILENT = NOT_ENGAGEMENT - {SALES_CALL, NEED_DECLARED}  # events that tell nothing of when the lead will buy


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

    def until(self, moment: int) -> Lives:
        """The same lives, followed until an earlier moment: an ending after it has not come yet."""
        return Lives(
            entered_at=self.entered_at,
            ended_at=np.minimum(self.ended_at, moment),
            outcome=np.where(self.ended_at > moment, OPEN, self.outcome).astype(np.int8),
            known_by=moment,
        )


def lead_lives(history: History, known_by: int) -> Lives:
    """The lives as known at ``known_by``: what occurred or was recorded later does not count.

    The first ending counts. A lead of which nothing was known has ``entered_at`` = ``ended_at`` = known_by.
    """
    n = history.n_leads
    entered = np.minimum(_entered(history), known_by)
    at, outcome = _first_endings(history, np.arange(n), np.full(n, known_by, dtype=np.int64))
    return Lives(entered_at=entered, ended_at=np.minimum(at, known_by), outcome=outcome, known_by=known_by)


def standings(history: History, lead: Int64, as_of: Int64) -> npt.NDArray[np.int8]:
    """(n,): OPEN, BOUGHT or GONE for each pair of a lead (index in the history, -1: none) and an as-of time.

    As known at that time; UNSEEN where nothing of the lead was.
    """
    _, outcome = _first_endings(history, lead, as_of)
    entered = np.append(_entered(history), _NEVER)  # the last one is that of nobody
    return np.where(entered[lead] > as_of, UNSEEN, outcome).astype(np.int8)


def told_something(history: History, lead: Int64, as_of: Int64) -> npt.NDArray[np.bool_]:
    """(n,) for pairs as of ``standings``: whether engagement, a sales call or a declared need was known.

    Where only who the lead is was known nothing is answered: a score of traits alone would be that of its segment.
    """
    telling = np.array([name not in _SILENT for name in history.types], dtype=np.bool_)[history.type_code]
    first = np.full(history.n_leads + 1, _NEVER, dtype=np.int64)  # the last one is that of nobody
    np.minimum.at(first, history.lead_code[telling], history.known_at[telling])
    return np.asarray(first[lead] <= as_of)


def _entered(history: History) -> Int64:
    """(leads,): when the first event of each lead could be seen."""
    entered = np.full(history.n_leads, _NEVER, dtype=np.int64)
    np.minimum.at(entered, history.lead_code, history.known_at)
    return entered


def _first_endings(history: History, lead: Int64, as_of: Int64) -> tuple[Int64, npt.NDArray[np.int8]]:
    """(n,) each: when the first ending known at the as-of time occurred, and which; _NEVER and OPEN without one.

    Of two at the same time the purchase counts.
    """
    at = np.full(len(lead), _NEVER, dtype=np.int64)
    outcome = np.full(len(lead), OPEN, dtype=np.int8)
    for name, code in ((PURCHASED, BOUGHT), (LOST, GONE)):
        if name not in history.types:
            continue
        endings = np.flatnonzero(history.type_code == history.types.index(name))
        # a lead's endings lie together in the history: those of a pair are the rows first .. last of ``endings``
        of_lead = history.lead_code[endings]
        first, last = np.searchsorted(of_lead, lead, side="left"), np.searchsorted(of_lead, lead, side="right")
        for nth in range(int((last - first).max(initial=0))):
            pair = np.flatnonzero(first + nth < last)
            event = endings[first[pair] + nth]
            occurred = history.occurred_at[event]
            earlier = (history.known_at[event] <= as_of[pair]) & (occurred < at[pair])
            at[pair[earlier]], outcome[pair[earlier]] = occurred[earlier], code
    return at, outcome
