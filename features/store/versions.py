"""Whether anything in a database has changed, asked without reading it."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path

import sqlalchemy as sa


class Versions:
    """Of one SQLite file: some microseconds for each look. PostgreSQL has nothing like it, so there every look differs.

    Safe to share between threads.
    """

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._file = Path(engine.url.database or "") if engine.dialect.name == "sqlite" else None
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[int, int] | None = None  # the file that the connection is to
        self._times_opened = 0
        self._lock = threading.Lock()

    def now(self) -> object:
        """Equal to an earlier one only if no connection has committed anything in between."""
        if self._file is None:
            return object()
        with self._lock:
            try:
                found = os.stat(self._file)  # noqa: PTH116 - as short as can be: this is asked with every request
                if self._connection is None or self._opened != (found.st_dev, found.st_ino):
                    self._open((found.st_dev, found.st_ino))
                # https://www.sqlite.org/pragma.html#pragma_data_version: comparable on one connection alone
                (version,) = self._connection.execute("PRAGMA data_version").fetchone()  # type: ignore[union-attr]
            except (OSError, sqlite3.Error, sa.exc.DBAPIError):
                return object()  # whoever reads next is told what is wrong
            return self._times_opened, version

    def _open(self, file: tuple[int, int]) -> None:
        self._drop()
        taken = self._engine.raw_connection()
        self._connection, self._opened = taken.driver_connection, file
        taken.detach()  # it is the pool's no more
        self._times_opened += 1

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
