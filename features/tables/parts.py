"""From the rows of ``events`` and ``outcomes`` to events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.events import ENDINGS, EVENT_SCHEMA, FARTHEST_NEED, NEED_DECLARED, content_id
from features.store.schema import SPEND_SCHEMA
from features.tables.endings import Endings
from features.tables.ids import RowIds, row_texts
from features.tables.rows import Int64, Mask, Rows, mask
from features.tables.sources import Chunk, Reject
from features.tables.values import days_only, properties_json


@dataclass(frozen=True)
class Part:
    """What came of some rows of one table. ``read``: how many rows those were.

    ``known``: how many events they would give that are left out, since the log says the same.
    """

    table: str
    read: int
    rejects: list[Reject]
    events: pa.Table = field(default_factory=EVENT_SCHEMA.empty_table)
    spend: pa.Table = field(default_factory=SPEND_SCHEMA.empty_table)
    known: int = 0


def events_part(chunk: Chunk, kinds: Mapping[str, str], ids: RowIds, endings: Endings, *, now: int) -> Part:
    """The rows of ``events``."""
    rows = Rows(chunk, now=now)
    lead, kind = rows.text("lead_id", required=True), rows.text("type", required=True)
    event_id, channel, campaign = (rows.text(column) for column in ("event_id", "channel", "campaign"))
    occurred, recorded = rows.times("timestamp")
    bot = rows.flag("bot")
    rows.number("minutes")
    rows.finite(kinds)
    table = _with_need(rows, mask(pc.equal(kind, NEED_DECLARED)), now=now)
    ending = mask(pc.is_in(kind, pa.array(ENDINGS))) & ~bot
    if ending.any():
        if kinds.get("value") in ("number", "given"):
            rows.number("value", where=ending)
        endings.check(
            rows,
            ending,
            lead_ids=lead.to_pylist(),
            types=kind.to_pylist(),
            at=occurred,
            days=np.zeros(rows.n, dtype=np.bool_),
            column="timestamp",
        )
    keep = rows.ok
    lead, kind, event_id, channel, campaign = (take(c, keep) for c in (lead, kind, event_id, channel, campaign))
    occurred, recorded, bot, table = occurred[keep], recorded[keep], bot[keep], take(table, keep)
    nameless = mask(pc.is_null(event_id))
    if nameless.any():
        fixed = [take(c, nameless) for c in (lead, kind, occurred, recorded, channel, campaign, bot)]
        names = np.asarray(event_id.to_pylist(), dtype=object)
        names[nameless] = ids.give(row_texts(take(take(rows.table, keep), nameless), fixed, list(kinds)))
        event_id = pa.array(names, pa.string())
    events = make_events(
        event_id, lead, kind, occurred, recorded,
        channel=channel, campaign=campaign, bot=bot, properties=properties_json(table, kinds),
    )  # fmt: skip
    return Part("events", rows.read, rows.rejects, events=events)


def _with_need(rows: Rows, declared: Mask, *, now: int) -> pa.Table:
    """The table with ``need_by`` as an ISO date; a declared need must have one."""
    need, there = rows.time("need_by", latest=now + FARTHEST_NEED)
    rows.refuse(declared & ~there, "need_by", lambda _: "expected the date of the declared need, got an empty one")
    if not rows.has("need_by"):
        return rows.table
    days = pa.array(need, pa.timestamp("us"), mask=~there).cast(pa.date32()).cast(pa.string())
    return rows.table.set_column(rows.table.column_names.index("need_by"), "need_by", days)


def outcomes_part(chunk: Chunk, kinds: Mapping[str, str], endings: Endings, *, now: int) -> Part:
    """The rows of ``outcomes``."""
    rows = Rows(chunk, now=now)
    lead, outcome = rows.text("lead_id", required=True), rows.text("outcome", required=True)
    unknown = ~mask(pc.is_in(outcome, pa.array(ENDINGS)))
    rows.refuse(unknown, "outcome", lambda row: f"expected purchased or lost, got {outcome[row].as_py()!r}")
    given, _ = rows.time("at", required=True)
    recorded, known = rows.time("recorded_at")
    rows.number("value")
    rows.number("satisfaction", highest=10)
    rows.text("owner")
    rows.finite(kinds)
    everywhere = np.ones(rows.n, dtype=np.bool_)
    days = days_only(rows.table["at"])
    at = endings.check(
        rows, everywhere, lead_ids=lead.to_pylist(), types=outcome.to_pylist(), at=given, days=days, column="at"
    )
    keep = rows.ok
    table = take(rows.table, keep)
    fixed = [take(column, keep) for column in (lead, outcome, given, np.where(known, recorded, given))]
    # Equal rows are one and the same ending: no counting of equal rows.
    names = [content_id("outcomes", text) for text in row_texts(table, fixed, list(kinds)).to_pylist()]
    events = make_events(
        names, fixed[0], fixed[1], at[keep], np.where(known, recorded, at)[keep],
        properties=properties_json(table, kinds),
    )  # fmt: skip
    return Part("outcomes", rows.read, rows.rejects, events=events)


def take(column: Any, keep: Mask) -> Any:
    """The kept rows of an Arrow or numpy column, or of a table, in Arrow."""
    if isinstance(column, np.ndarray):
        column = pa.array(column)
    return column.filter(pa.array(keep))


def make_events(
    event_id: pa.StringArray | Sequence[str],
    lead_id: pa.StringArray,
    kind: pa.StringArray | str,
    occurred: Int64,
    recorded: Int64,
    *,
    properties: pa.StringArray,
    channel: pa.StringArray | None = None,
    campaign: pa.StringArray | None = None,
    bot: Mask | None = None,
) -> pa.Table:
    """A table of EVENT_SCHEMA; one ``kind`` for all rows, or one for each."""
    n = len(occurred)
    nothing = pa.nulls(n, pa.string())
    columns = [
        pa.array(event_id, pa.string()) if not isinstance(event_id, pa.Array) else event_id,
        lead_id,
        pa.repeat(pa.scalar(kind), n) if isinstance(kind, str) else kind,
        pa.array(occurred, pa.int64()),
        pa.array(recorded, pa.int64()),
        nothing if channel is None else channel,
        nothing if campaign is None else campaign,
        pa.array(np.zeros(n, np.bool_) if bot is None else bot),
        properties,
    ]
    return pa.Table.from_arrays(columns, schema=EVENT_SCHEMA)
