"""What PostgreSQL does in its own way: appending rows and reading many of them."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import sqlalchemy as sa

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


class BulkError(Exception):
    """The database cannot be reached by the bulk reader."""


_COPY_FROM = 2_000  # rows
_LOG_LOCK = 5_283_161_902  # any constant: the advisory lock of whoever appends

GIVEN = "= ANY(%(leads)s::text[])"


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
    if table.num_rows >= _COPY_FROM and not _has_line_ends(table):
        return _copy_events(cursor, table)
    accepted = 0
    for batch in table.to_batches(max_chunksize=10_000):
        cursor.execute(_INSERT, [column.to_pylist() for column in batch.columns])
        accepted += cursor.rowcount
    cursor.close()
    return accepted


def _has_line_ends(table: pa.Table) -> bool:
    """Whether a text holds a line end: before version 18 COPY takes a line ``\\.`` in it for the end of the data."""
    texts = (column for column in table.columns if pa.types.is_string(column.type))
    return any(pc.any(pc.match_substring(text, "\n")).as_py() for text in texts)


def _copy_events(cursor: Any, table: pa.Table) -> int:
    """The same through a temporary table, filled from Arrow without making a Python value of each field."""
    columns = ", ".join(f"{field.name} {_KINDS[field.type]}" for field in EVENT_SCHEMA)
    cursor.execute(f"CREATE TEMPORARY TABLE incoming (nth bigint, {columns}) ON COMMIT DROP")
    numbered = table.add_column(0, "nth", pa.array(np.arange(table.num_rows)))
    # Every value is quoted, so that what is not is null.
    style = pacsv.WriteOptions(include_header=False, quoting_style="all_valid")
    with cursor.copy("COPY incoming FROM STDIN (FORMAT csv)") as copy:
        for batch in numbered.to_batches(max_chunksize=20_000):
            text = pa.BufferOutputStream()
            pacsv.write_csv(batch, text, style)
            copy.write(text.getvalue().to_pybytes())
    cursor.execute(f"INSERT INTO events ({_NAMES}) SELECT {_NAMES} FROM incoming ORDER BY nth ON CONFLICT DO NOTHING")  # noqa: S608
    accepted: int = cursor.rowcount
    cursor.execute("DROP TABLE incoming")
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
    from adbc_driver_postgresql import dbapi as adbc  # noqa: PLC0415 - brings pandas: a second that few starts need

    try:
        return _read_bulk(adbc, url, condition, lead_ids)
    except adbc.OperationalError as error:
        raise BulkError(str(error)) from error


def _read_bulk(adbc: ModuleType, url: sa.URL, condition: str, lead_ids: Sequence[str] | None) -> pa.Table:
    with adbc.connect(url.set(drivername="postgresql").render_as_string(hide_password=False)) as connection:
        with connection.cursor() as cursor:
            if lead_ids is not None:
                given = pa.table({"lead_id": pa.array(lead_ids, type=pa.string())})
                cursor.adbc_ingest("given", given, mode="create", temporary=True)
            cursor.execute(f"SELECT {_NAMES} FROM events {condition} ORDER BY position")  # noqa: S608
            table = cursor.fetch_arrow_table()
        return table.cast(EVENT_SCHEMA)
