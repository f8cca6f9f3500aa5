"""Accepting and rejecting a handoff: an event in the log, and for a rejection the end of the window.

A handoff is answered once: the id of the answer comes from that of the handoff alone, so that two answers can't both
be in the log.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa

from features.events import HANDOFF, HANDOFF_ACCEPTED, HANDOFF_REJECTED, Event, content_id, events_table, to_iso
from features.store.erasure import erased_handoff
from features.store.schema import events
from features.store.transaction import Transaction
from features.store.work import openings
from serving.handoffs.judge import REJECTED, close
from serving.problems import problem
from serving.webhooks.messages import HANDOFF_REJECTED as REJECTED_MESSAGE
from serving.webhooks.messages import Message
from serving.webhooks.queue import enqueue

Answer = dict[str, Any]
ACCEPTED = "accepted"
_TYPES = {ACCEPTED: HANDOFF_ACCEPTED, REJECTED: HANDOFF_REJECTED}
_ANSWERS = {kind: answer for answer, kind in _TYPES.items()}


@dataclass(frozen=True)
class Said:
    """``answer``: accepted or rejected; ``reason``: of a rejection."""

    answer: str
    by: str
    reason: str | None = None
    note: str | None = None


def lead_handed_over(connection: sa.Connection, handoff_id: str) -> str:
    """The lead of this handoff. 404 when the log has no such handoff, 410 when its lead was erased."""
    return str(_handoff(connection, handoff_id).lead_id)


def answer_of(connection: sa.Connection, handoff_id: str) -> Answer | None:
    """What was said of this handoff, as the API answers it."""
    return answers_of(connection, [handoff_id]).get(handoff_id)


def answers_of(connection: sa.Connection, handoff_ids: list[str]) -> dict[str, Answer]:
    """The same of several, those that were answered."""
    ids = {answer_id(handoff_id): handoff_id for handoff_id in handoff_ids}
    found = connection.execute(sa.select(events).where(events.c.event_id.in_(list(ids))))
    return {ids[row.event_id]: _shown(ids[row.event_id], row) for row in found if row.type in _ANSWERS}


def answer_id(handoff_id: str) -> str:
    return content_id("handoff_answer", handoff_id)


def answer(log: Transaction, handoff_id: str, said: Said, now: int) -> Answer:
    """Record what sales says of a handoff. 409 when it was answered otherwise before, or nobody was told of it."""
    handoff = _handoff(log.connection, handoff_id)
    before = answer_of(log.connection, handoff_id)
    if before is not None:
        if any(before[name] != getattr(said, name) for name in ("answer", "by", "reason", "note")):
            raise problem(
                409,
                f"expected a handoff that waits for an answer, this one was {before['answer']} by {before['by']} "
                f"at {before['at']}; a handoff is answered once",
                code="already_answered",
            )
        return {**before, "status": "duplicate"}
    told = orjson.loads(handoff.properties)
    if told.get("held_out") is True:
        raise problem(
            409,
            "expected a handoff that somebody was told of, this one is in the random holdout: there is nothing to "
            "answer; record a call or an outcome of the lead instead",
            code="held_out",
        )
    properties = {
        "handoff_id": handoff_id, "handed_over_at": to_iso(handoff.occurred_at), "by": said.by, "reason": said.reason,
        "note": said.note,
    }  # fmt: skip
    event = Event(
        event_id=answer_id(handoff_id),
        lead_id=handoff.lead_id,
        type=_TYPES[said.answer],
        occurred_at=now,
        recorded_at=now,
        properties={name: value for name, value in properties.items() if value is not None},
    )
    log.append(events_table([event]))
    if said.answer == REJECTED:
        _send_back(log.connection, handoff, told, said, now)
    recorded = answer_of(log.connection, handoff_id)
    return {**(recorded or {}), "status": "recorded"}


def _send_back(connection: sa.Connection, handoff: sa.Row[Any], told: Answer, said: Said, now: int) -> None:
    """Close the window, and tell marketing."""
    mine = openings.c.event_id == handoff.event_id
    window = connection.execute(sa.select(openings).where(mine)).first()
    if window is not None and window.closed_at is None:
        close(connection, window, REJECTED, now)
    data = {
        "handoff_id": handoff.event_id,
        "lead_id": handoff.lead_id,
        "number": told.get("number"),
        "owner": told.get("owner"),
        "source": told.get("source"),
        "handed_over_at": to_iso(handoff.occurred_at),
        "rejected_at": to_iso(now),
        "by": said.by,
        "reason": said.reason,
        "note": said.note,
    }
    message_id = f"msg_{content_id(REJECTED_MESSAGE, handoff.event_id)}"
    enqueue(connection, Message(message_id, REJECTED_MESSAGE, now, data, handoff.lead_id), now)


def _handoff(connection: sa.Connection, handoff_id: str) -> sa.Row[Any]:
    query = sa.select(events).where(events.c.event_id == handoff_id, events.c.type == HANDOFF)
    found = None if "\x00" in handoff_id else connection.execute(query).first()
    if found is not None:
        return found
    if "\x00" not in handoff_id and erased_handoff(connection, handoff_id) is not None:
        raise problem(410, "the lead of this handoff was erased on request; nothing of it is kept", code="erased_lead")
    raise problem(
        404,
        f"expected the handoff_id of a handoff, as GET /v1/handoffs lists them, got {handoff_id!r}",
        code="unknown_handoff",
    )


def _shown(handoff_id: str, row: sa.Row[Any]) -> Answer:
    properties = orjson.loads(row.properties)
    return {
        "handoff_id": handoff_id,
        "lead_id": row.lead_id,
        "answer": _ANSWERS[row.type],
        "at": to_iso(row.occurred_at),
        "by": properties.get("by"),
        "reason": properties.get("reason"),
        "note": properties.get("note"),
    }
