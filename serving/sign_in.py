"""Signing in to the pages: a session cookie for the holder of a key, and links that bring one.

Both are signed with one secret that lies in the database, so that every worker and machine accepts them and a
restart signs nobody out. Whoever can read the database could sign in; it holds the data itself.
"""

from __future__ import annotations

import secrets
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
    with store.engine.connect() as connection:
        found = connection.execute(wanted).scalar()
    if found is not None:
        return str(found)
    make = sa.text(
        "INSERT INTO secrets (name, value, created_at) VALUES (:name, :value, :now) ON CONFLICT (name) DO NOTHING"
    )
    with store.writing() as connection:
        connection.execute(make, {"name": _SECRET, "value": secrets.token_urlsafe(32), "now": now})
        return str(connection.execute(wanted).scalar_one())


class SignIn:
    """Signed tokens that name a key and when they end (microseconds since 1970 UTC)."""

    def __init__(self, secret: str) -> None:
        self._signer = URLSafeSerializer(secret, salt="sign-in-link")

    def token(self, key_id: str, until: int) -> str:
        return str(self._signer.dumps([key_id, until]))

    def key_id(self, token: str, now: int) -> str | None:
        """The key that the token names; None when it is forged or has ended."""
        try:
            content: Any = self._signer.loads(token)
        except BadSignature:
            return None
        key_id, until = content
        return str(key_id) if now <= until else None
