"""The purchase windows that are open, and which leads nobody is to be told of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import orjson
import sqlalchemy as sa

from features.settings import Settings
from features.store import Store
from features.store.schema import events
from features.store.work import openings
from serving.handoffs.holdout import Holdout


@dataclass(frozen=True)
class Window:
    """``opened_at``: microseconds since 1970 UTC; ``call_on``: the date to call on that was told then."""

    opened_at: int
    call_on: date | None
    held_out: bool


def open_windows(store: Store, lead_ids: Sequence[str]) -> dict[str, Window]:
    """By lead, of those whose window is open."""
    query = (
        sa.select(openings.c.lead_id, openings.c.opened_at, events.c.properties)
        .join(events, events.c.event_id == openings.c.event_id)
        .where(openings.c.closed_at.is_(None), openings.c.lead_id.in_(lead_ids))
    )
    with store.reading() as connection:
        found = connection.execute(query).all()
    return {lead_id: _window(opened_at, properties) for lead_id, opened_at, properties in found}


def held_out(settings: Settings, windows: Mapping[str, Window], lead_ids: Iterable[str]) -> set[str]:
    """The leads of the random holdout: as drawn when the window opened, without an open one as the next will be."""
    drawn = Holdout(settings.handoff_holdout, settings.handoff_holdout_salt)
    return {one for one in lead_ids if (windows[one].held_out if one in windows else drawn.holds(one))}


def _window(opened_at: int, properties: str) -> Window:
    told = orjson.loads(properties)
    text = told.get("call_on")
    return Window(opened_at, date.fromisoformat(text) if text else None, told.get("held_out") is True)
