"""What marketing and sales agreed on: the settings, and what the contract needs beside the journeys."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import sqlalchemy as sa

from features.business_settings import WorkingTime
from features.events import parse_time, to_datetime
from features.settings import Settings
from features.store import Store
from features.store.work import openings
from model.measurement.contract import Terms
from model.measurement.hours import CLOCK, Hours
from serving.call_plan.closed_days import closed_days
from serving.handoffs.judge import MOVED, NO_CALL

AHEAD = timedelta(days=400)  # so far working hours are laid out, to tell when a time will be over


def terms(settings: Settings, since: int, now: int) -> Terms:
    """``since``: of the first handoff that counts."""
    given, sales = settings.contract, settings.sales
    hours, people = CLOCK, {}
    if given.hours == "working":
        hours = working_hours(sales, since, now)
        people = {name: working_hours(sales.of(name), since, now) for name in sales.people}
    return Terms(
        qualified_per_week=given.qualified_per_week, reaction_hours=given.reaction_hours, hours=hours, people=people
    )


def working_hours(work: WorkingTime, since: int, now: int) -> Hours:
    """The working hours from the day of ``since`` to AHEAD of ``now``, by the clock of their zone."""
    zone = ZoneInfo(work.timezone)
    day = to_datetime(since).astimezone(zone).date()
    end = to_datetime(now).astimezone(zone).date() + AHEAD
    closed = closed_days(work, range(day.year, end.year + 1))
    spans = []
    while day <= end:
        if day.weekday() in work.week and day not in closed:
            midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
            spans.append(tuple(_at(midnight, hour) for hour in work.hours))
        day += timedelta(days=1)
    opens, closes = np.array(spans, dtype=np.int64).reshape(-1, 2).T
    return Hours(opens, closes)


def closed_by_themselves(store: Store, known_by: int) -> dict[tuple[str, int], int]:
    """When windows closed because no call was due any more, by lead and opening.

    A row keeps the id that the lead had then; the lead is the one that this id stands for at ``known_by``.
    """
    columns: tuple[sa.Column[Any], ...] = (openings.c.lead_id, openings.c.opened_at, openings.c.closed_at)
    query = sa.select(*columns).where(openings.c.closed_because.in_([NO_CALL, MOVED]))
    with store.reading() as connection:
        rows = connection.execute(query).all()
    lead_of = store.canonical([row.lead_id for row in rows], known_by=known_by)
    return {(lead_of[lead_id], opened): closed for lead_id, opened, closed in rows}


def _at(midnight: datetime, hour: int) -> int:
    """That hour of the day; a time that the clocks skip is the moment at which they do."""
    local = midnight + timedelta(days=1) if hour == 24 else midnight.replace(hour=hour)
    return parse_time(local)
