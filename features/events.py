"""What an event is: the one kind of row that the log holds.

Times are integers throughout: microseconds since 1970-01-01 UTC. An event *occurred* when it happened to the
lead and was *recorded* when the log learned of it; it can be seen from an as-of time on when both lie at or
before it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import orjson
import pyarrow as pa

from features.errors import InputError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
DAY = 86_400 * SECOND

# Types with a meaning of their own. Every other type is engagement, named freely by whoever sends it.
IDENTIFY = "identify"  # properties are traits of the lead, as known from then on
NEED_DECLARED = "need_declared"  # property need_by: the date by which the lead says it needs the product
SALES_CALL = "sales_call"  # properties: disposition, minutes, owner
HANDOFF = "handoff"
HANDOFF_ACCEPTED = "handoff_accepted"  # properties: handoff_id, handed_over_at, by, note
HANDOFF_REJECTED = "handoff_rejected"  # the same and reason, one of features.handoff_answers
HANDOFF_SCORED = "handoff_scored"  # a score as of a handoff, computed afterwards: training/score_handoffs.py
PURCHASED = "purchased"
LOST = "lost"
ERASED = "erased"

ENDINGS = (PURCHASED, LOST)
HANDOFF_ANSWERS = (HANDOFF_ACCEPTED, HANDOFF_REJECTED)
NOT_ENGAGEMENT = frozenset(
    {IDENTIFY, NEED_DECLARED, SALES_CALL, HANDOFF, *HANDOFF_ANSWERS, HANDOFF_SCORED, PURCHASED, LOST, ERASED}
)

EVENT_SCHEMA = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("lead_id", pa.string(), nullable=False),
        pa.field("type", pa.string(), nullable=False),
        pa.field("occurred_at", pa.int64(), nullable=False),
        pa.field("recorded_at", pa.int64(), nullable=False),
        pa.field("channel", pa.string()),
        pa.field("campaign", pa.string()),
        pa.field("bot", pa.bool_(), nullable=False),
        pa.field("properties", pa.string(), nullable=False),  # a JSON object
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened to one lead. Times in microseconds since 1970 UTC."""

    event_id: str
    lead_id: str
    type: str
    occurred_at: int
    recorded_at: int
    channel: str | None = None
    campaign: str | None = None
    bot: bool = False
    properties: Mapping[str, Any] = field(default_factory=dict)


def events_table(events: Iterable[Event]) -> pa.Table:
    """The events as an Arrow table of EVENT_SCHEMA, in the order given."""
    rows = list(events)
    columns = [
        [dump_properties(e.properties) for e in rows] if name == "properties" else [getattr(e, name) for e in rows]
        for name in EVENT_SCHEMA.names
    ]
    return pa.Table.from_arrays(
        [pa.array(values, type=field.type) for values, field in zip(columns, EVENT_SCHEMA, strict=True)],
        schema=EVENT_SCHEMA,
    )


def dump_properties(properties: Mapping[str, Any]) -> str:
    """The one JSON text of these properties: sorted keys, no spaces, so that equal properties are equal texts."""
    return orjson.dumps(dict(properties), option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS).decode()


def content_id(*parts: object) -> str:
    """A stable event id for a row that brought none: 32 hexadecimal digits of a hash of its content."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        text = b"\x00" if part is None else b"\x01" + str(part).encode()
        digest.update(len(text).to_bytes(8, "big") + text)
    return digest.hexdigest()


def parse_time(value: object, *, where: str = "time") -> int:
    """Microseconds since 1970 UTC of an ISO 8601 text, a datetime or a date; no zone means UTC.

    Numbers are not accepted: whether they are seconds, milliseconds or a year cannot be told.
    """
    moment: datetime | None = None
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, date):
        moment = datetime(value.year, value.month, value.day, tzinfo=UTC)
    elif isinstance(value, str) and not value.strip().isdecimal():
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            moment = None
    if moment is None:
        raise InputError(
            where=where,
            expected="an ISO 8601 date or time such as 2026-03-01T09:30:00Z",
            got=repr(value),
            remedy="Write year, month and day first; a time without a zone is read as UTC",
        )
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    try:
        delta = (moment if moment.tzinfo is UTC else moment.astimezone(UTC)) - _EPOCH
    except OverflowError:
        raise InputError(where=where, expected="a time in the years 2 to 9998", got=repr(value)) from None
    return (delta.days * 86_400 + delta.seconds) * SECOND + delta.microseconds


EARLIEST = parse_time("1900-01-01")  # before it a time is a mistake
FARTHEST_NEED = 50 * 366 * DAY  # how far ahead a need may be declared


def to_datetime(micros: int) -> datetime:
    """The UTC datetime of microseconds since 1970."""
    return datetime.fromtimestamp(micros // SECOND, tz=UTC).replace(microsecond=micros % SECOND)


def to_iso(micros: int) -> str:
    """ISO 8601 in UTC, with a trailing Z; fractions of a second only where there are any."""
    return to_datetime(micros).isoformat().replace("+00:00", "Z")
