"""The handoffs that were made, oldest first."""

from __future__ import annotations

from typing import Any

import orjson
import sqlalchemy as sa

from features.events import to_iso
from features.store import Store
from features.store.schema import events
from features.store.work import openings


def list_handoffs(
    store: Store, *, after: int, limit: int, since: int | None, owner: str | None, lead_id: str | None
) -> list[tuple[int, dict[str, Any]]]:
    """At most ``limit`` handoffs, each with its position in the log, of those above the position ``after``.

    ``since``: opened at or after that time. The owner is the one that the lead had when its window opened.
    """
    terms: list[sa.ColumnElement[bool]] = [openings.c.position > after]
    terms += [] if since is None else [openings.c.opened_at >= since]
    terms += [] if owner is None else [openings.c.owner == owner]
    terms += [] if lead_id is None else [openings.c.lead_id == lead_id]
    query = (
        sa.select(openings, events.c.properties)
        .join(events, events.c.event_id == openings.c.event_id)
        .where(*terms)
        .order_by(openings.c.position)
        .limit(limit)
    )
    with store.reading() as connection:
        return [(row.position, _handoff(row)) for row in connection.execute(query)]


def _handoff(row: sa.Row[Any]) -> dict[str, Any]:
    return {
        "handoff_id": row.event_id,
        "lead_id": row.lead_id,
        "opened_at": to_iso(row.opened_at),
        "closed_at": None if row.closed_at is None else to_iso(row.closed_at),
        "closed_because": row.closed_because,
        "held_out": False,  # of handoffs before there was a holdout
        "holdout_share": 0.0,
        **orjson.loads(row.properties),
    }
