"""Who is signed in to the pages: sessions that end on the server, and links that sign in once."""

from __future__ import annotations

import hashlib
import secrets

import sqlalchemy as sa

from features.events import SECOND
from features.store import Store
from features.store.protection import sessions, used_links

SESSION_SECONDS = 12 * 3600


class SessionStore:
    """The sessions of one database. A cookie that was copied is worth nothing once its session has ended."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def open(self, key_id: str, now: int) -> str:
        """A new session: its secret, of which the database holds a hash."""
        secret = secrets.token_urlsafe(32)
        row = {"hash": _hash(secret), "key_id": key_id, "created_at": now, "until": now + SESSION_SECONDS * SECOND}
        with self._store.writing() as connection:
            connection.execute(sessions.insert(), row)
        return secret

    def key_id(self, secret: str, now: int) -> str | None:
        """The key that the session was opened with; None when there is no such session any more."""
        query = sa.select(sessions.c.key_id).where(sessions.c.hash == _hash(secret), sessions.c.until >= now)
        with self._store.reading() as connection:
            return connection.execute(query).scalar()

    def close(self, secret: str) -> None:
        with self._store.writing() as connection:
            connection.execute(sessions.delete().where(sessions.c.hash == _hash(secret)))

    def redeem(self, nonce: str, until: int) -> bool:
        """Whether the link is used for the first time."""
        try:
            with self._store.writing() as connection:
                connection.execute(used_links.insert(), {"nonce": nonce, "until": until})
        except sa.exc.IntegrityError:
            return False
        return True

    def forget_ended(self, now: int) -> None:
        with self._store.writing() as connection:
            connection.execute(sessions.delete().where(sessions.c.until < now))
            connection.execute(used_links.delete().where(used_links.c.until < now))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
