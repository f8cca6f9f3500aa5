"""What a job reads: the log of the store, or a folder of interchange tables."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from features.errors import InputError
from features.events import HANDOFF_SCORED
from features.history import History
from features.store import Store
from features.tables import read_tables


@dataclass(frozen=True, eq=False)
class Source:
    """Where events come from. ``data``: a folder of tables, None for the store at ``database_url``."""

    database_url: str
    data: Path | None

    def position(self) -> int | None:
        """The highest position of the log: with ``known_by`` it names the same events for ever. None for a folder."""
        if self.data is not None:
            return None
        with Store.open(self.database_url) as store:
            return store.position()

    def events(self, *, known_by: int, now: int, up_to: int | None = None) -> pa.Table:
        """All events (EVENT_SCHEMA) that had occurred and been recorded by ``known_by``. InputError if none.

        ``up_to``: of the log only what lies at or below this position.
        """
        if self.data is None:
            with Store.open(self.database_url) as store:
                table = store.events(known_by=known_by, up_to=up_to)
        else:
            table = read_tables(self.data, now=now).events
            table = table.filter(
                pc.and_(pc.less_equal(table["occurred_at"], known_by), pc.less_equal(table["recorded_at"], known_by))
            )
        # of no use to a model, and recorded long after the last of what happened
        table = table.filter(pc.not_equal(table["type"], HANDOFF_SCORED))
        if not table.num_rows:
            raise InputError(
                where=str(self),
                expected="events to learn from",
                got="none",
                remedy="Load tables with python -m features.load DIR, or name a folder of tables with --data DIR",
            )
        return table

    def history(self, lead_ids: Sequence[str] | None, *, known_by: int, now: int) -> History:
        """The history of these leads and their colleagues, or of all leads; empty where nothing is known."""
        if self.data is None and lead_ids is not None:
            with Store.open(self.database_url) as store:
                return store.history(lead_ids, known_by=known_by)
        return History.from_table(self.events(known_by=known_by, now=now))

    def __str__(self) -> str:
        return str(self.data) if self.data is not None else "the store"


def digest(events: pa.Table) -> str:
    """12 hexadecimal digits that tell which events these are, in whatever order they come."""
    ordered = events.select(["event_id", "occurred_at", "recorded_at"]).sort_by("event_id")
    seen = hashlib.blake2b(digest_size=6)
    seen.update("\n".join(ordered["event_id"].to_pylist()).encode())
    for name in ("occurred_at", "recorded_at"):
        seen.update(ordered[name].to_numpy().tobytes())
    return seen.hexdigest()
