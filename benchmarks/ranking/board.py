"""The mornings of a replay: who can be called on each working day, and what was seen of them then.

Two answers to what happens to a purchase that comes before any call:

- ``MISSED``, as in a log: the lead leaves the list when its purchase is known, and the purchase was missed;
- ``REACHED``, as the costs of a date count: the deal can still be reached, each day later costs more, so the lead stays
  on the list with its last score, whose dates come nearer; never called, it counts as called on the last day.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from benchmarks.backtest.seen import Seen
from features.events import DAY, to_datetime
from features.lives import BOUGHT
from model.curves import Float
from model.decision import CallCosts, expected_cost, waiting_cost, weighed_days
from model.decision.working_days import working_days

Int64 = npt.NDArray[np.int64]
Counting = Literal["missed", "reached late"]
MISSED: Counting = "missed"
REACHED: Counting = "reached late"
LOOK_AHEAD = 5  # working days that the plan looks ahead
_AT_A_TIME = 20_000


@dataclass(frozen=True, eq=False)
class Options:
    """``cost``: (n, k) of a call to n leads on each of the coming working days, the first is today; ``otherwise``: (n,)
    of the best call after them, or of none.
    """

    cost: Float
    otherwise: Float

    def of(self, which: Int64) -> Options:
        return Options(self.cost[which], self.otherwise[which])


@dataclass(frozen=True, eq=False)
class Morning:
    """n leads that can be called, and what is known of them: ``lead`` their places, ``dated`` and ``waiting`` their
    costs as dates and as waiting counts, ``worth`` of the deal, ``life`` days since they were first seen. ``room``:
    calls on each day.
    """

    lead: Int64
    dated: Options
    waiting: Options
    priority: Float
    readiness: Float
    chance: Float
    worth: Float
    life: Float
    room: int

    def of(self, which: Int64) -> Morning:
        """Some of the leads."""
        return Morning(
            lead=self.lead[which],
            dated=self.dated.of(which),
            waiting=self.waiting.of(which),
            priority=self.priority[which],
            readiness=self.readiness[which],
            chance=self.chance[which],
            worth=self.worth[which],
            life=self.life[which],
            room=self.room,
        )


class _Costs:
    """Of a call on each day after a look, (n, d), and of the best after that day, or never, (n, d)."""

    def __init__(self, cost: Float, never: Float) -> None:
        after = np.minimum.accumulate(cost[:, ::-1], axis=1)[:, ::-1][:, 1:]
        self.cost = cost.astype(np.float32)
        self.after = np.minimum(np.column_stack([after, never]), never[:, None]).astype(np.float32)

    def options(self, row: Int64, elapsed: Int64, offsets: Int64) -> Options:
        days = np.minimum(elapsed[:, None] + offsets[None, :], self.cost.shape[1] - 1)
        return Options(
            self.cost[row[:, None], days].astype(np.float64), self.after[row, days[:, -1]].astype(np.float64)
        )

    def priority(self, row: Int64, elapsed: Int64) -> Float:
        """What a week without a call costs."""
        last = self.cost.shape[1] - 1
        now, week = np.minimum(elapsed, last), np.minimum(elapsed + 6, last)
        least = np.minimum(self.cost[row, now], self.after[row, now])
        return np.asarray(self.after[row, week] - least, dtype=np.float64)


class Board:
    """One history played at one way to count costs. ``leads``: m of them that are open on some day of the replay."""

    def __init__(self, seen: Seen, costs: CallCosts, *, salespeople: int) -> None:
        self.seen, self.costs, self.horizon = seen, costs, seen.longest
        rows = seen.looks.rows
        self.leads, code = np.unique(rows.lead, return_inverse=True)
        self.owner = np.arange(len(self.leads)) % salespeople
        self._day = ((rows.as_of - seen.origin) // DAY).astype(np.int64)
        self._place = np.full((len(self.leads), int(self._day.max()) + 1), -1, dtype=np.int64)
        self._place[code, self._day] = np.arange(len(rows))
        self._last = rows.last
        ends = self._day[rows.first] + rows.duration[rows.first]
        self.bought = np.where(rows.outcome[rows.first] == BOUGHT, ends, np.inf)
        value = seen.looks.value[rows.last]  # the newest that was known
        self.worth = np.where(np.isfinite(value), value, costs.deal_value)
        self._worth = np.where(np.isfinite(seen.looks.value), seen.looks.value, costs.deal_value)
        self._chance = seen.looks.curves.at([30.0])[0][:, 0]
        missed_days = weighed_days(costs, seen.longest)
        dated, waiting = [], []
        for i in range(0, len(rows), _AT_A_TIME):
            part = slice(i, i + _AT_A_TIME)
            curves, own = seen.looks.curves.rows(part), seen.looks.value[part]
            dated.append(expected_cost(curves, costs, own))
            waiting.append(waiting_cost(curves, costs, own, missed_days=missed_days))
        self._dated, self._waiting = (
            _Costs(*(np.concatenate(parts) for parts in zip(*found, strict=True))) for found in (dated, waiting)
        )

    @property
    def there(self) -> npt.NDArray[np.bool_]:
        """(m,): the leads that are open before the last morning is over."""
        return np.asarray(self._day[self.seen.looks.rows.first] <= self.mornings[-1])

    @cached_property
    def mornings(self) -> list[int]:
        """Days since the origin: the working days within one longest horizon, or until the looks end."""
        first = to_datetime(self.seen.origin).date()
        last = min(self.horizon, self._place.shape[1]) - 1
        days = [(day - first).days for day in working_days(first, int(self.horizon))]
        return [day for day in days if day <= last]

    def morning(self, day: int, called: Float, room: int, counting: Counting) -> Morning:
        """Of the leads that were not called yet: (m,) infinite in ``called``."""
        place = self._place[:, day]
        lead = np.flatnonzero((place >= 0) & np.isinf(called))
        row, elapsed = place[lead], np.zeros(len(lead), dtype=np.int64)
        if counting == REACHED:
            gone = (place < 0) & np.isinf(called) & (self.bought <= day) & (self._day[self._last] < day)
            late = np.flatnonzero(gone)
            lead, row = np.concatenate([lead, late]), np.concatenate([row, self._last[late]])
            elapsed = np.concatenate([elapsed, day - self._day[self._last[late]]])
        today = to_datetime(self.seen.origin + day * DAY).date()
        offsets = np.array([(other - today).days for other in working_days(today, LOOK_AHEAD)])
        return Morning(
            lead=lead,
            dated=self._dated.options(row, elapsed, offsets),
            waiting=self._waiting.options(row, elapsed, offsets),
            priority=self._dated.priority(row, elapsed),
            readiness=self.seen.looks.readiness[row],
            chance=self._chance[row],
            worth=self._worth[row],
            life=self.seen.looks.life[row] + elapsed,
            room=room,
        )
