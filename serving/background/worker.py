"""A thread that works while it holds a lease."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from features.errors import LeadtimeError
from serving.background.lease import Lease, LeaseLost

log = logging.getLogger("leadtime.background")

LOOK_SECONDS = 5.0  # how often it is looked whether the lease is free, and how long it rests after an error


class Worker:
    """Calls ``work`` again and again while the lease is ours; it returns the seconds to rest until the next call.

    ``taken``: called once whenever the lease becomes ours. No error ends the thread.
    """

    def __init__(self, lease: Lease, work: Callable[[], float], *, taken: Callable[[], None] = lambda: None) -> None:
        self._lease, self._work, self._taken = lease, work, taken
        self._stop = threading.Event()
        self._token: int | None = None
        self._thread: threading.Thread | None = None
        self._said = ""

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name=self._lease.name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the work after what is under way, and let another process have it."""
        self._stop.set()

    def join(self, timeout: float) -> None:
        """Wait, at most so many seconds, until it has ended."""
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        while not self._stop.is_set():
            self._stop.wait(self._turn())
        try:
            self._lease.release()
        except LeadtimeError as error:  # it expires by itself
            log.info("%s: the lease could not be released: %s", self._lease.name, error)

    def _turn(self) -> float:
        try:
            if not self._lease.hold():
                return LOOK_SECONDS
            if self._lease.token != self._token:
                log.info("%s: this process does it from now on (%s)", self._lease.name, self._lease.holder)
                self._token = self._lease.token
                self._taken()
            rest = self._work()
        except LeaseLost:
            log.warning("%s: another process has taken it over", self._lease.name)
        except LeadtimeError as error:  # no model or no database yet: look again
            if str(error) != self._said:
                log.warning("%s: %s", self._lease.name, error)
            self._said = str(error)
        except Exception:  # what it does for others must go on after any error
            log.exception("%s: an error that was not foreseen", self._lease.name)
        else:
            self._said = ""
            return rest
        return LOOK_SECONDS
