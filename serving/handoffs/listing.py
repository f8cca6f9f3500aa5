"""The handoffs that were made, oldest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import sqlalchemy as sa

from features.events import to_iso
from features.store import Store
from features.store.schema import events
from features.store.work import openings
from serving.handoffs.answering import answer_of, answers_of

_HANDOFFS = sa.select(openings, events.c.properties).join(events, events.c.event_id == openings.c.event_id)


def list_handoffs(
    store: Store, *, after: int, limit: int, since: int | None, owner: str | None, lead_id: str | None
) -> list[tuple[int, dict[str, Any]]]:
    """At most ``limit`` handoffs, each with its position in the log, of those above the position ``after``.

    ``since``: opened at or after that time. The owner is the one that the lead had when its window opened, and the id
    in a handoff the one by which it was told; ``lead_id``: all ids of that lead count.
    """
    terms: list[sa.ColumnElement[bool]] = [openings.c.position > after]
    terms += [] if since is None else [openings.c.opened_at >= since]
    terms += [] if owner is None else [openings.c.owner == owner]
    terms += [] if lead_id is None else [openings.c.lead_id.in_(store.aliases_of([lead_id]))]
    query = _HANDOFFS.where(*terms).order_by(openings.c.position).limit(limit)
    with store.reading() as connection:
        rows = connection.execute(query).all()
        answers = answers_of(connection, [row.event_id for row in rows])
    return [(row.position, _handoff(row, answers.get(row.event_id, {}))) for row in rows]


def newest_handoff(store: Store, lead_ids: Sequence[str]) -> dict[str, Any] | None:
    """The last handoff of these ids, all of one lead."""
    query = _HANDOFFS.where(openings.c.lead_id.in_(lead_ids)).order_by(openings.c.position.desc()).limit(1)
    with store.reading() as connection:
        row = connection.execute(query).first()
        return None if row is None else _handoff(row, answer_of(connection, row.event_id) or {})


def _handoff(row: sa.Row[Any], answer: dict[str, Any]) -> dict[str, Any]:
    return {
        "handoff_id": row.event_id,
        "lead_id": row.lead_id,
        "opened_at": to_iso(row.opened_at),
        "closed_at": None if row.closed_at is None else to_iso(row.closed_at),
        "closed_because": row.closed_because,
        "held_out": False,  # of handoffs before there was a holdout
        "holdout_share": 0.0,
        "answer": answer.get("answer"),
        "answered_at": answer.get("at"),
        "answered_by": answer.get("by"),
        "reject_reason": answer.get("reason"),
        "note": answer.get("note"),
        **orjson.loads(row.properties),
    }
