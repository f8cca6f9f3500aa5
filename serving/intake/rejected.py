"""Events that could not be taken: kept with the reason, the newest ones, for whoever looks for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson
import sqlalchemy as sa

from features.events import content_id
from features.store import Store
from features.store.erasure import erased
from features.store.schema import MAX_NAME, rejected_events
from serving.intake.refused import shown

KEPT = 100_000  # rejected events; older ones are forgotten
LONGEST_BODY = 4_096  # characters kept of one

_INSERT = sa.text(
    "INSERT INTO rejected_events (reject_id, received_at, key_id, type, message_id, lead_id, reason, body) VALUES "
    "(:reject_id, :received_at, :key_id, :type, :message_id, :lead_id, :reason, :body) ON CONFLICT DO NOTHING"
)
_FORGET = sa.text("DELETE FROM rejected_events WHERE position <= (SELECT max(position) FROM rejected_events) - :kept")


class Rejected(NamedTuple):
    """One of them. ``received_at``: microseconds since 1970 UTC."""

    reject_id: str
    received_at: int
    key_id: str
    type: str | None
    message_id: str | None
    lead_id: str | None
    reason: str
    body: str


def rejected(call: Any, kind: str | None, reason: str, received_at: int, key_id: str) -> Rejected:
    """``kind``: the type of the call where the address tells it."""
    try:
        body = orjson.dumps(call).decode()
    except orjson.JSONEncodeError:
        body = shown(call)
    said = call if isinstance(call, dict) else {}
    return Rejected(
        content_id(kind, body, reason), received_at, key_id,
        kind or _text(said.get("type")), _text(said.get("messageId")),
        _text(said.get("userId")) or _text(said.get("anonymousId")), reason, body[:LONGEST_BODY],
    )  # fmt: skip


def _text(value: Any) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value.replace("\x00", "")[:MAX_NAME] or None if isinstance(value, str) else None


def keep(connection: sa.Connection, found: Sequence[Rejected], kept: int = KEPT) -> None:
    """Write them down, each once, but none of a lead that was erased; the oldest beyond ``kept`` go."""
    gone = erased(connection, [each.lead_id for each in found if each.lead_id is not None])
    rows = [each._asdict() for each in found if each.lead_id not in gone]
    if not rows:
        return
    connection.execute(_INSERT, rows)
    connection.execute(_FORGET, {"kept": kept})


def newest(
    store: Store, *, limit: int, before: int | None = None, since: int | None = None, until: int | None = None
) -> list[dict[str, Any]]:
    """The newest first. ``before``: only what was written before this position; ``since``, ``until``: received then."""
    query = sa.select(rejected_events).order_by(rejected_events.c.position.desc()).limit(limit)
    if before is not None:
        query = query.where(rejected_events.c.position < before)
    if since is not None:
        query = query.where(rejected_events.c.received_at >= since)
    if until is not None:
        query = query.where(rejected_events.c.received_at <= until)
    with store.reading() as connection:
        return [dict(row) for row in connection.execute(query).mappings()]
