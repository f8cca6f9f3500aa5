"""Erasing a lead: from every table that names one, for good (docs/adr/0012-what-erasure-erases.md)."""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from features.errors import UnknownLead
from features.events import HANDOFF
from features.store.protection import append_only_exceptions, erased_leads
from features.store.schema import events, lead_aliases, metadata
from features.store.schema import secrets as secrets_table

if TYPE_CHECKING:
    from features.store.store import Store

_SECRET = "erasure"  # noqa: S105 - the name of the row, which is there from the first erasure on
_OF_HANDOFF = "\x00handoff "  # before the id of a handoff, whose tombstone is no lead's: no lead's id can hold NUL
_AT_ONCE = 500  # values in one statement
_alias, _lead = lead_aliases.c.from_id, lead_aliases.c.to_id
# A file up to so large is written anew within a request: a second or two, while no event is taken in.
COMPACT_UP_TO = 256 * 2**20  # bytes
_WAIT_SECONDS = 5  # for writers, and for readers of the old state


@dataclass(frozen=True, slots=True)
class Erased:
    """``removed``: rows by table. ``overwritten``: whether the bytes are gone from the database file as well.
    ``was_known``: whether any table named the lead, or it had been erased before.
    """

    erased_at: int
    removed: dict[str, int] = field(default_factory=dict)
    overwritten: bool = False
    was_known: bool = True


class Erasures:
    """The erased leads of one database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def erase(
        self,
        lead_id: str,
        now: int,
        *,
        up_to: float = math.inf,
        also: Callable[[sa.Connection, Erased], None] = lambda *_: None,
    ) -> Erased:
        """Erase a lead, its aliases included, from every table, and refuse what still comes of it.

        UnknownLead when no table names it. Once more for a lead that was erased does no harm: the first time counts.
        ``also`` is done in the same transaction. ``up_to``: as in ``overwrite``.
        """
        if "\x00" in lead_id:  # which no text in PostgreSQL can hold
            raise UnknownLead(lead_id)
        with self._store.writing() as connection:
            self._store.lock_log(connection)
            done = erase_in(connection, lead_id, now)
            if not done.was_known:
                raise UnknownLead(lead_id)  # which takes the transaction back
            also(connection, done)
        return replace(done, overwritten=overwrite(self._store.engine, up_to=up_to))

    def of(self, lead_ids: Sequence[str]) -> dict[str, int]:
        """Of these leads those that were erased, and when."""
        with self._store.reading() as connection:
            return erased(connection, lead_ids)

    def number(self) -> int:
        """Rises with each erasure: what was computed before may name a lead that is gone."""
        with self._store.reading() as connection:
            return connection.execute(sa.select(sa.func.max(erased_leads.c.position))).scalar() or 0


def lead_columns() -> Iterator[sa.Column[str]]:
    """Every column that names a lead, children before the tables that they refer to."""
    for table in reversed(metadata.sorted_tables):
        yield from (column for column in table.columns if column.info.get("lead"))


def erase_in(connection: sa.Connection, lead_id: str, now: int) -> Erased:
    """The same in a transaction that holds the log's lock; what still comes of a lead never seen is refused as well."""
    ids = every_id(connection, lead_id)
    known = erased(connection, ids)
    key = _key(connection) or _make_key(connection, now)
    theirs = sa.select(events.c.event_id).where(events.c.lead_id.in_(ids), events.c.type == HANDOFF)
    handoffs = [_OF_HANDOFF + each for each in connection.execute(theirs).scalars()]
    new = [{"hash": _hash(key, each), "erased_at": now} for each in [*ids, *handoffs] if each not in known]
    if new:
        connection.execute(erased_leads.insert(), new)
    removed: dict[str, int] = {}
    connection.execute(append_only_exceptions.insert(), [{"lead_id": each} for each in ids])
    for column in lead_columns():
        table = column.table
        if column.info.get("pseudonym"):
            for each, name in pseudonyms(connection, ids).items():
                connection.execute(sa.update(table).where(column == each).values({column: name}))
        elif rows := connection.execute(sa.delete(table).where(column.in_(ids))).rowcount:
            _count(removed, table, rows)
    connection.execute(append_only_exceptions.delete())
    for column in _texts_with_leads():
        for each in ids:
            within = column.contains(orjson.dumps(each).decode(), autoescape=True)
            _count(removed, column.table, connection.execute(sa.delete(column.table).where(within)).rowcount)
    return Erased(known.get(lead_id, now), removed, was_known=lead_id in known or bool(removed))


def _count(removed: dict[str, int], table: sa.FromClause, rows: int) -> None:
    if rows:
        name = str(table.name)  # type: ignore[attr-defined]  # it is a table
        removed[name] = removed.get(name, 0) + rows


def _texts_with_leads() -> Iterator[sa.Column[str]]:
    """Every column with a JSON text in which leads may be named."""
    for table in metadata.sorted_tables:
        yield from (column for column in table.columns if column.info.get("lead_within"))


def overwrite(engine: sa.Engine, *, up_to: float = math.inf) -> bool:
    """Write the SQLite file anew, so that the bytes of what was deleted are gone from it.

    Deleting alone overwrites rows with zeros, but copies of them stay in pages that were split while it grew. Writers
    wait meanwhile, a second for some hundred MB. False where it is not done: on PostgreSQL, whose own VACUUM does it,
    for a file of more than ``up_to`` bytes, and while a reader keeps the old state.
    """
    if engine.dialect.name != "sqlite" or Path(str(engine.url.database)).stat().st_size > up_to:
        return False
    with engine.connect() as connection:
        raw = connection.connection.driver_connection
        steps = (f"PRAGMA busy_timeout = {_WAIT_SECONDS * 1000}", "PRAGMA temp_store = FILE", "VACUUM")
        try:
            for step in steps:
                raw.execute(step).close()  # type: ignore[union-attr]  # it is connected
            busy, *_ = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()  # type: ignore[union-attr]
        except sqlite3.OperationalError:  # another writes for longer than that
            return False
        finally:
            connection.invalidate()  # its settings were for this alone
    return not busy


def every_id(connection: sa.Connection, lead_id: str) -> list[str]:
    """All ids under which this person is known: those that lead to the lead, and those that it leads to itself."""
    ids = [lead_id]
    for each in ids:  # grows while it is walked
        for there, here in ((_alias, _lead), (_lead, _alias)):
            found = connection.execute(sa.select(there).where(here == each)).scalars()
            ids += [other for other in found if other not in ids]
    return ids


def erased(connection: sa.Connection, lead_ids: Sequence[str]) -> dict[str, int]:
    """Of these leads those that were erased, and when. One look for a row where nobody ever was."""
    key = _key(connection) if lead_ids else None
    if key is None:
        return {}
    by_hash = {_hash(key, lead_id): lead_id for lead_id in lead_ids}
    hashes, found = list(by_hash), {}
    for i in range(0, len(hashes), _AT_ONCE):
        query = sa.select(erased_leads).where(erased_leads.c.hash.in_(hashes[i : i + _AT_ONCE]))
        found.update({by_hash[row.hash]: row.erased_at for row in connection.execute(query)})
    return found


def erased_handoff(connection: sa.Connection, handoff_id: str) -> int | None:
    """When the lead of this handoff was erased; None for any other id."""
    return erased(connection, [_OF_HANDOFF + handoff_id]).get(_OF_HANDOFF + handoff_id)


def without_erased(connection: sa.Connection, table: pa.Table) -> pa.Table:
    """The events (EVENT_SCHEMA) of leads that were not erased."""
    if _key(connection) is None:
        return table
    gone = erased(connection, table["lead_id"].unique().to_pylist())
    if not gone:
        return table
    return table.filter(pc.invert(pc.is_in(table["lead_id"], pa.array(list(gone), type=pa.string()))))


def pseudonyms(connection: sa.Connection, lead_ids: Sequence[str]) -> dict[str, str]:
    """Of these leads those that were erased, and the name under which each stands in the audit log."""
    key = _key(connection)
    return {} if key is None else {each: _name(key, each) for each in erased(connection, lead_ids)}


def name_of(connection: sa.Connection, lead_id: str) -> str:
    """The name under which the lead stands in the audit log."""
    return pseudonyms(connection, [lead_id]).get(lead_id, lead_id)


def _key(connection: sa.Connection) -> bytes | None:
    value = connection.execute(sa.select(secrets_table.c.value).where(secrets_table.c.name == _SECRET)).scalar()
    return None if value is None else str(value).encode()


def _make_key(connection: sa.Connection, now: int) -> bytes:
    value = secrets.token_urlsafe(32)
    connection.execute(secrets_table.insert(), {"name": _SECRET, "value": value, "created_at": now})
    return value.encode()


def _hash(key: bytes, lead_id: str) -> str:
    return hmac.new(key, lead_id.encode(), hashlib.sha256).hexdigest()


def _name(key: bytes, lead_id: str) -> str:
    return f"erased:{_hash(key, lead_id)[:32]}"
