"""All that is known about a lead, as it stands in every table that names one."""

from __future__ import annotations

from typing import Any

import orjson
import sqlalchemy as sa

from features.errors import ErasedLead, LeadtimeError, UnknownLead
from features.events import to_iso
from features.history import History
from features.store.erasure import every_id, lead_columns
from features.store.schema import events
from features.traits import known_traits
from serving.audit.views import entry_answer
from serving.scoring import Answer, score_stored
from serving.service import Service

MAX_AUDIT = 10_000  # newest audit entries
_OWN_PLACE = {"events", "audit_leads"}  # which the export gives in a form of their own
_TIMES = ("_at", "_until")  # how the names of columns end that hold microseconds


def export(service: Service, lead_id: str) -> dict[str, Any]:
    """UnknownLead, ErasedLead where there is nothing to give."""
    if "\x00" in lead_id:  # which no text in PostgreSQL can hold
        raise UnknownLead(lead_id)
    with service.store.reading() as connection:
        ids = every_id(connection, lead_id)
        log = [_plain(row) for row in connection.execute(_of(events.c.lead_id, ids).order_by(events.c.position))]
        others: dict[str, list[dict[str, Any]]] = {}
        for column in lead_columns():
            if column.table.name not in _OWN_PLACE:
                rows = [_plain(row) for row in connection.execute(_of(column, ids))]
                kept = others.setdefault(str(column.table.name), [])
                kept += [row for row in rows if row not in kept]
    if not log and not any(others.values()):
        erased_at = service.erasures.of([lead_id]).get(lead_id)
        if erased_at is not None:
            raise ErasedLead(lead_id, erased_at)
        raise UnknownLead(lead_id)
    now = service.clock()
    service.audit.flush()
    return {
        "lead_id": lead_id,
        "exported_at": to_iso(now),
        "ids": ids,
        "traits": known_traits(History.from_table(service.store.events(ids)), now).get(lead_id, {}),
        "score": _score(service, lead_id, now),
        "events": log,
        "tables": others,
        "audit": [entry_answer(entry) for _, entry in service.audit.read(lead_ids=ids, limit=MAX_AUDIT)],
    }


def _of(column: sa.Column[str], ids: list[str]) -> sa.Select[Any]:
    return sa.select(column.table).where(column.in_(ids))


def _score(service: Service, lead_id: str, now: int) -> Answer | None:
    """What would be answered now; None without a model, or without an event to score by."""
    try:
        return score_stored(service.store, lead_id, now, service.models.current(), curve=True)
    except LeadtimeError:
        return None


def _plain(row: sa.Row[Any]) -> dict[str, Any]:
    """A row with times in ISO 8601 and JSON as what it says."""
    return {name: _value(name, value) for name, value in row._asdict().items() if name != "position"}


def _value(name: str, value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool) and name.endswith(_TIMES):
        try:
            return to_iso(value)
        except (ValueError, OverflowError):  # a year that no calendar has
            return value
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return orjson.loads(value)
        except orjson.JSONDecodeError:
            return value
    if isinstance(value, bytes):
        return value.hex()
    return value
