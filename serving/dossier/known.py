"""What was known about a lead and its colleagues at a moment: one read of the log, on which every part stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from features.business_settings import EventRoles
from features.errors import ErasedLead, UnknownLead
from features.events import NOT_ENGAGEMENT
from features.history import History
from features.property_values import number_of, text_of
from features.settings import Settings
from features.store import Erasures, Store

Answer = dict[str, Any]
MAX_TEXT = 280  # characters of a free text


@dataclass(frozen=True, slots=True)
class Seen:
    """An event that could be seen. Times in microseconds since 1970 UTC."""

    event_id: str
    type: str
    at: int
    recorded_at: int
    channel: str | None
    campaign: str | None
    properties: Mapping[str, Any]

    def text(self, *names: str) -> str | None:
        """The first of these properties that says something, as text."""
        return next((text for name in names if (text := text_of(self.properties.get(name))) is not None), None)

    def number(self, *names: str) -> float | None:
        return next((n for name in names if (n := number_of(self.properties.get(name))) is not None), None)

    def engages(self, roles: EventRoles) -> bool:
        """Whether the lead itself did something: a mail that was sent to it is nothing that it did."""
        return self.type not in NOT_ENGAGEMENT and self.type not in roles.mail_sent

    def content(self, roles: EventRoles) -> str | None:
        """What was read."""
        return self.text(*roles.content_properties)


@dataclass(frozen=True, eq=False)
class Known:
    """``history``: the lead and everyone who ever shared an account with it, without bots, known by ``as_of``."""

    lead_id: str
    as_of: int
    history: History
    table: pa.Table
    settings: Settings

    @property
    def roles(self) -> EventRoles:
        return self.settings.events

    @cached_property
    def events(self) -> list[Seen]:
        """The lead's own, the oldest first."""
        return self.of(self.lead_id)

    @cached_property
    def traits(self) -> dict[str, dict[str, Any]]:
        """By lead."""
        from features.traits import known_traits  # noqa: PLC0415 - compiled: a start should not wait for it

        return known_traits(self.history, self.as_of)

    def trait(self, lead_id: str, name: str) -> str | None:
        return text_of(self.traits.get(lead_id, {}).get(name))

    def of(self, lead_id: str) -> list[Seen]:
        """The events of one lead, the oldest first."""
        return self.by_lead([lead_id])[lead_id]

    def by_lead(self, lead_ids: Sequence[str]) -> dict[str, list[Seen]]:
        """The events of these leads, without bots, the oldest first."""
        wanted = pc.is_in(self.table["lead_id"], pa.array(lead_ids, type=pa.string()))
        found: dict[str, list[Seen]] = {lead_id: [] for lead_id in lead_ids}
        for row in self.table.filter(pc.and_(wanted, pc.invert(self.table["bot"]))).to_pylist():
            found[row["lead_id"]].append(
                Seen(
                    event_id=row["event_id"],
                    type=row["type"],
                    at=row["occurred_at"],
                    recorded_at=row["recorded_at"],
                    channel=row["channel"],
                    campaign=row["campaign"],
                    properties=orjson.loads(row["properties"]),
                )
            )
        for events in found.values():
            events.sort(key=lambda event: (event.at, event.recorded_at, event.event_id))
        return found


def look_up(store: Store, settings: Settings, lead_id: str, as_of: int) -> Known:
    """An alias is the lead that it stood for then. UnknownLead, ErasedLead when nothing was known of it."""
    if "\x00" in lead_id:  # which no text in PostgreSQL can hold
        raise UnknownLead(lead_id)
    table = store.events([lead_id], known_by=as_of, colleagues=True)
    lead = store.canonical([lead_id], known_by=as_of)[lead_id]
    if not pc.any(pc.equal(table["lead_id"], lead)).as_py():
        erased_at = Erasures(store).of([lead_id]).get(lead_id)
        raise UnknownLead(lead_id) if erased_at is None else ErasedLead(lead_id, erased_at)
    return Known(lead, as_of, History.from_table(table), table, settings)


def shortened(text: str, most: int = MAX_TEXT) -> str:
    """In one line, and cut."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}\N{HORIZONTAL ELLIPSIS}"
