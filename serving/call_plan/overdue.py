"""Leads whose window is open, when they were to be called, and whether they have been."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import orjson
import sqlalchemy as sa

from features.events import SALES_CALL
from features.history import History
from features.store import Store
from features.store.schema import events
from features.store.work import openings

Opened = tuple[int, date | None]


def open_windows(store: Store, lead_ids: Sequence[str]) -> dict[str, Opened]:
    """For each lead whose window is open: when it opened, and the date to call on that was told then."""
    query = (
        sa.select(openings.c.lead_id, openings.c.opened_at, events.c.properties)
        .join(events, events.c.event_id == openings.c.event_id)
        .where(openings.c.closed_at.is_(None), openings.c.lead_id.in_(lead_ids))
    )
    with store.reading() as connection:
        found = connection.execute(query).all()
    return {lead_id: (opened_at, _date(properties)) for lead_id, opened_at, properties in found}


def last_calls(history: History) -> dict[str, int]:
    """When each lead was last called (microseconds since 1970 UTC); leads never called are not in it."""
    called = np.array([name == SALES_CALL for name in history.types], dtype=np.bool_)
    rows = np.flatnonzero(called[history.type_code]) if len(called) else np.empty(0, dtype=np.int64)
    return {history.lead_ids[history.lead_code[row]]: int(history.occurred_at[row]) for row in rows}


def _date(properties: str) -> date | None:
    text = orjson.loads(properties).get("call_on")
    return date.fromisoformat(text) if text else None
