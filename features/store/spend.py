"""What was spent on channels: appended rows, of which the one recorded last counts."""

from __future__ import annotations

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from features.errors import InputError
from features.events import content_id
from features.store.schema import SPEND_SCHEMA, spend


def insert_spend(connection: sa.Connection, table: pa.Table) -> int:
    """Insert the rows (SPEND_SCHEMA) that are not there yet; how many those were."""
    try:
        table = table.select(SPEND_SCHEMA.names).cast(SPEND_SCHEMA)
    except (KeyError, ValueError) as error:
        raise InputError(where="spend", expected="a table of SPEND_SCHEMA", got=str(error)) from None
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    insert = make(spend).on_conflict_do_nothing()
    before = connection.execute(sa.select(sa.func.count()).select_from(spend)).scalar_one()
    rows = [{"spend_id": content_id("spend", *row.values()), **row} for row in table.to_pylist()]
    if rows:
        connection.execute(insert, rows)
    return int(connection.execute(sa.select(sa.func.count()).select_from(spend)).scalar_one()) - int(before)


def read_spend(connection: sa.Connection, known_by: int | None) -> pa.Table:
    """One row (SPEND_SCHEMA) for each channel, campaign and date; of equally late ones the one appended last."""
    rank = sa.func.row_number().over(
        partition_by=(spend.c.channel, spend.c.campaign, spend.c.date),
        order_by=(spend.c.recorded_at.desc(), spend.c.position.desc()),
    )
    ranked = sa.select(spend, rank.label("rank"))
    if known_by is not None:
        ranked = ranked.where(spend.c.recorded_at <= known_by)
    inner = ranked.subquery()
    query = (
        sa.select(*(inner.c[name] for name in SPEND_SCHEMA.names)).where(inner.c.rank == 1).order_by(inner.c.position)
    )
    return pa.Table.from_pylist([dict(row) for row in connection.execute(query).mappings()], schema=SPEND_SCHEMA)
