"""On which of the coming days each salesperson calls."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from features.business_settings import SalesSettings, WorkingTime
from serving.call_plan.calls import local
from serving.call_plan.closed_days import closed_days


@dataclass(frozen=True)
class Diary:
    """``today``: by the clock of this salesperson; ``days``: working days from then on."""

    work: WorkingTime
    today: date
    days: frozenset[date]


def diaries(
    sales: SalesSettings, owners: Collection[str | None], n_days: int, now: int
) -> tuple[list[date], dict[str | None, Diary]]:
    """The next ``n_days`` days on which any of these salespeople works, and the diary of each."""
    found: dict[str | None, Diary] = {}
    alike: dict[WorkingTime, Diary] = {}
    for owner in owners:
        work = sales.of(owner)
        if work not in alike:
            alike[work] = _diary(work, n_days, now)
        found[owner] = alike[work]
    anybody = set().union(*(diary.days for diary in alike.values()))
    return sorted(anybody)[:n_days], found


def _diary(work: WorkingTime, n_days: int, now: int) -> Diary:
    from model.decision.working_days import working_days  # noqa: PLC0415 - scipy: a start should not wait for it

    today = local(now, work.timezone).date()
    closed = closed_days(work, range(today.year, today.year + 2))
    return Diary(work, today, frozenset(working_days(today, n_days, closed=closed, week=work.week)))
