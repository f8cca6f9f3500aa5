"""A lease in the database: of all processes and machines on it, one at a time does a kind of work."""

from __future__ import annotations

import os
import secrets
import socket
import time

import sqlalchemy as sa

from features.store import Store
from features.store.work import leases

LEASE_SECONDS = 30.0

# By the clock of the database, the one that all holders share: a machine whose clock is wrong neither takes a lease
# that others still hold nor keeps one for ever. SQLite's is that of the one machine on which its file lies.
_NOW = {
    "sqlite": "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)",
    "postgresql": "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)",
}


class LeaseLost(Exception):
    """Another took the lease over: what was begun under it must not be written."""


class Lease:
    """One holder's view of the lease ``name``: ``seconds`` long, renewed while it works, free again when it dies."""

    def __init__(self, store: Store, name: str, *, seconds: float = LEASE_SECONDS) -> None:
        self.name, self._store, self._seconds = name, store, seconds
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._token: int | None = None
        self._renewed = 0.0
        now, length = _NOW[store.engine.dialect.name], int(seconds * 1_000_000)
        self._is_held = sa.text(f"SELECT 1 FROM leases WHERE name = :name AND expires_at > {now}")  # noqa: S608
        self._take = sa.text(
            f"INSERT INTO leases (name, holder, token, expires_at) VALUES (:name, :holder, 1, {now} + {length}) "  # noqa: S608
            "ON CONFLICT (name) DO UPDATE SET holder = :holder, token = leases.token + 1, "
            f"expires_at = {now} + {length} WHERE leases.expires_at <= {now} RETURNING token"
        )
        self._until = sa.text(f"{now} + {length}")

    @property
    def token(self) -> int | None:
        """Rises whenever the lease changes hands; None while it is not ours."""
        return self._token

    def hold(self) -> bool:
        """Take the lease if it is free, renew it when a third of it has passed; whether it is ours."""
        if self._token is None:
            return self._acquire()
        if time.monotonic() - self._renewed >= self._seconds / 3:
            try:
                with self._store.writing() as connection:
                    self.guard(connection)
            except LeaseLost:
                return False
        return True

    def guard(self, connection: sa.Connection) -> None:
        """Call first in each transaction that writes under the lease: LeaseLost when it is not ours any more.

        It renews the lease too, and nobody can take it over before the transaction has ended.
        """
        mine = (leases.c.name == self.name, leases.c.holder == self.holder, leases.c.token == self._token)
        renewed = connection.execute(leases.update().where(*mine).values(expires_at=self._until)).rowcount
        if self._token is None or renewed == 0:
            self._token = None
            raise LeaseLost(self.name)
        self._renewed = time.monotonic()

    def release(self) -> None:
        """Let others have it at once."""
        token, self._token = self._token, None
        if token is not None:
            mine = (leases.c.name == self.name, leases.c.holder == self.holder, leases.c.token == token)
            with self._store.writing() as connection:
                connection.execute(leases.update().where(*mine).values(expires_at=0))

    def _acquire(self) -> bool:
        parameters = {"name": self.name, "holder": self.holder}
        with self._store.reading() as connection:
            if connection.execute(self._is_held, {"name": self.name}).first() is not None:
                return False
        with self._store.writing() as connection:
            self._token = connection.execute(self._take, parameters).scalar()
        self._renewed = time.monotonic()
        return self._token is not None
