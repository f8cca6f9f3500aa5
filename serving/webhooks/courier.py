"""Delivering what is queued, in the process that holds the lease: each endpoint in a thread of its own."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable

from features.errors import LeadtimeError
from features.events import DAY
from features.store import Store
from serving.background.lease import Lease, LeaseLost
from serving.webhooks import queue
from serving.webhooks.endpoints import Endpoints
from serving.webhooks.sender import Sender

log = logging.getLogger("leadtime.webhooks")

LOOK = 0.5  # seconds until the queue is looked at again


class Courier:
    """At least once: what was sent when the process died, but not yet noted, is sent again under the same id.

    One endpoint gets one message at a time, so a slow receiver keeps up nobody but itself.
    """

    def __init__(
        self,
        store: Store,
        lease: Lease,
        clock: Callable[[], int],
        sender: Sender,
        *,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._store, self._lease, self._clock, self._sender, self._chance = store, lease, clock, sender, chance
        self._endpoints = Endpoints(store, allow_private=True)  # to read them; the sender checks where they are
        self._busy: set[str] = set()
        self._lock = threading.Lock()
        self._stopped = False
        self._purged_on: int | None = None

    def step(self) -> float:
        """Set off to each endpoint for which something is due; the seconds to rest. The lease must be held."""
        now = self._clock()
        if self._purged_on != now // DAY:
            with self._store.writing() as connection:
                self._lease.guard(connection)
                queue.purge(connection, now)
            self._purged_on = now // DAY
        with self._store.reading() as connection:
            due = queue.due_endpoints(connection, now)
        for endpoint_id in due:
            with self._lock:
                free = endpoint_id not in self._busy
                self._busy.add(endpoint_id)
            if free:
                name = f"webhooks to {endpoint_id}"
                threading.Thread(target=self._visit, args=(endpoint_id,), name=name, daemon=True).start()
        return LOOK

    def stop(self) -> None:
        """Begin no further attempt."""
        self._stopped = True

    def join(self, timeout: float) -> None:
        """Wait, at most so many seconds, for the attempts under way: noted, they are not made again."""
        until = time.monotonic() + timeout
        while self._busy and time.monotonic() < until:
            time.sleep(0.02)

    def deliver_one(self, endpoint_id: str) -> bool:
        """Try to deliver what waited longest for this endpoint; whether there was anything."""
        now = self._clock()
        with self._store.reading() as connection:
            delivery = queue.next_due(connection, endpoint_id, now)
        endpoint = self._endpoints.find(endpoint_id)
        if delivery is None or endpoint is None or endpoint.disabled_because or endpoint.throttled_until > now:
            return False
        reply = self._sender.send(endpoint, delivery.message_id, delivery.body, now)
        with self._store.writing() as connection:
            self._lease.guard(connection)
            queue.record(
                connection, delivery, reply, self._clock(), throttles=endpoint.throttles, chance=self._chance()
            )
        if not reply.success:
            log.warning(
                "webhook %s to %s, attempt %d: %s",
                delivery.message_id, endpoint_id, delivery.attempts + 1, reply.said,
            )  # fmt: skip
        return True

    def _visit(self, endpoint_id: str) -> None:
        try:
            while not self._stopped and self.deliver_one(endpoint_id):
                pass
        except LeaseLost:
            pass  # whoever has it now delivers the rest, and this one again
        except LeadtimeError as error:
            log.warning("webhooks to %s: %s", endpoint_id, error)
        except Exception:  # the thread's end would be told nobody
            log.exception("webhooks to %s: an error that was not foreseen", endpoint_id)
        finally:
            with self._lock:
                self._busy.discard(endpoint_id)
