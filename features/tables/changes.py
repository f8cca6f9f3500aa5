"""What a row of ``leads`` tells that the export before it did not.

The log tells what exports told: by the events of the lead's first row, which lie at its creation, and by the
changes since, which are known by their ids. Whatever other sources said in between does not count: an export that
still says what it said before has nothing new to tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from features.events import EVENT_SCHEMA, IDENTIFY, content_id, dump_properties
from features.tables.known import KnownLeads
from features.tables.rows import Mask, mask

CHANGE = "leads:"  # what the id of an event begins with that tells a change from one export to the next


@dataclass(frozen=True)
class Row:
    """A row of a lead that is known. ``said``: its properties for each type of event that it gives.

    ``ids``: those of the events that it would give, were it the lead's first row. ``created_at``: None if not given.
    """

    lead_id: str
    created_at: int | None
    ids: Mapping[str, str]
    said: Mapping[str, Mapping[str, Any]]


class _Statement(NamedTuple):
    """An event of the log."""

    type: str
    occurred_at: int
    recorded_at: int
    event_id: str
    properties: str


class Known:
    """What the log says of the leads of some rows."""

    def __init__(self, log: KnownLeads, lead_ids: Sequence[str]) -> None:
        self._events = log.statements(lead_ids).combine_chunks() if lead_ids else EVENT_SCHEMA.empty_table()
        self._leads = pc.unique(self._events.filter(pc.equal(self._events["type"], IDENTIFY))["lead_id"])

    def has(self, lead_ids: pa.StringArray) -> Mask:
        """Which leads have traits in the log."""
        return mask(pc.is_in(lead_ids, self._leads))

    def unchanged(self, lead_ids: pa.StringArray, row_ids: Sequence[str]) -> Mask:
        """Which rows are, to the letter, the first ones of their leads, with no change since: most, so all at once."""
        ids = self._events["event_id"]
        changed = self._events["lead_id"].filter(pc.starts_with(ids, CHANGE))
        first = pc.is_in(pa.array(row_ids, pa.string()), pc.unique(ids))
        return mask(first) & ~mask(pc.is_in(lead_ids, pc.unique(changed)))

    def changes(self, rows: Sequence[Row], *, now: int) -> pa.Table:
        """Events (EVENT_SCHEMA) that tell what is new in the rows, as learned at ``now``."""
        by_lead: dict[str, list[_Statement]] = {row.lead_id: [] for row in rows}
        theirs = self._events.filter(pc.is_in(self._events["lead_id"], pa.array(list(by_lead), pa.string())))
        columns = (theirs[name].to_pylist() for name in ("lead_id", *_Statement._fields))
        for lead, *statement in zip(*columns, strict=True):
            by_lead[lead].append(_Statement(*statement))
        found = [event for row in rows for event in _changes_of(row, by_lead[row.lead_id], now=now)]
        return pa.Table.from_pylist(found, schema=EVENT_SCHEMA)


def _changes_of(row: Row, statements: Sequence[_Statement], *, now: int) -> Iterable[dict[str, Any]]:
    times = [statement.occurred_at for statement in statements if statement.type == IDENTIFY]
    created = row.created_at if row.created_at in times else min(times)
    for kind, said in row.said.items():
        theirs = [statement for statement in statements if statement.type == kind]
        told = _told(theirs, created, row.ids[kind])
        values: dict[str, Any] = {}
        for statement in told:
            values |= orjson.loads(statement.properties)
        new = {name: value for name, value in said.items() if not _same(values.get(name), value)}
        if not new:
            continue
        properties = dump_properties(new)
        # After all that is known: of two owners the one who is told later counts, also within one microsecond.
        at = max([now, *(statement.occurred_at + 1 for statement in theirs)])
        yield {
            "event_id": CHANGE + content_id(kind, row.lead_id, properties, told[-1].event_id if told else None),
            "lead_id": row.lead_id,
            "type": kind,
            "occurred_at": at,
            "recorded_at": at,
            "bot": False,
            "properties": properties,
        }


def _told(statements: Sequence[_Statement], created: int, row_id: str) -> list[_Statement]:
    """Those that exports told, in the order in which they did: at the creation of the lead, then the changes.

    At the creation others may have spoken as well. When the row itself is in the log, it had the last word.
    """
    first = [s for s in statements if s.occurred_at == created and s.event_id != row_id and not _is_change(s)]
    own = [s for s in statements if s.event_id == row_id]
    return sorted(first) + own + sorted(filter(_is_change, statements))


def _is_change(statement: _Statement) -> bool:
    return statement.event_id.startswith(CHANGE)


def _same(before: Any, now: Any) -> bool:
    """Whether two values of a trait are one: a column of numbers becomes text when one row of it does."""
    if isinstance(before, str) == isinstance(now, str):
        return isinstance(before, bool) == isinstance(now, bool) and bool(before == now)
    text, value = (before, now) if isinstance(before, str) else (now, before)
    if isinstance(value, bool):
        return bool(text.lower() == str(value).lower())
    try:
        return isinstance(value, int | float) and float(text) == value
    except ValueError:
        return False
