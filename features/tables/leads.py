"""From the rows of ``leads`` to events: the traits of each lead, and the need it declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from features.events import EVENT_SCHEMA, FARTHEST_NEED, IDENTIFY, NEED_DECLARED, content_id
from features.tables.changes import Known, Row
from features.tables.ids import RowIds, row_texts
from features.tables.known import KnownLeads
from features.tables.parts import Part, make_events, take
from features.tables.rows import Int64, Mask, Rows
from features.tables.sources import Chunk
from features.tables.values import properties_json


class Leads:
    """The rows of ``leads``; ``created`` grows: when each lead with a row was created.

    The first row of a lead tells what it was created with; a later one, unless it says when it was recorded, only
    what has changed, as learned now. A first row without ``created_at`` waits for the events: the lead's first one
    in the folder is its creation.
    """

    def __init__(self, log: KnownLeads) -> None:
        self.created: dict[str, int] = {}
        self._log = log
        self._rows: set[str] = set()
        self._waiting: list[tuple[Chunk, Mapping[str, str], RowIds]] = []
        self._unborn: set[str] = set()  # leads of the rows that wait

    def part(self, chunk: Chunk, kinds: Mapping[str, str], ids: RowIds, *, now: int) -> Part:
        rows = Rows(chunk, now=now)
        fields = _read(rows, kinds, now=now)
        self._register(rows, fields)
        asked = rows.ok & ~fields.dated
        known = Known(self._log, take(fields.lead, asked).to_pylist())
        again = asked & known.has(fields.lead)
        waiting = rows.ok & ~fields.there & ~again
        if waiting.any():
            places = np.flatnonzero(waiting)
            self._waiting.append((Chunk(rows.file, rows.lines[places], rows.table.take(places)), kinds, ids))
            self._unborn.update(take(fields.lead, waiting).to_pylist())
        first = _first_events(fields, rows.ok & fields.there & ~again, kinds, ids)
        changes, same = _changes(fields, again, kinds, ids, known, now=now)
        return Part("leads", rows.read, rows.rejects, events=pa.concat_tables([first, changes]), known=same)

    def _register(self, rows: Rows, fields: _Fields) -> None:
        leads = fields.lead.to_pylist()
        for i in np.flatnonzero(rows.ok).tolist():
            lead = leads[i]
            if lead in self._rows:
                rows.refuse_row(i, "lead_id", f"expected one row for each lead, got another for {lead!r}")
                continue
            self._rows.add(lead)
            if fields.there[i]:
                self.created[lead] = int(fields.created[i])

    def see(self, events: pa.Table) -> None:
        """Note the first events of the leads that wait."""
        if not self._unborn:
            return
        theirs = events.filter(pc.is_in(events["lead_id"], pa.array(list(self._unborn), pa.string())))
        firsts = theirs.group_by("lead_id").aggregate([("occurred_at", "min")])
        for lead, at in zip(firsts["lead_id"].to_pylist(), firsts["occurred_at_min"].to_pylist(), strict=True):
            self.created[lead] = min(at, self.created.get(lead, at))

    def waiting_parts(self, *, now: int) -> list[Part]:
        """The rows that waited, after all events were seen."""
        parts = []
        for chunk, kinds, ids in self._waiting:
            rows = Rows(chunk, now=now)
            fields = _read(rows, kinds, now=now)
            found = [self.created.get(name) for name in fields.lead.to_pylist()]
            fields.there = np.array([at is not None for at in found], dtype=np.bool_)
            rows.refuse(~fields.there, "created_at", lambda _: "expected a time or an event of the lead, got neither")
            fields.created = np.array([at or 0 for at in found], dtype=np.int64)
            parts.append(Part("leads", 0, rows.rejects, events=_first_events(fields, rows.ok, kinds, ids)))
        self._waiting.clear()
        return parts


@dataclass(slots=True)
class _Fields:
    """The columns of some rows. ``created`` may come from the events, ``given`` is what the file says; both hold 0
    for none. ``there``, ``dated``, ``needed``: which rows have a creation, a time of recording, a need.
    """

    table: pa.Table
    lead: pa.StringArray
    given: Int64
    created: Int64
    there: Mask
    recorded: Int64
    dated: Mask
    need: Int64
    needed: Mask

    def row_ids(self, keep: Mask, kinds: Mapping[str, str], ids: RowIds) -> list[str]:
        """The event ids of these rows. A creation that was taken from the events is no part of them."""
        recorded, need = np.where(self.dated, self.recorded, 0), np.where(self.needed, self.need, 0)
        fixed = [take(column, keep) for column in (self.lead, self.given, recorded, need)]
        return ids.give(row_texts(take(self.table, keep), fixed, list(kinds)))

    def needs(self, keep: Mask) -> pa.StringArray:
        """The needs of these rows as ISO dates, null for none."""
        days = pa.array(self.need[keep], pa.timestamp("us"), mask=~self.needed[keep])
        return days.cast(pa.date32()).cast(pa.string())


def _read(rows: Rows, kinds: Mapping[str, str], *, now: int) -> _Fields:
    """The columns, checked."""
    lead = rows.text("lead_id", required=True)
    created, there = rows.time("created_at")
    recorded, dated = rows.time("recorded_at")
    need, needed = rows.time("need_by", latest=now + FARTHEST_NEED)
    rows.number("value")
    rows.finite(kinds)
    for column in ("account_id", "source", "owner"):
        rows.text(column)
    return _Fields(rows.table, lead, created, created, there, recorded, dated, need, needed)


def _first_events(fields: _Fields, keep: Mask, kinds: Mapping[str, str], ids: RowIds) -> pa.Table:
    """What the leads of these rows were created with."""
    names = fields.row_ids(keep, kinds, ids)
    lead, occurred = take(fields.lead, keep), fields.created[keep]
    recorded = np.where(fields.dated, fields.recorded, fields.created)[keep]
    identify = make_events(
        names, lead, IDENTIFY, occurred, recorded, properties=properties_json(take(fields.table, keep), kinds)
    )
    has = fields.needed[keep]
    declared = make_events(
        [_need_id(name) for name, needed in zip(names, has, strict=True) if needed],
        take(lead, has), NEED_DECLARED, occurred[has], recorded[has],
        properties=properties_json(pa.table({"need_by": take(fields.needs(keep), has)}), {"need_by": "text"}),
    )  # fmt: skip
    return pa.concat_tables([identify, declared])


def _need_id(row_id: str) -> str:
    return content_id(NEED_DECLARED, row_id)


def _changes(
    fields: _Fields, again: Mask, kinds: Mapping[str, str], ids: RowIds, known: Known, *, now: int
) -> tuple[pa.Table, int]:
    """What is new in the rows of leads that are known, and how much is not: events that are not needed."""
    if not again.any():
        return EVENT_SCHEMA.empty_table(), 0
    names = fields.row_ids(again, kinds, ids)
    differs = ~known.unchanged(take(fields.lead, again), names)
    keep = again.copy()
    keep[again] = differs
    columns = zip(
        take(fields.lead, keep).to_pylist(),
        pa.array(fields.created[keep], mask=~fields.there[keep]).to_pylist(),
        [name for name, there in zip(names, differs, strict=True) if there],
        properties_json(take(fields.table, keep), kinds).to_pylist(),
        fields.needs(keep).to_pylist(),
        strict=True,
    )
    rows = [_row(*values) for values in columns]
    changes = known.changes(rows, now=now)
    return changes, int(again.sum() + (again & fields.needed).sum()) - changes.num_rows


def _row(lead_id: str, created_at: int | None, name: str, traits: str, need: str | None) -> Row:
    ids, said = {IDENTIFY: name}, {IDENTIFY: orjson.loads(traits)}
    if need is not None:
        ids[NEED_DECLARED], said[NEED_DECLARED] = _need_id(name), {"need_by": need}
    return Row(lead_id, created_at, ids, said)
