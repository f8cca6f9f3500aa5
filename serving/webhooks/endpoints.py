"""The endpoints that webhooks go to, and their secrets.

A secret lies in the database as it is, for signing takes it: docs/adr/0007-the-signing-secret-lies-in-the-database.md.
"""

from __future__ import annotations

import base64
import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from features.errors import InputError
from features.events import SECOND
from features.store import Store
from features.store.work import webhook_deliveries, webhook_endpoints
from serving.webhooks import targets
from serving.webhooks.messages import EVENT_TYPES

MAX_ENDPOINTS = 50  # each may keep a thread of the courier busy
OVERLAP_HOURS = 24.0  # how long the old secret signs beside a new one
BY_HAND = "disabled by hand"
ENDPOINT_DISABLED = "the endpoint was disabled"

_COLUMNS = webhook_endpoints.c


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Times in microseconds since 1970 UTC. ``disabled_because``: None while it is active."""

    endpoint_id: str
    url: str
    description: str
    events: tuple[str, ...]
    secret: str = field(repr=False)
    old_secret: str | None = field(repr=False)
    old_until: int | None
    created_at: int
    disabled_because: str | None
    throttled_until: int
    throttles: int

    def valid_secrets(self, now: int) -> list[str]:
        """The newest first."""
        old = self.old_secret is not None and self.old_until is not None and now < self.old_until
        return [self.secret, self.old_secret] if old and self.old_secret else [self.secret]


class Endpoints:
    """The endpoints of one database. InputError where something asked for cannot be."""

    def __init__(self, store: Store, *, allow_private: bool, lookup: targets.Lookup = socket.getaddrinfo) -> None:
        self._store, self._allow_private, self._lookup = store, allow_private, lookup

    def create(self, url: str, now: int, *, description: str = "", events: Sequence[str] = EVENT_TYPES) -> Endpoint:
        self._check(url)
        endpoint_id = "ep_" + secrets.token_hex(8)
        row = {
            "endpoint_id": endpoint_id,
            "url": url,
            "description": description,
            "events": _event_text(events),
            "secret": new_secret(),
            "created_at": now,
            "throttled_until": 0,
            "throttles": 0,
        }
        with self._store.writing() as connection:
            if (
                connection.execute(sa.select(sa.func.count()).select_from(webhook_endpoints)).scalar_one()
                >= MAX_ENDPOINTS
            ):
                raise InputError(where="webhooks", expected=f"at most {MAX_ENDPOINTS} endpoints", got="one more",
                                 remedy="Delete one that is not needed")  # fmt: skip
            connection.execute(webhook_endpoints.insert().values(row))
        return self.get(endpoint_id)

    def all(self) -> list[Endpoint]:
        query = sa.select(webhook_endpoints).order_by(_COLUMNS.created_at, _COLUMNS.endpoint_id)
        with self._store.reading() as connection:
            return [_endpoint(row) for row in connection.execute(query)]

    def find(self, endpoint_id: str) -> Endpoint | None:
        with self._store.reading() as connection:
            row = connection.execute(sa.select(webhook_endpoints).where(_COLUMNS.endpoint_id == endpoint_id)).first()
        return None if row is None else _endpoint(row)

    def get(self, endpoint_id: str) -> Endpoint:
        found = self.find(endpoint_id)
        if found is None:
            remedy = "python -m serving.webhooks list"
            raise InputError(where="endpoint", expected="the id of an endpoint", got=repr(endpoint_id), remedy=remedy)
        return found

    def update(
        self,
        endpoint_id: str,
        *,
        url: str | None = None,
        description: str | None = None,
        events: Sequence[str] | None = None,
        active: bool | None = None,
    ) -> Endpoint:
        """Change what is given. What was still to be sent to an endpoint that is disabled is dead, to be replayed."""
        given: dict[str, Any] = {"url": url, "description": description}
        changes = {name: value for name, value in given.items() if value is not None}
        if url is not None:
            self._check(url)
        if events is not None:
            changes["events"] = _event_text(events)
        if active:
            changes |= {"disabled_because": None, "throttled_until": 0, "throttles": 0}
        self.get(endpoint_id)
        with self._store.writing() as connection:
            if changes:
                change = webhook_endpoints.update().where(_COLUMNS.endpoint_id == endpoint_id)
                connection.execute(change.values(changes))
            if active is False:
                disable(connection, endpoint_id, BY_HAND)
        return self.get(endpoint_id)

    def rotate(self, endpoint_id: str, now: int, *, overlap_hours: float = OVERLAP_HOURS) -> Endpoint:
        """Give it a new secret; the old one signs beside it for so many hours."""
        old = self.get(endpoint_id)
        until = now + int(overlap_hours * 3600 * SECOND)
        change = webhook_endpoints.update().where(_COLUMNS.endpoint_id == endpoint_id)
        with self._store.writing() as connection:
            connection.execute(change.values(secret=new_secret(), old_secret=old.secret, old_until=until))
        return self.get(endpoint_id)

    def delete(self, endpoint_id: str) -> None:
        """With all that was sent or is to be sent to it."""
        self.get(endpoint_id)
        with self._store.writing() as connection:
            # Locked first, so that nothing new is queued for it between the two.
            connection.execute(
                sa.select(webhook_endpoints).where(_COLUMNS.endpoint_id == endpoint_id).with_for_update()
            )
            connection.execute(webhook_deliveries.delete().where(webhook_deliveries.c.endpoint_id == endpoint_id))
            connection.execute(webhook_endpoints.delete().where(_COLUMNS.endpoint_id == endpoint_id))

    def _check(self, url: str) -> None:
        target = targets.parse_url(url, allow_private=self._allow_private)
        targets.addresses(target, allow_private=self._allow_private, lookup=self._lookup)


def require_active(endpoint: Endpoint) -> None:
    """InputError when nothing is sent to it."""
    if endpoint.disabled_because is not None:
        raise InputError(
            where="endpoint",
            expected="one that is active",
            got=f"{endpoint.endpoint_id}: {endpoint.disabled_because}",
            remedy=f"Enable it first: python -m serving.webhooks enable {endpoint.endpoint_id}",
        )


def disable(connection: sa.Connection, endpoint_id: str, because: str) -> None:
    """Send nothing more to it. What was still to be sent is dead: a pause of days must not end in a flood."""
    active = (_COLUMNS.endpoint_id == endpoint_id, _COLUMNS.disabled_because.is_(None))
    connection.execute(webhook_endpoints.update().where(*active).values(disabled_because=because))
    table = webhook_deliveries
    waiting = (table.c.endpoint_id == endpoint_id, table.c.state == "pending")
    connection.execute(table.update().where(*waiting).values(state="dead", last_error=ENDPOINT_DISABLED))


def new_secret() -> str:
    """256 random bits, as Standard Webhooks write them."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def _event_text(events: Sequence[str]) -> str:
    unknown = sorted(set(events) - set(EVENT_TYPES))
    if unknown or not events:
        raise InputError(where="events", expected=f"some of {', '.join(EVENT_TYPES)}", got=", ".join(unknown) or "none")
    return " ".join(name for name in EVENT_TYPES if name in events)


def _endpoint(row: sa.Row[Any]) -> Endpoint:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    return Endpoint(**{**values, "events": tuple(row.events.split())})
