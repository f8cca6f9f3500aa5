"""Signing in to the pages: a session cookie for the holder of a key, and links that bring one.

Both are signed with one secret that lies in the database, so that every worker and machine accepts them and a
restart signs nobody out. Whoever can read the database could sign in; it holds the data itself.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from itsdangerous import BadSignature, URLSafeSerializer

from features.store import Store
from features.store.schema import secrets as secrets_table

SIGN_IN_NAME = "sign-in"  # the name of the key that `python -m serving.keys link` uses
_SECRET = "session"  # noqa: S105 - the name of the row, not the secret


def signing_secret(store: Store, now: int) -> str:
    """The secret of this database; made by whoever asks first."""
    wanted = sa.select(secrets_table.c.value).where(secrets_table.c.name == _SECRET)
    with store.reading() as connection:
        found = connection.execute(wanted).scalar()
    if found is not None:
        return str(found)
    make = sa.text(
        "INSERT INTO secrets (name, value, created_at) VALUES (:name, :value, :now) ON CONFLICT (name) DO NOTHING"
    )
    with store.writing() as connection:
        connection.execute(make, {"name": _SECRET, "value": secrets.token_urlsafe(32), "now": now})
        return str(connection.execute(wanted).scalar_one())


@dataclass(frozen=True, slots=True)
class Link:
    """What a sign-in link says. ``until``: microseconds since 1970 UTC. ``nonce``: tells it from every other."""

    key_id: str
    until: int
    nonce: str


class SignIn:
    """Signed tokens that name a key and when they end. That each is used once, ``SessionStore.redeem`` sees to."""

    def __init__(self, secret: str) -> None:
        self._signer = URLSafeSerializer(secret, salt="sign-in-link")

    def token(self, key_id: str, until: int) -> str:
        return str(self._signer.dumps([key_id, until, secrets.token_urlsafe(12)]))

    def read(self, token: str, now: int) -> Link | None:
        """None when the token is forged or has ended."""
        try:
            content: Any = self._signer.loads(token)
        except BadSignature:
            return None
        if len(content) != 3:  # made by a version whose links could be used again
            return None
        link = Link(*content)
        return link if now <= link.until else None
