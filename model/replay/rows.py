"""The moments of the past at which a lead could have been called, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from features.events import DAY, ENDINGS
from features.history import History
from features.lives import Lives
from model.curves import Float

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, eq=False)
class Rows:
    """n rows (a lead at an as-of time) of m leads, by lead and then time; each lead was known and open, as known then.

    ``lead``: (n,) index into the leads of the history; ``as_of``: (n,) microseconds. ``outcome`` (n,) 0, 1, 2 and
    ``duration`` (n,) days from the as-of time to the ending, or to where the history ends; 0 or less where the lead
    had ended and nobody knew. ``known_in``: (n,) days until that ending was known, infinite without one. ``step``:
    whole days between two looks at a lead.
    """

    lead: Int64
    as_of: Int64
    outcome: npt.NDArray[np.int8]
    duration: Float
    known_in: Float
    step: int

    def __len__(self) -> int:
        return len(self.lead)

    @cached_property
    def first(self) -> Int64:
        """(m,): where each lead's rows begin."""
        begins = np.ones(len(self), dtype=bool)
        begins[1:] = self.lead[1:] != self.lead[:-1]
        return np.flatnonzero(begins)

    @cached_property
    def last(self) -> Int64:
        """(m,): each lead's last row."""
        return np.append(self.first, len(self))[1:] - 1

    @property
    def leads(self) -> Int64:
        """(m,): the lead of each."""
        return self.lead[self.first]

    @cached_property
    def age(self) -> Float:
        """(n,): days since the lead's first row."""
        began = np.repeat(self.as_of[self.first], self.last - self.first + 1)
        return np.asarray((self.as_of - began) / DAY)

    def rows(self, which: Bool) -> Rows:
        return Rows(
            self.lead[which],
            self.as_of[which],
            self.outcome[which],
            self.duration[which],
            self.known_in[which],
            self.step,
        )


def closed_at(history: History) -> Int64:
    """(leads,): when the first ending of each lead could be seen; the largest integer without one."""
    closed = np.full(history.n_leads, _NEVER, dtype=np.int64)
    for name in ENDINGS:
        if name in history.types:
            own = history.type_code == history.types.index(name)
            np.minimum.at(closed, history.lead_code[own], history.known_at[own])
    return closed


def replay_rows(
    history: History,
    lives: Lives,
    *,
    since: int,
    enter_until: int,
    until: int,
    step: int = 1,
    leads: Int64 | None = None,
) -> Rows:
    """All looks at the leads that entered in [since, enter_until), every ``step`` days from ``since`` to ``until``.

    Microseconds. ``lives``: as known where the history ends. ``leads``: only these, by index.
    """
    gap = step * DAY
    wanted = np.arange(history.n_leads) if leads is None else np.sort(leads)
    entered, closed = lives.entered_at[wanted], closed_at(history)[wanted]
    low = -((since - entered) // gap)  # the first look at or after the lead was seen
    high = (np.minimum(closed - 1, until) - since) // gap
    count = np.where((entered >= since) & (entered < enter_until), np.maximum(high - low + 1, 0), 0)
    lead = np.repeat(wanted, count)
    nth = np.arange(len(lead)) - np.repeat(np.cumsum(count) - count, count)
    as_of = since + (np.repeat(low, count) + nth) * gap
    closing = np.repeat(closed, count)
    return Rows(
        lead=lead.astype(np.int64),
        as_of=as_of.astype(np.int64),
        outcome=lives.outcome[lead],
        duration=(lives.ended_at[lead] - as_of) / DAY,
        known_in=np.where(closing > lives.known_by, np.inf, (np.minimum(closing, lives.known_by) - as_of) / DAY),
        step=step,
    )
