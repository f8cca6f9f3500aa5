"""From the rows of ``leads`` to events: the traits of each lead, and the need it declared."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.events import IDENTIFY, NEED_DECLARED, content_id
from features.tables.ids import RowIds, row_texts
from features.tables.parts import FARTHEST_NEED, Part, make_events, take
from features.tables.rows import Int64, Mask, Rows
from features.tables.sources import Chunk
from features.tables.values import properties_json


class Leads:
    """The rows of ``leads``; ``created`` grows: when each lead with a row was created.

    A row without ``created_at`` waits for the events: the lead's first one in the folder is its creation.
    """

    def __init__(self) -> None:
        self.created: dict[str, int] = {}
        self._rows: set[str] = set()
        self._waiting: list[tuple[Chunk, Mapping[str, str], RowIds]] = []
        self._unborn: set[str] = set()  # leads of the rows that wait

    def part(self, chunk: Chunk, kinds: Mapping[str, str], ids: RowIds, *, now: int) -> Part:
        rows = Rows(chunk, now=now)
        lead = rows.text("lead_id", required=True)
        created, there = rows.time("created_at")
        events = self._checked(rows, lead, created, there, kinds=kinds, ids=ids, now=now, first=True)
        return Part("leads", rows.read, rows.rejects, events=events)

    def _checked(
        self,
        rows: Rows,
        lead: pa.StringArray,
        created: Int64,
        there: Mask,
        *,
        kinds: Mapping[str, str],
        ids: RowIds,
        now: int,
        first: bool,
    ) -> pa.Table:
        recorded, known = rows.time("recorded_at")
        need, needed = rows.time("need_by", latest=now + FARTHEST_NEED)
        rows.number("value")
        rows.finite(kinds)
        for column in ("account_id", "source", "owner"):
            rows.text(column)
        if first:
            self._register(rows, lead.to_pylist(), created, there)
            waiting = rows.ok & ~there
            if waiting.any():
                places = np.flatnonzero(waiting)
                self._waiting.append((Chunk(rows.file, rows.lines[places], rows.table.take(places)), kinds, ids))
        keep = rows.ok & there
        # A creation that was taken from the events is no part of the row, so no part of its id.
        raw = rows.time("created_at")[0] if not first else created
        table = take(rows.table, keep)
        fixed = [take(column, keep) for column in (lead, raw, np.where(known, recorded, 0), np.where(needed, need, 0))]
        names = ids.give(row_texts(table, fixed, list(kinds)))
        identify = make_events(
            names, fixed[0], IDENTIFY, created[keep], np.where(known, recorded, created)[keep],
            properties=properties_json(table, kinds),
        )  # fmt: skip
        keep = needed[keep]
        days = pa.array(need[rows.ok & there][keep], pa.timestamp("us")).cast(pa.date32())
        declared = make_events(
            [content_id(NEED_DECLARED, name) for name, has in zip(names, keep, strict=True) if has],
            take(fixed[0], keep), NEED_DECLARED,
            identify["occurred_at"].to_numpy()[keep], identify["recorded_at"].to_numpy()[keep],
            properties=properties_json(pa.table({"need_by": days.cast(pa.string())}), {"need_by": "text"}),
        )  # fmt: skip
        return pa.concat_tables([identify, declared])

    def _register(self, rows: Rows, leads: list[str | None], created: Int64, there: Mask) -> None:
        for i in np.flatnonzero(rows.ok).tolist():
            lead = leads[i]
            if lead is None or lead in self._rows:
                rows.refuse_row(i, "lead_id", f"expected one row for each lead, got another for {lead!r}")
                continue
            self._rows.add(lead)
            if there[i]:
                self.created[lead] = int(created[i])
            else:
                self._unborn.add(lead)

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
            lead = rows.text("lead_id")
            found = [self.created.get(name) for name in lead.to_pylist()]
            there = np.array([at is not None for at in found], dtype=np.bool_)
            rows.refuse(~there, "created_at", lambda _: "expected a time or an event of the lead, got neither")
            created = np.array([at or 0 for at in found], dtype=np.int64)
            events = self._checked(rows, lead, created, there, kinds=kinds, ids=ids, now=now, first=False)
            parts.append(Part("leads", 0, rows.rejects, events=events))
        self._waiting.clear()
        return parts
