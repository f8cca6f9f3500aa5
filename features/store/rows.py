"""From the rows of a database cursor to columns."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from features.events import EVENT_SCHEMA

# Rows are turned into columns this many at a time: more leave the processor's cache, fewer cost calls.
_AT_ONCE = 1_000
# SQLite has no boolean: there bot comes as 0 or 1.
_BITS = [pa.int8() if field.type == pa.bool_() else field.type for field in EVENT_SCHEMA]
_BOT = EVENT_SCHEMA.get_field_index("bot")


def fetch_events(cursor: Any, *, bits: bool) -> pa.Table:
    """All rows of a cursor over the columns of EVENT_SCHEMA. ``bits``: booleans come as 0 and 1."""
    kinds = _BITS if bits else EVENT_SCHEMA.types
    batches = []
    while rows := cursor.fetchmany(_AT_ONCE):
        columns = [pa.array(column, type=kind) for column, kind in zip(zip(*rows, strict=True), kinds, strict=True)]
        columns[_BOT] = columns[_BOT].cast(pa.bool_())
        batches.append(pa.record_batch(columns, schema=EVENT_SCHEMA))
    return pa.Table.from_batches(batches, schema=EVENT_SCHEMA)
