"""What SQLite does in its own way: appending rows and reading many of them."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import pyarrow as pa
import sqlalchemy as sa

from features.events import EVENT_SCHEMA
from features.store.rows import fetch_events

_NAMES = ", ".join(EVENT_SCHEMA.names)
_INSERT = f"INSERT INTO events ({_NAMES}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"  # noqa: S608
# The leads asked for come as one JSON list: a statement takes only so many separate values.
GIVEN = "IN (SELECT value FROM json_each(:leads))"


def lock_log(connection: sa.Connection) -> None:
    """Nothing to do: a transaction that writes is alone from its BEGIN IMMEDIATE on."""


def lead_list(lead_ids: Sequence[str]) -> object:
    return orjson.dumps(list(lead_ids)).decode()


def insert_events(connection: sa.Connection, table: pa.Table) -> int:
    """Insert the events that are not there yet; how many those were."""
    cursor = connection.connection.driver_connection.cursor()  # type: ignore[union-attr]  # it is connected
    accepted = 0
    for batch in table.to_batches(max_chunksize=20_000):
        cursor.executemany(_INSERT, zip(*(column.to_pylist() for column in batch.columns), strict=True))
        accepted += cursor.rowcount
    cursor.close()
    return accepted


def read_events(connection: sa.Connection, condition: str, parameters: dict[str, object]) -> pa.Table:
    """The events that meet the condition, in log order.

    Not through ADBC: docs/adr/0003-sqlite-reads-without-adbc.md.
    """
    cursor = connection.connection.driver_connection.cursor()  # type: ignore[union-attr]  # it is connected
    cursor.execute(f"SELECT {_NAMES} FROM events {condition} ORDER BY position", parameters)  # noqa: S608
    table = fetch_events(cursor, bits=True)
    cursor.close()
    return table
