"""Deliveries: one row for each message and endpoint, until it is delivered or dead, and for some weeks after that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from features.errors import InputError
from features.events import DAY
from features.store import Store
from features.store.work import webhook_deliveries, webhook_endpoints
from serving.webhooks.endpoints import disable
from serving.webhooks.messages import EVENT_TYPES, Message
from serving.webhooks.schedule import GONE, Reply, next_attempt, throttle

PENDING, DELIVERED, DEAD = "pending", "delivered", "dead"
KEEP = 30 * DAY  # how long what is delivered or dead can be looked up and replayed

_table, _endpoints = webhook_deliveries, webhook_endpoints
_IS_PENDING = _table.c.state == sa.literal_column("'pending'")  # written out, so that the partial index is used


@dataclass(frozen=True, slots=True)
class Delivery:
    """Times in microseconds since 1970 UTC. ``attempts``: since it was queued or replayed."""

    delivery_id: int
    endpoint_id: str
    message_id: str
    type: str
    lead_id: str | None
    body: str
    created_at: int
    state: str
    attempts: int
    next_at: int
    last_at: int | None
    last_status: int | None
    last_error: str | None


def enqueue(connection: sa.Connection, message: Message, now: int) -> None:
    """To be delivered to each active endpoint that wants such messages: once, however often this is called."""
    # The lock keeps an endpoint from being deleted before the delivery to it is written.
    active = sa.select(_endpoints.c.endpoint_id, _endpoints.c.events).where(_endpoints.c.disabled_because.is_(None))
    for endpoint_id, events in connection.execute(active.with_for_update(read=True, key_share=True)).all():
        if message.type in events.split() or message.type not in EVENT_TYPES:
            enqueue_for(connection, endpoint_id, message, now)


def enqueue_for(connection: sa.Connection, endpoint_id: str, message: Message, now: int) -> None:
    make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    row = {
        "endpoint_id": endpoint_id,
        "message_id": message.message_id,
        "type": message.type,
        "lead_id": message.lead_id,
        "body": message.body(),
        "created_at": now,
        "state": PENDING,
        "attempts": 0,
        "next_at": now,
    }
    connection.execute(make(_table).values(row).on_conflict_do_nothing())


def depths(connection: sa.Connection) -> dict[str, tuple[int, int]]:
    """How many deliveries wait and how many are dead, and since when the oldest of each is there."""
    query = sa.select(_table.c.state, sa.func.count(), sa.func.min(_table.c.created_at))
    rows = connection.execute(query.where(_table.c.state != DELIVERED).group_by(_table.c.state))
    return {state: (n, oldest) for state, n, oldest in rows}


def due_endpoints(connection: sa.Connection, now: int) -> list[str]:
    """The endpoints to which something can be sent now."""
    waits = sa.exists().where(_table.c.endpoint_id == _endpoints.c.endpoint_id, _IS_PENDING, _table.c.next_at <= now)
    query = sa.select(_endpoints.c.endpoint_id).where(
        waits, _endpoints.c.disabled_because.is_(None), _endpoints.c.throttled_until <= now
    )
    return list(connection.execute(query).scalars())


def next_due(connection: sa.Connection, endpoint_id: str, now: int) -> Delivery | None:
    """What waited longest."""
    mine = (_table.c.endpoint_id == endpoint_id, _IS_PENDING, _table.c.next_at <= now)
    query = sa.select(_table).where(*mine).order_by(_table.c.next_at, _table.c.delivery_id).limit(1)
    row = connection.execute(query).first()
    return None if row is None else Delivery(*row)


def record(
    connection: sa.Connection, delivery: Delivery, reply: Reply, now: int, *, throttles: int, chance: float
) -> None:
    """What came of an attempt, and what follows for the delivery and its endpoint.

    ``throttles``: how often the endpoint was throttled in a row; ``chance``: random, from 0 to 1.
    """
    attempts = delivery.attempts + 1
    again = None if reply.success or reply.status == GONE else next_attempt(attempts, reply, now, chance)
    state = DELIVERED if reply.success else DEAD if again is None else PENDING
    values: dict[str, Any] = {
        "state": state,
        "attempts": attempts,
        "next_at": delivery.next_at if again is None else again,
        "last_at": now,
        "last_status": reply.status,
        "last_error": reply.said,
    }
    this = _table.c.delivery_id == delivery.delivery_id
    connection.execute(_table.update().where(this, _IS_PENDING if state == PENDING else sa.true()).values(values))
    if reply.status == GONE:
        disable(connection, delivery.endpoint_id, f"it answered {GONE} (gone)")
        return
    until = throttle(throttles, reply, now)
    if until is not None or (throttles and reply.success):
        change = _endpoints.update().where(_endpoints.c.endpoint_id == delivery.endpoint_id)
        connection.execute(change.values(throttled_until=until or 0, throttles=0 if until is None else throttles + 1))


def purge(connection: sa.Connection, now: int) -> int:
    """Forget what has been delivered or dead for KEEP; how many those were."""
    old = sa.func.coalesce(_table.c.last_at, _table.c.created_at) < now - KEEP
    return connection.execute(_table.delete().where(_table.c.state != PENDING, old)).rowcount


class Deliveries:
    """What was sent, what waits and what failed, for people and the API."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(
        self, endpoint_id: str, *, state: str | None = None, before: int | None = None, limit: int = 100
    ) -> list[Delivery]:
        """Of one endpoint, the newest first. ``before``: only those with a lower delivery_id."""
        terms = [_table.c.endpoint_id == endpoint_id]
        terms += [] if state is None else [_table.c.state == state]
        terms += [] if before is None else [_table.c.delivery_id < before]
        query = sa.select(_table).where(*terms).order_by(_table.c.delivery_id.desc()).limit(limit)
        with self._store.reading() as connection:
            return [Delivery(*row) for row in connection.execute(query)]

    def send(self, endpoint_id: str, message: Message, now: int) -> None:
        """Queue a message for one endpoint."""
        with self._store.writing() as connection:
            enqueue_for(connection, endpoint_id, message, now)

    def replay(
        self,
        endpoint_id: str,
        now: int,
        *,
        message_id: str | None = None,
        since: int | None = None,
        delivered: bool = False,
    ) -> int:
        """Send again, under the same message id, one message or all dead ones queued since a time; how many.

        ``delivered``: of all since that time also those that were delivered. InputError for an unknown message.
        """
        terms = [_table.c.endpoint_id == endpoint_id, _table.c.state != PENDING]
        if message_id is not None:
            terms.append(_table.c.message_id == message_id)
        else:
            terms.append(_table.c.created_at >= (since or 0))
            terms += [] if delivered else [_table.c.state == DEAD]
        change = _table.update().where(*terms).values(state=PENDING, attempts=0, next_at=now)
        with self._store.writing() as connection:
            replayed = connection.execute(change).rowcount
            if message_id is not None and replayed == 0:
                this = (_table.c.endpoint_id == endpoint_id, _table.c.message_id == message_id)
                if connection.execute(sa.select(_table.c.state).where(*this)).first() is None:
                    raise InputError(where="message_id", expected="a message of this endpoint", got=repr(message_id))
        return replayed
