"""API keys: ``lt_<id>_<secret>``. The secret is shown once; the database holds its SHA-256.

A plain hash is right here: the secret is 256 random bits, which nobody can guess, however fast the hash.

    python -m serving.keys create --name crm [--scopes read] [--quiet]
    python -m serving.keys list
    python -m serving.keys revoke KEY_ID
    python -m serving.keys link [--key KEY_ID] [--hours 12]     a link that signs in to the pages
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from features.errors import InputError, LeadtimeError
from features.events import to_iso
from features.settings import Settings, load_settings
from features.store import Store
from features.store.schema import api_keys
from serving.addresses import base_url

SCOPES = ("read", "ingest", "write", "admin")
_DIGITS = "abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True)
class Key:
    """A key as stored: without its secret. Times in microseconds since 1970 UTC."""

    key_id: str
    name: str
    scopes: frozenset[str]
    created_at: int
    revoked_at: int | None

    def allows(self, scope: str) -> bool:
        return self.revoked_at is None and (scope in self.scopes or "admin" in self.scopes)


class Keys:
    """The keys of one database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, name: str, scopes: Sequence[str], now: int) -> tuple[Key, str]:
        """A new key and its text, which cannot be had again."""
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown or not scopes:
            raise InputError(where="scopes", expected=f"some of {', '.join(SCOPES)}", got=", ".join(unknown) or "none")
        if not name.strip():
            raise InputError(where="name", expected="a name that tells whose key it is", got="an empty one")
        key_id = "".join(secrets.choice(_DIGITS) for _ in range(10))
        secret = secrets.token_urlsafe(32)
        row: dict[str, Any] = {
            "key_id": key_id,
            "name": name.strip(),
            "hash": _hash(secret),
            "scopes": " ".join(sorted(set(scopes))),
            "created_at": now,
        }
        with self._store.writing() as connection:
            connection.execute(api_keys.insert().values(row))
        return Key(key_id, row["name"], frozenset(scopes), now, None), f"lt_{key_id}_{secret}"

    def all(self) -> list[Key]:
        with self._store.engine.connect() as connection:
            rows = connection.execute(sa.select(api_keys).order_by(api_keys.c.created_at, api_keys.c.key_id))
            return [_key(row) for row in rows]

    def find(self, key_id: str) -> Key | None:
        row = self._row(key_id)
        return None if row is None else _key(row)

    def revoke(self, key_id: str, now: int) -> Key:
        """From now on the key opens nothing. InputError when there is no such key."""
        change = api_keys.update().where(api_keys.c.key_id == key_id, api_keys.c.revoked_at.is_(None))
        with self._store.writing() as connection:
            connection.execute(change.values(revoked_at=now))
        key = self.find(key_id)
        if key is None:
            raise InputError(
                where="key", expected="the id of a key", got=repr(key_id), remedy="python -m serving.keys list"
            )
        return key

    def verify(self, text: str) -> Key | None:
        """The key that this text opens; None for an unknown, wrong or revoked one."""
        prefix, _, rest = text.partition("_")
        key_id, _, secret = rest.partition("_")
        if prefix != "lt" or not key_id.isalnum() or not key_id.isascii() or not secret:
            return None
        row = self._row(key_id)
        given = _hash(secret)
        if row is None or not hmac.compare_digest(given, row.hash) or row.revoked_at is not None:
            return None
        return _key(row)

    def _row(self, key_id: str) -> sa.Row[Any] | None:
        with self._store.engine.connect() as connection:
            return connection.execute(sa.select(api_keys).where(api_keys.c.key_id == key_id)).first()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(row: sa.Row[Any]) -> Key:
    return Key(row.key_id, row.name, frozenset(row.scopes.split()), row.created_at, row.revoked_at)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m serving.keys", description="API keys of the service")
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", help="make a key and show it, once")
    create.add_argument("--name", required=True, help="whose key it is")
    create.add_argument("--scopes", default="read", help=f"separated by commas: {', '.join(SCOPES)} (read)")
    create.add_argument("--quiet", action="store_true", help="print the key alone")
    commands.add_parser("list", help="show all keys, without their secrets")
    revoke = commands.add_parser("revoke", help="make a key open nothing from now on")
    revoke.add_argument("key_id")
    link = commands.add_parser("link", help="print a link that signs a browser in to the pages")
    link.add_argument("--key", help="sign in as this key (else as the key named sign-in, made when missing)")
    link.add_argument("--hours", type=float, default=12.0, help="how long the link can be used (12)")
    return parser.parse_args(argv)


def _create(keys: Keys, arguments: argparse.Namespace, now: int) -> None:
    key, text = keys.create(arguments.name, [s for s in arguments.scopes.replace(",", " ").split() if s], now)
    if arguments.quiet:
        print(text)
        return
    print(f"{text}\n\nKey {key.key_id} for {key.name}, scopes {' '.join(sorted(key.scopes))}. It is not shown again.")


def _list(keys: Keys) -> None:
    found = keys.all()
    if not found:
        print("No keys yet. Make one: python -m serving.keys create --name crm")
    for key in found:
        state = "active" if key.revoked_at is None else f"revoked {to_iso(key.revoked_at)[:10]}"
        scopes = ",".join(sorted(key.scopes))
        print(f"{key.key_id}  {state:<18}  {scopes:<12}  made {to_iso(key.created_at)[:10]}  {key.name}")


def _link(store: Store, keys: Keys, arguments: argparse.Namespace, settings: Settings, now: int) -> None:
    from serving.sign_in import SIGN_IN_NAME, SignIn, signing_secret  # noqa: PLC0415 - the other commands do without

    if not 0 < arguments.hours <= 24 * 30:
        raise InputError(where="--hours", expected="more than 0 and at most 720", got=f"{arguments.hours:g}")
    if arguments.key:
        key = keys.find(arguments.key)
    else:
        named = [k for k in keys.all() if k.name == SIGN_IN_NAME and k.allows("read")]
        key = named[0] if named else keys.create(SIGN_IN_NAME, ["read"], now)[0]
    if key is None or not key.allows("read"):
        raise InputError(where="--key", expected="the id of an active key with scope read", got=repr(arguments.key))
    token = SignIn(signing_secret(store, now)).token(key.key_id, now + int(arguments.hours * 3600 * 1_000_000))
    print(f"{base_url(settings.host, settings.port)}/login?token={token}")


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _arguments(argv)
    now = time.time_ns() // 1000
    try:
        settings = load_settings()
        with Store.open(settings.database_url, migrate=True) as store:
            keys = Keys(store)
            if arguments.command == "create":
                _create(keys, arguments, now)
            elif arguments.command == "list":
                _list(keys)
            elif arguments.command == "revoke":
                key = keys.revoke(arguments.key_id, now)
                print(f"Key {key.key_id} ({key.name}) is revoked.")
            else:
                _link(store, keys, arguments, settings, now)
    except LeadtimeError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
