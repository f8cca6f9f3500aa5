"""API keys: ``lt_<id>_<secret>``. The secret is shown once; the database holds its SHA-256.

A plain hash is right here: the secret is 256 random bits, which nobody can guess, however fast the hash.

    python -m serving.keys create --name crm [--scopes read] [--expires 90d] [--quiet]
    python -m serving.keys list
    python -m serving.keys rotate KEY_ID [--grace 24h]          a new secret; the old one opens until the grace ends
    python -m serving.keys revoke KEY_ID
    python -m serving.keys link [--key KEY_ID] [--hours 12]     a link that signs in to the pages
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import re
import secrets
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from features.errors import InputError, LeadtimeError
from features.events import DAY, SECOND, to_iso
from features.settings import Settings, load_settings
from features.store import Store
from features.store.schema import api_keys
from serving.addresses import base_url
from serving.audit.log import command, write

SCOPES = ("read", "ingest", "write", "admin")
HOUR = 3600 * SECOND
_UNITS = {"m": 60 * SECOND, "h": HOUR, "d": DAY}
_DIGITS = "abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True)
class Key:
    """A key as stored: without its secret. Times in microseconds since 1970 UTC; ``last_used_at`` to the hour."""

    key_id: str
    name: str
    scopes: frozenset[str]
    created_at: int
    revoked_at: int | None
    expires_at: int | None = None
    last_used_at: int | None = None
    old_until: int | None = None

    def active(self, now: int) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def allows(self, scope: str) -> bool:
        """Of an active key: whether it has the scope. The scope admin includes every other."""
        return scope in self.scopes or "admin" in self.scopes


def now() -> int:
    """Microseconds since 1970 UTC."""
    return time.time_ns() // 1000


class Keys:
    """The keys of one database."""

    def __init__(self, store: Store, clock: Callable[[], int] = now) -> None:
        self._store, self._clock = store, clock
        self._used: dict[str, int] = {}
        self._rows: dict[str, tuple[sa.Row[Any], Key]] = {}  # as they were at that version of the database
        self._version: object = None
        self._lock = threading.Lock()

    def create(self, name: str, scopes: Sequence[str], now: int, *, expires_at: int | None = None) -> tuple[Key, str]:
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
            "expires_at": expires_at,
        }
        with self._store.writing() as connection:
            connection.execute(api_keys.insert().values(row))
            write(connection, [command("keys create", now, detail={"key": key_id, "scopes": row["scopes"]})])
        return Key(key_id, row["name"], frozenset(scopes), now, None, expires_at), f"lt_{key_id}_{secret}"

    def rotate(self, key_id: str, grace: int, now: int) -> tuple[Key, str]:
        """A new secret for the key: its text. The one before opens for ``grace`` microseconds more, any older no more.

        InputError when there is no such key or it is not active.
        """
        key = self.find(key_id)
        if key is None or not key.active(now):
            raise InputError(
                where="key", expected="the id of an active key", got=repr(key_id), remedy="python -m serving.keys list"
            )
        secret = secrets.token_urlsafe(32)
        change = api_keys.update().where(api_keys.c.key_id == key_id)
        with self._store.writing() as connection:
            connection.execute(change.values(old_hash=api_keys.c.hash, old_until=now + grace, hash=_hash(secret)))
            write(connection, [command("keys rotate", now, detail={"key": key_id, "old_until": to_iso(now + grace)})])
        return replace(key, old_until=now + grace), f"lt_{key_id}_{secret}"

    def all(self) -> list[Key]:
        with self._store.reading() as connection:
            rows = connection.execute(sa.select(api_keys).order_by(api_keys.c.created_at, api_keys.c.key_id))
            return [_key(row) for row in rows]

    def find(self, key_id: str) -> Key | None:
        row = self._row(key_id)
        return None if row is None else _key(row)

    def revoke(self, key_id: str, now: int) -> Key:
        """From now on the key opens nothing. InputError when there is no such key."""
        change = api_keys.update().where(api_keys.c.key_id == key_id, api_keys.c.revoked_at.is_(None))
        with self._store.writing() as connection:
            if connection.execute(change.values(revoked_at=now)).rowcount:
                write(connection, [command("keys revoke", now, detail={"key": key_id})])
        key = self.find(key_id)
        if key is None:
            raise InputError(
                where="key", expected="the id of a key", got=repr(key_id), remedy="python -m serving.keys list"
            )
        return key

    def verify(self, text: str, version: object = None) -> Key | None:
        """The key that this text opens; None for an unknown, wrong, revoked or expired one.

        ``version``: of the database, as ``Store.version`` gave it a moment ago.
        """
        prefix, _, rest = text.partition("_")
        key_id, _, secret = rest.partition("_")
        if prefix != "lt" or not key_id.isalnum() or not key_id.isascii() or not secret:
            return None
        found = self._kept(key_id, version or self._store.version())
        if found is None:
            return None
        row, key = found
        at, given = self._clock(), _hash(secret)
        current = hmac.compare_digest(given, row.hash)
        former = row.old_hash is not None and at < row.old_until and hmac.compare_digest(given, row.old_hash)
        if not (current or former) or not key.active(at):
            return None
        if at - (row.last_used_at or 0) >= HOUR:
            self._used[key_id] = at
        return key

    def write_used(self) -> None:
        """Write down which keys were used, each at most once an hour; apart from requests, which must not wait."""
        with self._lock:
            used, self._used = self._used, {}
        if not used:
            return
        unknown = api_keys.c.last_used_at.is_(None)
        with self._store.writing() as connection:
            for key_id, at in used.items():
                change = api_keys.update().where(
                    api_keys.c.key_id == key_id, sa.or_(unknown, api_keys.c.last_used_at <= at - HOUR)
                )
                connection.execute(change.values(last_used_at=at))

    def _kept(self, key_id: str, version: object) -> tuple[sa.Row[Any], Key] | None:
        """As it lies in the database now, which is not read again while nothing in it has changed."""
        with self._lock:
            if version != self._version:
                self._rows, self._version = {}, version
            if key_id in self._rows:
                return self._rows[key_id]
        row = self._row(key_id)
        if row is None:
            return None
        found = row, _key(row)
        with self._lock:
            if version == self._version:
                self._rows[key_id] = found
        return found

    def _row(self, key_id: str) -> sa.Row[Any] | None:
        with self._store.reading() as connection:
            return connection.execute(sa.select(api_keys).where(api_keys.c.key_id == key_id)).first()


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(row: sa.Row[Any]) -> Key:
    scopes = frozenset(row.scopes.split())
    times = row.created_at, row.revoked_at, row.expires_at, row.last_used_at, row.old_until
    return Key(row.key_id, row.name, scopes, *times)


def duration(text: str, where: str) -> int:
    """Microseconds of a text such as 90d, 24h or 30m."""
    found = re.fullmatch(r"(\d{1,5})([mhd])", text.strip())
    if found is None:
        raise InputError(where=where, expected="a number and m, h or d, such as 24h", got=repr(text))
    return int(found[1]) * _UNITS[found[2]]


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m serving.keys", description="API keys of the service")
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create", help="make a key and show it, once")
    create.add_argument("--name", required=True, help="whose key it is")
    create.add_argument("--scopes", default="read", help=f"separated by commas: {', '.join(SCOPES)} (read)")
    create.add_argument("--expires", metavar="90d", help="after how long it opens nothing any more (never)")
    create.add_argument("--quiet", action="store_true", help="print the key alone")
    commands.add_parser("list", help="show all keys, without their secrets")
    rotate = commands.add_parser("rotate", help="make a new secret for a key and show it, once")
    rotate.add_argument("key_id")
    rotate.add_argument("--grace", default="24h", help="how long the old secret still opens (24h)")
    rotate.add_argument("--quiet", action="store_true", help="print the key alone")
    revoke = commands.add_parser("revoke", help="make a key open nothing from now on")
    revoke.add_argument("key_id")
    link = commands.add_parser("link", help="print a link that signs a browser in to the pages")
    link.add_argument("--key", help="sign in as this key (else as the key named sign-in, made when missing)")
    link.add_argument("--hours", type=float, default=12.0, help="how long the link can be used (12)")
    return parser.parse_args(argv)


def _create(keys: Keys, arguments: argparse.Namespace, now: int) -> None:
    scopes = [s for s in arguments.scopes.replace(",", " ").split() if s]
    expires_at = None if arguments.expires is None else now + duration(arguments.expires, "--expires")
    key, text = keys.create(arguments.name, scopes, now, expires_at=expires_at)
    if arguments.quiet:
        print(text)
        return
    print(f"{text}\n\nKey {key.key_id} for {key.name}, scopes {' '.join(sorted(key.scopes))}. It is not shown again.")


def _rotate(keys: Keys, arguments: argparse.Namespace, now: int) -> None:
    key, text = keys.rotate(arguments.key_id, duration(arguments.grace, "--grace"), now)
    until = to_iso((key.old_until or now) // SECOND * SECOND)
    print(
        text
        if arguments.quiet
        else f"{text}\n\nIt is not shown again. The old secret of {key.name} opens until {until}."
    )


def _state(key: Key, now: int) -> str:
    if key.revoked_at is not None:
        return f"revoked {to_iso(key.revoked_at)[:10]}"
    if key.expires_at is None:
        return "active"
    return f"{'active until' if key.active(now) else 'expired'} {to_iso(key.expires_at)[:10]}"


def _list(keys: Keys, now: int) -> None:
    found = keys.all()
    if not found:
        print("No keys yet. Make one: python -m serving.keys create --name crm")
    for key in found:
        scopes = ",".join(sorted(key.scopes))
        used = "never used" if key.last_used_at is None else f"used {to_iso(key.last_used_at)[:13]}h"
        made = to_iso(key.created_at)[:10]
        print(f"{key.key_id}  {_state(key, now):<23}  {scopes:<12}  made {made}  {used:<18}  {key.name}")


def _link(store: Store, keys: Keys, arguments: argparse.Namespace, settings: Settings, now: int) -> None:
    from serving.sign_in import SIGN_IN_NAME, SignIn, signing_secret  # noqa: PLC0415 - the other commands do without

    if not 0 < arguments.hours <= 24 * 30:
        raise InputError(where="--hours", expected="more than 0 and at most 720", got=f"{arguments.hours:g}")
    if arguments.key:
        key = keys.find(arguments.key)
    else:
        named = [k for k in keys.all() if k.name == SIGN_IN_NAME and k.active(now) and k.allows("read")]
        key = named[0] if named else keys.create(SIGN_IN_NAME, ["read"], now)[0]
    if key is None or not key.active(now) or not key.allows("read"):
        raise InputError(where="--key", expected="the id of an active key with scope read", got=repr(arguments.key))
    token = SignIn(signing_secret(store, now)).token(key.key_id, now + int(arguments.hours * 3600 * 1_000_000))
    print(f"{base_url(settings.host, settings.port)}/login?token={token}")


def main(argv: Sequence[str] | None = None) -> int:
    arguments = _arguments(argv)
    at = now()
    try:
        settings = load_settings()
        with Store.open(settings.database_url, migrate=True) as store:
            keys = Keys(store)
            if arguments.command == "create":
                _create(keys, arguments, at)
            elif arguments.command == "list":
                _list(keys, at)
            elif arguments.command == "rotate":
                _rotate(keys, arguments, at)
            elif arguments.command == "revoke":
                key = keys.revoke(arguments.key_id, at)
                print(f"Key {key.key_id} ({key.name}) is revoked.")
            else:
                _link(store, keys, arguments, settings, at)
    except LeadtimeError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
