"""How much one caller may ask for in a second.

Counted in the memory of each worker process: a count in the database would cost a write for each read. So a caller
whose connections reach several workers gets up to their number times its rate; a share for each worker would refuse
one that keeps a single connection and stays within its rate.
"""

from __future__ import annotations

import math
import threading

from features.business_settings import Limits
from features.events import SECOND

BURST_SECONDS = 10  # so much of its rate may come at once; of attempts to sign in those of a minute
_CALLERS = 10_000  # kept in memory before those that are owed nothing are forgotten


class RateLimits:
    """A bucket for each caller and kind of request, which leaks at the rate of that kind."""

    def __init__(self, limits: Limits) -> None:
        self._rates: dict[str, tuple[float, int]] = {
            kind: (getattr(limits, kind), BURST_SECONDS) for kind in ("read", "ingest", "write", "admin")
        }
        self._rates["sign_in"] = limits.sign_in / 60, 60
        self._empty_at: dict[tuple[str, str], float] = {}
        self._latest = 0.0
        self._lock = threading.Lock()

    def take(self, caller: str, kind: str, now: int, n: int = 1) -> int:
        """0 when the caller may go on; else the seconds after which it may ask again. Nothing is taken then.

        ``n`` is taken as a whole as long as the bucket is not full, however large: batches are never too large.
        """
        rate, burst = self._rates[kind]
        if rate == 0 or n <= 0:
            return 0
        at = now / SECOND
        with self._lock:
            if at < self._latest - BURST_SECONDS:  # the clock was put back: nobody is to wait until it has caught up
                self._empty_at.clear()
            self._latest = at
            if len(self._empty_at) > _CALLERS:
                self._empty_at = {who: until for who, until in self._empty_at.items() if until > at}
            until = max(self._empty_at.get((caller, kind), at), at)
            wait = until + 1 / rate - at - max(burst, 1 / rate)
            if wait > 1e-6:
                return math.ceil(wait)
            self._empty_at[caller, kind] = until + n / rate
        return 0
