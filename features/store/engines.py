"""An SQLAlchemy engine for a database URL, set up so that what is acknowledged is on disk."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError

from features.errors import InputError, StoreUnavailable

WRITE = "leadtime_write"  # execution option of a connection whose transactions write
BUSY_SECONDS = 30


def make_engine(url: str, *, create: bool) -> sa.Engine:
    """The engine of a SQLite file or a PostgreSQL database.

    ``create``: make a missing SQLite file and its folder; without it a missing file is StoreUnavailable.
    Raises InputError for any other kind of database.
    """
    try:
        parsed = sa.make_url(url)
    except ArgumentError:
        raise _unusable("a text that is no database URL") from None
    backend = parsed.drivername.partition("+")[0]
    if backend in ("postgresql", "postgres"):
        return _postgres(parsed)
    if backend == "sqlite":
        return _sqlite(parsed, create=create)
    raise _unusable(parsed.render_as_string(hide_password=True))


def _unusable(got: str) -> InputError:
    return InputError(
        where="database_url",
        expected="sqlite:///path/to/file.db or postgresql://user:password@host:port/database",
        got=got,
        remedy="Set LEADTIME_DATABASE_URL",
    )


def _postgres(url: sa.URL) -> sa.Engine:
    return sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        # A connection that a restarted server dropped is replaced instead of failing the next request.
        pool_pre_ping=True,
        pool_recycle=1800,
        pool_size=8,
        max_overflow=24,
        hide_parameters=True,  # an error must not carry a lead's data into the log
        connect_args={"connect_timeout": 5, "application_name": "leadtime"},
    )


def _sqlite(url: sa.URL, *, create: bool) -> sa.Engine:
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise _unusable(url.render_as_string())
    path = Path(url.database)
    if create:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnavailable(f"cannot make the folder of {path}: {error.strerror}") from None
    elif not path.exists():
        raise StoreUnavailable(f"there is no database at {path}; `python -m features.load DIR` makes one")
    engine = sa.create_engine(
        url.set(drivername="sqlite+pysqlite"),
        pool_size=8,
        max_overflow=24,
        hide_parameters=True,
        connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
    )

    @sa.event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # no transactions behind our back: SQLAlchemy's begin is the one
        _use_wal(connection)
        for pragma in (
            f"busy_timeout = {BUSY_SECONDS * 1000}",
            "synchronous = FULL",  # a commit that returned survives a power cut
            "foreign_keys = ON",
            "secure_delete = ON",  # what is erased is overwritten
            "cache_size = -65536",  # 64 MiB: the index of event ids is hit at random places
            "temp_store = MEMORY",
            "wal_autocheckpoint = 10000",  # 40 MB: a page that many appends touch is copied back once
        ):
            connection.execute(f"PRAGMA {pragma}").close()

    _watch_file(engine, path)

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # A transaction that writes takes its turn at once: one that starts as a reader and then writes fails,
        # without waiting, when another wrote in between.
        write = connection.get_execution_options().get(WRITE, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _watch_file(engine: sa.Engine, path: Path) -> None:
    """Notice that the file was moved, deleted or replaced, instead of writing on into one that nobody will find."""

    def identity() -> tuple[int, int]:
        try:
            found = path.stat()
        except OSError:
            raise StoreUnavailable(f"the database {path} was moved or deleted while it was open") from None
        return found.st_dev, found.st_ino

    seen: list[tuple[int, int]] = []

    @sa.event.listens_for(engine, "do_connect")
    def _not_anew(*_: Any) -> None:
        if seen:  # SQLite would make an empty file in its place
            identity()

    @sa.event.listens_for(engine, "connect")
    def _remember(_connection: sqlite3.Connection, record: Any) -> None:
        record.info["file"] = identity()
        seen[:] = [record.info["file"]]

    @sa.event.listens_for(engine, "checkout")
    def _look(_connection: sqlite3.Connection, record: Any, _proxy: Any) -> None:
        if record.info["file"] != identity():
            raise sa.exc.DisconnectionError  # replaced, as by a restored backup: the pool connects to the new one


def _use_wal(connection: sqlite3.Connection) -> None:
    """Write-ahead logging: readers and the writer do not wait for one another.

    The file keeps the mode. Changing it does not wait for its turn, so when several open a new file it is tried
    again.
    """
    until = time.monotonic() + BUSY_SECONDS
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL").close()
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
