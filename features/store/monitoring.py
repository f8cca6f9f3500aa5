"""The tables of the watch over the serving model: what it found, and what was forecast so that it can be held to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa

from features.store.schema import LEAD, metadata

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# Each run of python -m training.monitor. No lead is named.
monitor_results = sa.Table(
    "monitor_results",
    metadata,
    sa.Column("result_id", _NUMBER, sa.Identity(always=True), primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),  # microseconds since 1970 UTC, as every time here
    sa.Column("registered", sa.Text, nullable=False),  # of the model: its number in the registry
    sa.Column("model_version", sa.Text, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),  # fine, watch or retrain
    sa.Column("result", sa.Text, nullable=False),  # JSON
    sa.Index("ix_monitor_results_at", "at"),
    sqlite_autoincrement=True,
)

# Once a week, what the model in service says of every open lead: kept when it is said, before anybody knows better.
monitor_forecasts = sa.Table(
    "monitor_forecasts",
    metadata,
    sa.Column("as_of", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("lead_id", sa.Text, primary_key=True, info=LEAD),
    sa.Column("model_version", sa.Text, nullable=False),
    sa.Column("weekly", sa.Double, nullable=False),  # the probability of a purchase within 7 days
    sa.Column("chances", sa.Text, nullable=False),  # JSON: the same by horizon
    sa.Column("first_day", sa.Integer),  # of the purchase window, in days since 1970
    sa.Column("last_day", sa.Integer),
    sa.Index("ix_monitor_forecasts_lead", "lead_id"),
)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What was said of one lead at ``as_of``. ``chances``: by horizon in days."""

    as_of: int
    lead_id: str
    model_version: str
    weekly: float
    chances: dict[str, float]
    first_day: int | None
    last_day: int | None


@dataclass(frozen=True, slots=True)
class Result:
    """One run of the watch."""

    at: int
    registered: str
    model_version: str
    verdict: str
    result: dict[str, Any]


def put_result(connection: sa.Connection, found: Result) -> None:
    connection.execute(
        monitor_results.insert().values(
            at=found.at,
            registered=found.registered,
            model_version=found.model_version,
            verdict=found.verdict,
            result=orjson.dumps(found.result, option=orjson.OPT_SERIALIZE_NUMPY).decode(),
        )
    )


def newest_results(connection: sa.Connection, most: int) -> list[Result]:
    """The newest first."""
    return _results(connection, most)


def newest_asked(connection: sa.Connection, registered: str) -> Result | None:
    """The newest by which another model than this one needed retraining; None for never."""
    asked = _results(connection, 1, monitor_results.c.verdict == "retrain", monitor_results.c.registered != registered)
    return asked[0] if asked else None


def _results(connection: sa.Connection, most: int, *where: sa.ColumnElement[bool]) -> list[Result]:
    columns = [monitor_results.c[name] for name in ("at", "registered", "model_version", "verdict", "result")]
    order = (monitor_results.c.at.desc(), monitor_results.c.result_id.desc())
    rows = connection.execute(sa.select(*columns).where(*where).order_by(*order).limit(most)).all()
    return [Result(row.at, row.registered, row.model_version, row.verdict, orjson.loads(row.result)) for row in rows]


def asked_anew(connection: sa.Connection, registered: str) -> int | None:
    """When another model than this one was last found to need retraining; None for never."""
    query = sa.select(sa.func.max(monitor_results.c.at)).where(
        monitor_results.c.verdict == "retrain", monitor_results.c.registered != registered
    )
    return connection.execute(query).scalar()


def put_forecasts(connection: sa.Connection, found: Iterable[Forecast]) -> None:
    rows = [
        {
            "as_of": one.as_of,
            "lead_id": one.lead_id,
            "model_version": one.model_version,
            "weekly": one.weekly,
            "chances": orjson.dumps(one.chances).decode(),
            "first_day": one.first_day,
            "last_day": one.last_day,
        }
        for one in found
    ]
    if rows:
        connection.execute(monitor_forecasts.insert(), rows)


def kept_forecasts(connection: sa.Connection, since: int) -> dict[int, Sequence[Forecast]]:
    """By as-of time, from ``since`` on."""
    query = sa.select(monitor_forecasts).where(monitor_forecasts.c.as_of >= since).order_by(monitor_forecasts.c.as_of)
    found: dict[int, list[Forecast]] = {}
    for row in connection.execute(query):
        told = (row.as_of, row.lead_id, row.model_version, row.weekly, orjson.loads(row.chances))
        found.setdefault(row.as_of, []).append(Forecast(*told, row.first_day, row.last_day))
    return dict(found)


def forget(connection: sa.Connection, before: int) -> None:
    """Forecasts made before a time are gone; results stay."""
    connection.execute(monitor_forecasts.delete().where(monitor_forecasts.c.as_of < before))
