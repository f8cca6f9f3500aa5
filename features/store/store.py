"""The log: events are appended, never changed, and read back as columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType, TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from features.errors import InputError, StoreUnavailable
from features.events import ENDINGS, EVENT_SCHEMA, HANDOFF, HANDOFF_SCORED, IDENTIFY
from features.history import History
from features.identity import Identity
from features.store import erasure, migrate, postgres, sqlite
from features.store.aliases import Links
from features.store.derived import derive
from features.store.engines import WRITE, make_engine
from features.store.facts import LeadFacts, facts_of
from features.store.schema import MAX_NAME, STATEMENT, events
from features.store.spend import insert_spend, read_spend
from features.store.versions import Versions

# When a bulk reader pays: its own connection takes 0.1 s to set up.
_BULK_FROM_LEADS = 1_000
_BULK_FROM_EVENTS = 20_000


@dataclass(frozen=True, slots=True)
class Appended:
    """How many events of one call were new, and how many were in the log (or earlier in the call) already.

    ``erased``: how many were dropped because their lead was erased.
    """

    accepted: int
    duplicates: int
    erased: int = 0


class Store:
    """The log in one database. Safe to share between threads; open one in each process.

    Every method raises StoreUnavailable when the database cannot be reached.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self._dialect: ModuleType = sqlite if engine.dialect.name == "sqlite" else postgres
        self._versions = Versions(engine)
        self._pulse: tuple[object, tuple[int, int]] = (None, (0, 0))
        self.on_append: Callable[[Appended], None] = lambda _: None  # is told of each append that is on disk

    @classmethod
    def open(cls, url: str, *, migrate: bool = False) -> Store:
        """Open the database at ``url``: ``sqlite:///file`` or ``postgresql://...``.

        ``migrate``: make what is missing (file, tables, newer schema) first. Without it StoreUnavailable is
        raised, with the remedy, unless the schema is the one that this code needs.
        """
        store = cls(make_engine(url, create=migrate))
        try:
            store._check(upgrade=migrate)
        except BaseException:
            store.close()
            raise
        return store

    def _check(self, *, upgrade: bool) -> None:
        with self.reading() as connection:
            current = migrate.is_current(connection)
            if not upgrade:
                migrate.require_current(connection)
        if upgrade and not current:
            with self.writing() as connection:
                migrate.upgrade(connection)

    def close(self) -> None:
        """Close all connections; one that another thread still works with, when that comes back."""
        self._versions.close()
        sa.event.listen(self.engine.pool, "checkin", lambda _, entry: entry.close())
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """Turn a database that cannot be reached, is full, locked or damaged into StoreUnavailable."""
        driver = self.engine.dialect.loaded_dbapi
        try:
            yield
        except (sa.exc.DBAPIError, sa.exc.TimeoutError, driver.Error, postgres.BulkError) as error:
            cause = getattr(error, "orig", None) or error
            # A file that is no database is a DatabaseError; what is more special than that is a fault in a statement.
            away = (sa.exc.TimeoutError, driver.OperationalError, driver.InterfaceError, postgres.BulkError)
            if not isinstance(cause, away) and type(cause) is not driver.DatabaseError:
                raise
            where = self.engine.url.render_as_string(hide_password=True)
            what = " ".join(str(cause).split())  # in one line
            raise StoreUnavailable(f"the database {where} cannot be used: {what}") from error

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection to read with."""
        with self._reaching(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that may write; committed, and on disk, when the block ends without an error."""
        with self._reaching(), self.engine.connect() as plain:
            connection = plain.execution_options(**{WRITE: True})
            with connection.begin():
                yield connection

    def append(self, table: pa.Table, *, also: Callable[[sa.Connection], None] | None = None) -> Appended:
        """Append events (EVENT_SCHEMA): all of them or, on an error, none. They are on disk on return.

        An event whose event_id is in the log already, or came earlier in the table, is left out and counted as a
        duplicate; one of a lead that was erased is dropped. Raises InputError for a table or a name that the log cannot
        hold. ``also``: what else to write in the same transaction.
        """
        table = _checked(table)
        if table.num_rows == 0 and also is None:
            return Appended(0, 0)
        with self.writing() as connection:
            appended = self.append_in(connection, table)
            if also is not None:
                also(connection)
        self.on_append(appended)
        return appended

    def lock_log(self, connection: sa.Connection) -> None:
        """Until the transaction of ``connection`` ends nobody else appends."""
        self._dialect.lock_log(connection)

    def append_in(self, connection: sa.Connection, table: pa.Table) -> Appended:
        """The same of a table whose names are in order, in a transaction of ``writing`` with what else is written."""
        self._dialect.lock_log(connection)
        kept = erasure.without_erased(connection, table)
        has_traits = pc.any(pc.equal(kept["type"], IDENTIFY)).as_py()
        before = _position(connection)
        accepted = self._dialect.insert_events(connection, kept) if kept.num_rows else 0
        if has_traits and accepted:
            derive(connection, self._dialect, after=before)
        return Appended(accepted, kept.num_rows - accepted, table.num_rows - kept.num_rows)

    def position(self) -> int:
        """The highest position in the log, 0 when it is empty.

        Positions rise in the order in which appends commit: what lies at or below a position that was seen once
        stays the same from then on. ``events(up_to=...)`` gives exactly that.
        """
        with self.reading() as connection:
            return _position(connection)

    def pulse(self, version: object = None) -> tuple[int, int]:
        """The position, and a number that rises with each erasure: while both are the same, so is the log.

        ``version``: as ``version`` gave it a moment ago.
        """
        version, known = version or self.version(), self._pulse
        if known[0] == version:
            return known[1]
        with self.reading() as connection:
            position, erasures = connection.exec_driver_sql(_PULSE).one()
        found = position or 0, erasures or 0
        self._pulse = version, found
        return found

    def version(self) -> object:
        """Equal to an earlier one only if nothing in the database has changed since (features/store/versions.py)."""
        return self._versions.now()

    def events(
        self,
        lead_ids: Sequence[str] | None = None,
        *,
        known_by: int | None = None,
        up_to: int | None = None,
        colleagues: bool = False,
    ) -> pa.Table:
        """Events (EVENT_SCHEMA) in log order: of the given leads, or of all.

        Each under the lead that its own turned out to be, as recorded when both were known (features/identity.py); an
        alias stands for its lead.
        ``known_by``: only what had occurred and been recorded by then (microseconds since 1970 UTC).
        ``up_to``: only what lies at or below this position of the log. ``colleagues``: theirs as well, as ``history``
        takes them.
        """
        return self._read(lead_ids, known_by, up_to, colleagues=colleagues)

    def history(
        self, lead_ids: Sequence[str] | None = None, *, known_by: int | None = None, up_to: int | None = None
    ) -> History:
        """The history of the given leads and of their colleagues, or of all leads.

        A colleague is a lead that ever had an account_id which the given lead ever had. Leads of whom nothing is
        known are not in it.
        """
        return History.from_table(self._read(lead_ids, known_by, up_to, colleagues=True))

    def _read(
        self,
        lead_ids: Sequence[str] | None,
        known_by: int | None,
        up_to: int | None,
        *,
        colleagues: bool,
        only: str | None = None,
    ) -> pa.Table:
        """``only``: of these events alone, and as they stand in the log, aliases apart."""
        terms = [only] if only else []
        if known_by is not None:
            terms.append(f"occurred_at <= {int(known_by)} AND recorded_at <= {int(known_by)}")
        if up_to is not None:
            terms.append(f"position <= {int(up_to)}")
        many = lead_ids is None or len(lead_ids) >= _BULK_FROM_LEADS
        bulk = self._dialect is postgres and many and self.position() >= _BULK_FROM_EVENTS
        with self.reading() as connection:
            links = Links(connection, self._dialect, known_by, up_to)
            if only:
                identity = Identity()
            elif lead_ids is None:
                identity = links.all()
            else:
                identity, lead_ids = self._asked(connection, links, lead_ids, colleagues=colleagues)
            if lead_ids is not None:
                terms.append("lead_id IN (SELECT lead_id FROM given)" if bulk else f"lead_id {self._dialect.GIVEN}")
            condition = "WHERE " + " AND ".join(terms) if terms else ""
            if bulk:
                found = postgres.read_bulk(self.engine.url, condition, lead_ids)
            else:
                found = self._dialect.read_events(connection, condition, self._given(lead_ids))
        return identity.resolve(found)

    def _asked(
        self, connection: sa.Connection, links: Links, lead_ids: Sequence[str], *, colleagues: bool
    ) -> tuple[Identity, list[str]]:
        """Under which ids events of these leads, and of their colleagues, lie in the log."""
        identity = links.around(lead_ids)
        ids = identity.spread(lead_ids)
        if colleagues:
            all_ids = self._with_colleagues(connection, ids)
            if len(all_ids) > len(ids):
                identity = links.around(all_ids)
                ids = identity.spread(all_ids)
        return identity, ids

    def _given(self, lead_ids: Sequence[str] | None) -> dict[str, object]:
        return {} if lead_ids is None else {"leads": self._dialect.lead_list(lead_ids)}

    def _with_colleagues(self, connection: sa.Connection, lead_ids: Sequence[str]) -> list[str]:
        # A query of its own: a planner that has to guess how many colleagues there are reads the whole log.
        statement = (
            "SELECT theirs.lead_id FROM lead_accounts AS ours "  # noqa: S608
            "JOIN lead_accounts AS theirs ON theirs.account_id = ours.account_id "
            f"WHERE ours.lead_id {self._dialect.GIVEN}"
        )
        theirs = connection.exec_driver_sql(statement, self._given(lead_ids)).scalars()
        return list(dict.fromkeys([*lead_ids, *theirs]))

    def canonical(self, lead_ids: Sequence[str], *, known_by: int | None = None) -> dict[str, str]:
        """The lead that each of these ids stands for: itself, unless it is an alias by then."""
        with self.reading() as connection:
            identity = Identity(Links(connection, self._dialect, known_by).above(lead_ids))
        return {lead_id: identity.lead_of(lead_id) for lead_id in lead_ids}

    def aliases_of(self, lead_ids: Sequence[str]) -> list[str]:
        """The leads that these ids stand for, and all ids that lead to them: everything that is said of them."""
        with self.reading() as connection:
            return Links(connection, self._dialect).around(lead_ids).spread(lead_ids)

    def lead_ids(self, *, known_by: int | None = None, open_only: bool = False) -> list[str]:
        """The leads with an event that is no bot's, sorted; ``open_only``: without those that have ended."""
        seen = [sa.not_(events.c.bot)]
        if known_by is not None:
            seen += [events.c.occurred_at <= known_by, events.c.recorded_at <= known_by]
        # Written out, so that the partial index of endings is used.
        ending = events.c.type.in_([sa.literal_column(f"'{name}'") for name in ENDINGS])
        with self.reading() as connection:
            identity = Links(connection, self._dialect, known_by).all()
            found = set(connection.execute(sa.select(events.c.lead_id).where(*seen).distinct()).scalars())
            if open_only:
                ended = set(connection.execute(sa.select(events.c.lead_id).where(ending, *seen)).scalars())
                found = set(map(identity.lead_of, found)) - set(map(identity.lead_of, ended))
        return sorted(set(map(identity.lead_of, found)))

    def changed_leads(self, *, after: int, up_to: int) -> list[str]:
        """The leads whose features may differ for what lies above one position of the log and at or below another:
        those it happened to and their colleagues. A handoff, which the service itself appends, and its score computed
        afterwards change nothing.
        """
        silent = events.c.type.in_([HANDOFF, HANDOFF_SCORED])
        new = (events.c.position > after, events.c.position <= up_to, sa.not_(events.c.bot), sa.not_(silent))
        query = sa.select(events.c.lead_id).where(*new).distinct()
        with self.reading() as connection:
            changed = sorted(connection.execute(query).scalars())
            links = Links(connection, self._dialect)
            identity, ids = self._asked(connection, links, changed, colleagues=True)
        return sorted(set(map(identity.lead_of, ids)))

    def lead_facts(self, lead_ids: Sequence[str]) -> dict[str, LeadFacts]:
        """For each of these ids whose lead is known: its first event that is no ending, and its first ending."""
        if not lead_ids:
            return {}
        statement = (
            "SELECT lead_id, type, min(occurred_at) FROM events "  # noqa: S608
            f"WHERE lead_id {self._dialect.GIVEN} AND NOT bot GROUP BY lead_id, type"
        )
        with self.reading() as connection:
            identity = Links(connection, self._dialect).around(lead_ids)
            rows = connection.exec_driver_sql(statement, self._given(identity.spread(lead_ids))).all()
        facts = facts_of((identity.lead_of(lead), kind, at) for lead, kind, at in rows)
        return {asked: facts[lead] for asked in lead_ids if (lead := identity.lead_of(asked)) in facts}

    def statements(self, lead_ids: Sequence[str]) -> pa.Table:
        """What was said about these ids: their identify and need_declared events (EVENT_SCHEMA), without bots'.

        As they stand in the log, aliases apart: what an export told of an id is held against what it tells of it now.
        """
        return self._read(lead_ids, None, None, colleagues=False, only=f"{STATEMENT} AND NOT bot")

    def append_spend(self, table: pa.Table) -> Appended:
        """Append spend (SPEND_SCHEMA); a row that is there already is left out and counted as a duplicate."""
        if table.num_rows == 0:
            return Appended(0, 0)
        with self.writing() as connection:
            self._dialect.lock_log(connection)
            accepted = insert_spend(connection, table)
        return Appended(accepted, table.num_rows - accepted)

    def spend(self, *, known_by: int | None = None) -> pa.Table:
        """Spend (SPEND_SCHEMA), one row for each channel, campaign and date: the one recorded last counts."""
        with self.reading() as connection:
            return read_spend(connection, known_by)


def _position(connection: sa.Connection) -> int:
    return connection.execute(_HIGHEST).scalar() or 0


_PULSE = "SELECT (SELECT max(position) FROM events), (SELECT max(position) FROM erased_leads)"
_HIGHEST = sa.select(sa.func.max(events.c.position))


def _checked(table: pa.Table) -> pa.Table:
    """The table in EVENT_SCHEMA. InputError when it is not, or holds what a database cannot."""
    try:
        table = table.select(EVENT_SCHEMA.names).cast(EVENT_SCHEMA)
    except (KeyError, ValueError) as error:
        raise InputError(where="events", expected="a table of EVENT_SCHEMA", got=str(error)) from None
    for name in ("event_id", "lead_id", "type", "channel", "campaign", "properties"):
        column = table[name]
        if pc.any(pc.match_substring(column, "\x00")).as_py():
            raise InputError(where=name, expected="text without the character NUL", got="one with it")
        if name == "properties":
            continue
        if (pc.max(pc.utf8_length(column)).as_py() or 0) > MAX_NAME:
            raise InputError(where=name, expected=f"at most {MAX_NAME} characters", got="more")
        if name in ("event_id", "lead_id", "type") and pc.any(pc.equal(column, "")).as_py():
            raise InputError(where=name, expected="a text", got="an empty one")
    return table
