"""The audit log: changes are on disk before they are answered, reads within a second of being answered.

An entry names the key, the route and the leads, never what a lead's data says. What a crash can lose is the reads of
the last second; what a database that is away can lose is reads beyond the newest that fit into memory, counted.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import sqlalchemy as sa

from features.errors import StoreUnavailable
from features.events import DAY
from features.store import Store
from features.store.erasure import name_of, pseudonyms
from features.store.protection import append_only_exceptions, audit_leads, audit_log

log = logging.getLogger("leadtime.serving")

COMMAND_LINE = "command line"
MAX_NAMED = 1_000  # leads of one entry that are named; more are counted
_MAX_WAITING = 50_000  # named leads and entries in memory


@dataclass(slots=True)
class Entry:
    """``at``: microseconds since 1970 UTC. ``result``: the HTTP status, 0 for a command. ``leads``: how many."""

    at: int
    who: str
    via: str
    action: str
    result: int = 0
    lead_ids: Sequence[str] = ()
    leads: int = 0
    requests: int = 1
    detail: dict[str, Any] = field(default_factory=dict)


def write(connection: sa.Connection, entries: Iterable[Entry]) -> None:
    """Within the transaction of the connection. A lead that was erased is named by its pseudonym."""
    for entry in entries:
        named = list(dict.fromkeys(entry.lead_ids))
        row = {
            "at": entry.at,
            "who": entry.who,
            "via": entry.via,
            "action": entry.action,
            "result": entry.result,
            "requests": entry.requests,
            "leads": max(entry.leads, len(named)),
            "detail": orjson.dumps(entry.detail).decode(),
        }
        position = connection.execute(audit_log.insert().values(row).returning(audit_log.c.position)).scalar_one()
        if named:
            gone = pseudonyms(connection, named)
            rows = [{"entry": position, "lead_id": gone.get(lead_id, lead_id)} for lead_id in named]
            connection.execute(audit_leads.insert(), rows)


def command(action: str, now: int, **more: Any) -> Entry:
    """What somebody did on the command line."""
    return Entry(now, COMMAND_LINE, "command", action, **more)


class Audit:
    """The audit log of one database, as one process writes and reads it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: dict[tuple[Any, ...], tuple[Entry, dict[str, None]]] = {}
        self._lock = threading.Lock()
        self.dropped = 0

    @property
    def waiting(self) -> int:
        """How many entries are in memory alone."""
        return len(self._waiting)

    def write(self, entry: Entry) -> None:
        """On disk on return."""
        with self._store.writing() as connection:
            write(connection, [entry])

    def note(self, entry: Entry) -> None:
        """On disk after the next ``flush``; equal requests until then become one entry."""
        alike = (entry.who, entry.via, entry.action, entry.result, orjson.dumps(entry.detail) if entry.detail else b"")
        with self._lock:
            found = self._waiting.get(alike)
            if found is None:
                if len(self._waiting) >= _MAX_WAITING:
                    self.dropped += entry.requests
                    return
                self._waiting[alike] = entry, dict.fromkeys(entry.lead_ids)
                return
            kept, named = found
            if len(named) < _MAX_WAITING:
                named.update(dict.fromkeys(entry.lead_ids))
            kept.requests += entry.requests
            kept.leads += entry.leads

    def flush(self) -> None:
        """Bring what waits to disk. StoreUnavailable: it goes on waiting."""
        with self._lock:
            taken, self._waiting = self._waiting, {}
        if not taken:
            return
        for entry, named in taken.values():
            entry.lead_ids = list(named)
        try:
            with self._store.writing() as connection:
                write(connection, [entry for entry, _ in taken.values()])
        except (StoreUnavailable, sa.exc.DBAPIError):
            for entry, _ in taken.values():
                self.note(entry)
            raise

    def forget(self, days: int, now: int) -> int:
        """Delete the entries that are older; how many those were."""
        before = now - days * DAY
        old = sa.select(audit_log.c.position).where(audit_log.c.at < before)
        with self._store.writing() as connection:
            connection.execute(append_only_exceptions.insert(), {"audit_before": before})
            connection.execute(audit_leads.delete().where(audit_leads.c.entry.in_(old)))
            n = connection.execute(audit_log.delete().where(audit_log.c.at < before)).rowcount
            connection.execute(append_only_exceptions.delete())
        return n

    def read(
        self, *, lead_ids: Sequence[str] = (), who: str | None = None, before: int | None = None, limit: int = 100
    ) -> list[tuple[int, Entry]]:
        """The newest entries with their positions, the newest first.

        ``lead_ids``: only those that concern one of these. ``before``: only those before this position.
        """
        with self._store.reading() as connection:
            query = sa.select(audit_log).order_by(audit_log.c.position.desc()).limit(limit)
            if lead_ids:
                names = [name_of(connection, lead_id) for lead_id in lead_ids]
                query = query.where(
                    audit_log.c.position.in_(sa.select(audit_leads.c.entry).where(audit_leads.c.lead_id.in_(names)))
                )
            if who is not None:
                query = query.where(audit_log.c.who == who)
            if before is not None:
                query = query.where(audit_log.c.position < before)
            rows = connection.execute(query).all()
            named: dict[int, list[str]] = {row.position: [] for row in rows}
            of = sa.select(audit_leads).where(audit_leads.c.entry.in_(list(named)))
            for each in connection.execute(of.order_by(audit_leads.c.entry, audit_leads.c.lead_id)):
                named[each.entry].append(each.lead_id)
        return [
            (
                row.position,
                Entry(row.at, row.who, row.via, row.action, row.result, named[row.position], row.leads, row.requests,
                      orjson.loads(row.detail)),
            )
            for row in rows
        ]  # fmt: skip
