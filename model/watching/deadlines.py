"""Are declared deadlines put off as often as they were?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.events import DAY, NEED_DECLARED
from features.history import History
from features.lives import Lives
from features.property_values import date_of
from features.texts import read_properties
from model.curves import Float
from model.watching.forecasts import STEP, Int64
from model.watching.sequential import FACTORS, evidence, watch, watch_cohorts

WEEK = STEP * DAY


@dataclass(frozen=True, eq=False)
class Due:
    """The first deadline of each account that was to come in a week, as known a week before it, of those open then.

    Those who put off once do it again and stay longer: counted each time, they would be more every year.

    ``week`` (n,): when the week of the deadline began; ``declared`` (n,): when it was declared; ``put_off`` (n,):
    whether a later one was declared by the end of its week.
    """

    week: Int64
    declared: Int64
    put_off: npt.NDArray[np.bool_]

    def between(self, since: int, until: int) -> Due:
        rows = (self.week >= since) & (self.week + WEEK <= until)
        return Due(self.week[rows], self.declared[rows], self.put_off[rows])


def due(history: History, lives: Lives, account: Int64, *, anchor: int, until: int) -> Due:
    """The weeks that lie whole numbers of weeks from ``anchor`` and end by ``until``.

    An account counts once: what one lead of it declares holds for all. ``account``: (leads,) codes.
    """
    known_at, of, day = _declared(history, account)
    first = anchor - -(-(anchor - int(known_at.min(initial=anchor))) // WEEK) * WEEK
    weeks, declared, put_off = [], [], []
    came = np.zeros(int(account.max(initial=0)) + 1, dtype=bool)  # accounts of which a deadline came due before
    for week in range(first, until - WEEK + 1, WEEK):
        before = week - WEEK
        there = np.flatnonzero(known_at <= before)
        last = there[::-1][np.unique(of[there][::-1], return_index=True)[1]]  # the newest of each account
        coming = last[(day[last] >= week) & (day[last] < week + WEEK)]
        is_open = np.unique(account[(lives.entered_at <= before) & (lives.ended_at > before)])
        coming = coming[np.isin(of[coming], is_open) & ~came[of[coming]]]
        came[of[coming]] = True
        later = np.flatnonzero((known_at > before) & (known_at <= week + WEEK))
        for row in coming.tolist():
            mine = later[of[later] == of[row]]
            weeks.append(week)
            declared.append(int(known_at[row]))
            put_off.append(bool((day[mine] > day[row]).any()))
    return Due(np.array(weeks, dtype=np.int64), np.array(declared, dtype=np.int64), np.array(put_off, dtype=bool))


def level(found: Due, weeks: range, limits: tuple[float, float]) -> Float:
    """(weeks,) natural log of the sequential test's statistic: are deadlines put off as often as ``limits`` say?

    The mean of two: a habit that changes for all deadlines that come due, and for those declared from then on alone.
    """
    by_case = [evidence([one], limits[:1], limits[1:]) for one in (0, 1)]
    cells = np.zeros((len(weeks) + 1, len(weeks), len(FACTORS)))  # the last row: declared before
    begun = (found.declared - weeks.start) // WEEK
    for row in np.flatnonzero((found.week >= weeks.start) & (found.week < weeks.stop)).tolist():
        step = (int(found.week[row]) - weeks.start) // WEEK
        cells[max(int(begun[row]), -1), step] += by_case[int(found.put_off[row])]
    both = watch(cells.sum(axis=0)).log_level, watch_cohorts(cells[:-1])
    return np.asarray(np.logaddexp(*both) - np.log(2))


def _declared(history: History, account: Int64) -> tuple[Int64, Int64, Int64]:
    """(n,) each, in the order in which they became known: when, of which account, the deadline."""
    if NEED_DECLARED not in history.types:
        return (np.empty(0, dtype=np.int64),) * 3
    rows = np.flatnonzero(history.type_code == history.types.index(NEED_DECLARED))
    said = [date_of(one.get("need_by")) for one in read_properties(history, rows)]
    rows, day = rows[[one is not None for one in said]], np.array([one for one in said if one is not None])
    order = np.argsort(history.known_at[rows], kind="stable")
    rows = rows[order]
    return history.known_at[rows], account[history.lead_code[rows]], day.astype(np.int64)[order]
