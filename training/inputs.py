"""What a job reads: the log of the store, or a folder of interchange tables."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from features.errors import InputError
from features.events import DAY, EVENT_SCHEMA, HANDOFF_SCORED, parse_time
from features.history import History
from features.settings import MOST_SEED, Settings
from features.store import Store
from features.store.schema import rejected_events
from features.tables import read_tables

_REASONS = 20  # of refusals that are told apart


def moment_known(as_known_at: str | None, *, now: int) -> int:
    """Microseconds of the option --as-known-at, ``now`` without it. InputError for one in the future; the day in which
    it is still yesterday elsewhere is none.
    """
    if as_known_at is None:
        return now
    found = parse_time(as_known_at, where="--as-known-at")
    if found > now + DAY:
        raise InputError(where="--as-known-at", expected="a time that is not in the future", got=as_known_at)
    return found


def seed_asked(given: int | None, settings: Settings) -> int:
    """The option --seed, that of the settings without it. InputError for one that not everything takes that draws."""
    if given is None:
        return settings.seed
    if not 0 <= given <= MOST_SEED:
        raise InputError(where="--seed", expected=f"a whole number from 0 to {MOST_SEED:,}", got=str(given))
    return given


@dataclass(frozen=True, eq=False)
class Read:
    """What was read at once. ``events``: EVENT_SCHEMA; ``position``: of the log, None for a folder; ``refused``: what
    could not be taken, by reason; ``erasures``: how many leads had been erased from the log.
    """

    events: pa.Table
    position: int | None = None
    refused: dict[str, int] = field(default_factory=dict)
    erasures: int = 0


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
            table = _known(read_tables(self.data, now=now).events, known_by)
        return self._some(table)

    def read(self, *, known_by: int, now: int, up_to: int | None = None) -> Read:
        """The same with what else a training run tells of them. ``up_to``: the log's newest position without one."""
        if self.data is not None:
            tables = read_tables(self.data, now=now)
            refused = Counter(f"{reject.file}: {reject.reason}" for reject in tables.rejects)
            return Read(self._some(_known(tables.events, known_by)), refused=_most(refused))
        with Store.open(self.database_url) as store:
            position = store.position() if up_to is None else up_to
            events = store.events(known_by=known_by, up_to=position)
            refused = _rejected(store, known_by)
            return Read(self._some(events), position, _most(refused), store.pulse()[1])

    def _some(self, table: pa.Table) -> pa.Table:
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


def _known(table: pa.Table, known_by: int) -> pa.Table:
    return table.filter(
        pc.and_(pc.less_equal(table["occurred_at"], known_by), pc.less_equal(table["recorded_at"], known_by))
    )


def _rejected(store: Store, known_by: int) -> Counter[str]:
    """What intake refused by then and is still kept."""
    reason = rejected_events.c.reason
    query = sa.select(reason, sa.func.count()).where(rejected_events.c.received_at <= known_by).group_by(reason)
    with store.reading() as connection:
        return Counter({f"intake: {why}": int(n) for why, n in connection.execute(query)})


def _most(refused: Counter[str]) -> dict[str, int]:
    """The most frequent reasons; what came is left out of them, for it differs each time."""
    merged: Counter[str] = Counter()
    for reason, n in refused.items():
        merged[reason.split(", got ", 1)[0]] += n
    kept = dict(sorted(merged.items(), key=lambda item: (-item[1], item[0]))[:_REASONS])
    rest = merged.total() - sum(kept.values())
    return kept | ({"other reasons": rest} if rest else {})


def digest(events: pa.Table) -> str:
    """12 hexadecimal digits that tell which events these are, whatever is in them and in whatever order they come."""
    ordered = events.select(EVENT_SCHEMA.names).sort_by("event_id")
    seen = hashlib.blake2b(digest_size=6)
    for name, kind in zip(EVENT_SCHEMA.names, EVENT_SCHEMA.types, strict=True):
        column = ordered[name]
        if not pa.types.is_string(kind):
            seen.update(column.to_numpy().tobytes())
            continue
        for empty in (pc.is_null(column).to_numpy(), pc.fill_null(pc.binary_length(column), 0).to_numpy()):
            seen.update(np.ascontiguousarray(empty).tobytes())
        seen.update("".join(column.drop_null().to_pylist()).encode())
    return seen.hexdigest()
