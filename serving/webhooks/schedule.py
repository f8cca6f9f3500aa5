"""When to try again what was not delivered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

from features.events import SECOND, to_datetime

# Seconds before the first attempt and after each failed one; after the last a delivery is dead. As Standard Webhooks
# 1.0.0 propose under "Deliverability and reliability".
DELAYS = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
JITTER = 0.1  # of a delay is added at random, so that what failed together is not tried again together
LONGEST_WISH = 86_400.0  # seconds of a Retry-After that are honoured
BUSY = (429, 502, 504)  # the endpoint as a whole is to be left alone for a while
_LONGEST_THROTTLE = 600.0  # seconds, unless it asks for more

GONE = 410  # the endpoint wants nothing any more


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of an attempt: ``status`` of the answer, or the ``error`` for which there is none."""

    status: int | None
    error: str | None = None
    retry_after: str | None = None  # the header as it came

    @property
    def success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def said(self) -> str | None:
        """Why it is no success."""
        if self.success:
            return None
        if self.status is None:
            return self.error
        return f"answered {self.status}" + ("; redirects are not followed" if 300 <= self.status < 400 else "")


def next_attempt(attempts: int, reply: Reply, now: int, chance: float) -> int | None:
    """When to try again after so many failed ``attempts``; None: never. ``chance``: random, from 0 to 1."""
    if attempts >= len(DELAYS):
        return None
    delay = DELAYS[attempts] * (1 + JITTER * chance)
    return now + int(max(delay, wish(reply, now) or 0.0) * SECOND)


def throttle(throttles: int, reply: Reply, now: int) -> int | None:
    """Until when nothing is sent to an endpoint that was throttled so many times in a row before; None: go on."""
    wished = wish(reply, now)
    if reply.success or (reply.status not in BUSY and wished is None):
        return None
    own = min(5.0 * 2 ** min(throttles, 10), _LONGEST_THROTTLE) if reply.status in BUSY else 0.0
    return now + int(max(own, wished or 0.0) * SECOND)


def wish(reply: Reply, now: int) -> float | None:
    """The seconds that Retry-After asks for, at most a day; None without one that can be read."""
    text = (reply.retry_after or "").strip()
    if text.isdecimal() and text.isascii():
        return min(float(text), LONGEST_WISH)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    seconds = ((until if until.tzinfo else until.replace(tzinfo=UTC)) - to_datetime(now)).total_seconds()
    return min(max(seconds, 0.0), LONGEST_WISH)
