"""What PostgreSQL does in its own way: appending rows and reading many of them."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import sqlalchemy as sa
from adbc_driver_postgresql import dbapi as adbc

from features.events import EVENT_SCHEMA
from features.store.rows import fetch_events

_NAMES = ", ".join(EVENT_SCHEMA.names)
_KINDS = {pa.string(): "text", pa.int64(): "bigint", pa.bool_(): "boolean"}
# One statement for many rows: an array for each column. The order of the rows becomes the order of positions.
_INSERT = (
    f"INSERT INTO events ({_NAMES}) SELECT {_NAMES} FROM "  # noqa: S608
    f"unnest({', '.join(f'%s::{_KINDS[field.type]}[]' for field in EVENT_SCHEMA)}) "
    f"WITH ORDINALITY AS given ({_NAMES}, nth) ORDER BY nth ON CONFLICT DO NOTHING"
)
BulkError = adbc.OperationalError

_LOG_LOCK = 5_283_161_902  # any constant: the advisory lock of whoever appends

GIVEN = "SELECT unnest(%(leads)s::text[])"


def lock_log(connection: sa.Connection) -> None:
    """Wait for one's turn to append, until the end of the transaction.

    Without it a transaction could commit a lower position after a higher one was already seen, and what lies
    at or below a position would not stay the same.
    """
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOG_LOCK})


def lead_list(lead_ids: Sequence[str]) -> object:
    return list(lead_ids)


def insert_events(connection: sa.Connection, table: pa.Table) -> int:
    """Insert the events that are not there yet; how many those were."""
    cursor = connection.connection.driver_connection.cursor()  # type: ignore[union-attr]  # it is connected
    accepted = 0
    for batch in table.to_batches(max_chunksize=10_000):
        cursor.execute(_INSERT, [column.to_pylist() for column in batch.columns])
        accepted += cursor.rowcount
    cursor.close()
    return accepted


def read_events(connection: sa.Connection, condition: str, parameters: dict[str, object]) -> pa.Table:
    """The events that meet the condition, in log order, over the connection: for the events of some leads."""
    cursor = connection.connection.driver_connection.cursor(binary=True)  # type: ignore[union-attr]
    cursor.execute(f"SELECT {_NAMES} FROM events {condition} ORDER BY position", parameters)  # noqa: S608
    table = fetch_events(cursor, bits=False)
    cursor.close()
    return table


def read_bulk(url: sa.URL, condition: str, lead_ids: Sequence[str] | None) -> pa.Table:
    """The events that meet the condition, in log order, through ADBC: for many leads or all.

    ``condition`` holds no parameters; it may use the temporary table ``given (lead_id)`` of ``lead_ids``.
    """
    with adbc.connect(url.set(drivername="postgresql").render_as_string(hide_password=False)) as connection:
        with connection.cursor() as cursor:
            if lead_ids is not None:
                given = pa.table({"lead_id": pa.array(lead_ids, type=pa.string())})
                cursor.adbc_ingest("given", given, mode="create", temporary=True)
            cursor.execute(f"SELECT {_NAMES} FROM events {condition} ORDER BY position")  # noqa: S608
            table = cursor.fetch_arrow_table()
        return table.cast(EVENT_SCHEMA)
