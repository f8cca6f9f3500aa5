"""The sales calls that were made: which settle a lead, and whose day they took room of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import sqlalchemy as sa

from features.business_settings import SalesSettings
from features.events import DAY, to_datetime
from features.property_values import text_of
from features.store import Store
from features.store.schema import CALL, events
from serving.call_list import shown_traits

TOO_EARLY = "too_early"
NOT_REACHED = frozenset({"no_answer", "wrong_person"})  # any other word, or none: the buyer was spoken to


@dataclass(frozen=True)
class Call:
    """``at``: microseconds since 1970 UTC. ``owner``: who called, None where the call does not tell."""

    lead_id: str
    at: int
    owner: str | None
    disposition: str | None

    @property
    def reached(self) -> bool:
        return self.disposition not in NOT_REACHED


@dataclass(frozen=True)
class LastCalls:
    """The last call to a lead, and the last one that reached the buyer."""

    any: Call
    reaching: Call | None


def last_calls(store: Store, lead_ids: Sequence[str], now: int) -> dict[str, LastCalls]:
    """As known now, aliases included; leads never called are not in it."""
    found: dict[str, LastCalls] = {}
    for call in _calls(store, now, events.c.lead_id.in_(store.aliases_of(lead_ids))):
        before = found.get(call.lead_id)
        found[call.lead_id] = LastCalls(call, call if call.reached else before.reaching if before else None)
    return found


def calls_today(store: Store, sales: SalesSettings, now: int) -> Counter[str | None]:
    """How many calls each salesperson has made on this day of his or hers, whatever became of the leads.

    Who called is as the call tells, else the lead's owner.
    """
    recent = _calls(store, now, events.c.occurred_at > now - 2 * DAY)
    untold = sorted({call.lead_id for call in recent if call.owner is None})
    traits = shown_traits(store.history(untold, known_by=now), now) if untold else {}
    made: Counter[str | None] = Counter()
    for call in recent:
        owner = call.owner or traits.get(call.lead_id, {}).get("owner")
        timezone = sales.of(owner).timezone
        made[owner] += local(call.at, timezone).date() == local(now, timezone).date()
    return made


def disposition_of(said: Mapping[str, Any]) -> str | None:
    """How a call ended, in small letters."""
    return (text_of(said.get("disposition")) or "").lower() or None


def local(micros: int, timezone: str) -> datetime:
    return to_datetime(micros).astimezone(ZoneInfo(timezone))


def _calls(store: Store, now: int, which: sa.ColumnElement[bool]) -> list[Call]:
    """In order of time."""
    known = (events.c.occurred_at <= now, events.c.recorded_at <= now, sa.not_(events.c.bot))
    query = (
        sa.select(events.c.lead_id, events.c.occurred_at, events.c.properties)
        .where(sa.text(CALL), which, *known)
        .order_by(events.c.occurred_at, events.c.recorded_at, events.c.event_id)
    )
    with store.reading() as connection:
        rows = connection.execute(query).all()
    leads = store.canonical(sorted({row.lead_id for row in rows}), known_by=now)
    said = [orjson.loads(row.properties) for row in rows]
    return [
        Call(leads[row.lead_id], row.occurred_at, text_of(told.get("owner")), disposition_of(told))
        for row, told in zip(rows, said, strict=True)
    ]
