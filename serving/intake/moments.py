"""When something happened, by the clock of the receiver."""

from __future__ import annotations

from typing import Any

from features.errors import InputError
from features.events import EARLIEST, parse_time
from serving.intake.refused import Refused, shown


def sent_at(value: Any) -> int | None:
    """When the sender's clock stood as it sent; None when it does not say so in a way that can be read."""
    try:
        return parse_time(value) if isinstance(value, str) else None
    except InputError:
        return None


def occurred_at(original: Any, sent: int | None, received: int) -> int:
    """Microseconds since 1970 UTC: the original time, corrected by how far the sender's clock is off.

    Never after ``received``. Refused when it cannot be read, or lies before 1900.
    """
    if original is None or original == "":
        return received
    if not isinstance(original, str):
        raise Refused(f"timestamp: expected an ISO 8601 text, got {shown(original)}")
    try:
        moment = parse_time(original)
    except InputError as error:
        raise Refused(f"timestamp: expected {error.expected}, got {shown(original)}") from None
    if sent is not None:
        moment = received - (sent - moment)
    if moment < EARLIEST:
        raise Refused(f"timestamp: expected a time from 1900 on, got {shown(original)}")
    return min(moment, received)
