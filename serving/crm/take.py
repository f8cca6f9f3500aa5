"""From what a CRM sends to events in the log: each item by itself, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError

from features.errors import ErasedLead
from features.events import (
    DAY,
    FARTHEST_NEED,
    IDENTIFY,
    LOST,
    NEED_DECLARED,
    PURCHASED,
    SALES_CALL,
    Event,
    content_id,
    dump_properties,
    events_table,
    to_iso,
)
from features.history import History
from features.sources.admission import check_endings
from features.sources.cells import Moment
from features.sources.exports import Candidate
from features.store.erasure import erased
from features.store.feed import known_event_ids
from features.store.transaction import Transaction
from features.traits import known_traits
from serving.crm.payloads import Call, Outcome, Owner, Traits
from serving.problems import field_errors

Result = dict[str, Any]
# One thing that is said: of which lead, what, and else the reason why it cannot be taken.
Item = tuple[str | None, BaseModel | None, str | None]

_OWN = ("account_id", "source", "owner", "value")


def one(log: Transaction, lead_id: str, said: BaseModel, now: int) -> Result:
    """As ``many``, for one that is known to be well formed."""
    return _take(log, [(lead_id, said, None)], now)[0]


def many(log: Transaction, items: Sequence[Mapping[str, Any]], model: type[BaseModel], now: int) -> Result:
    """One result for each item, in order. ``model``: what an item is, with its lead_id."""
    read: list[Item] = []
    for item in items:
        try:
            said = model.model_validate(item)
        except ValidationError as error:
            given = item.get("lead_id")
            wrong = "; ".join(f"{field}: {'; '.join(texts)}" for field, texts in field_errors(error).items())
            read.append((given if isinstance(given, str) else None, None, wrong))
        else:
            read.append((said.lead_id, said, None))  # type: ignore[attr-defined]
    results = _take(log, read, now)
    counts = {status: sum(r["status"] == status for r in results) for status in ("accepted", "duplicate", "rejected")}
    return {**counts, "items": results}


def _take(log: Transaction, items: Sequence[Item], now: int) -> list[Result]:
    reasons = {place: reason for place, (_, _, reason) in enumerate(items) if reason is not None}
    known = _Known(log, sorted({lead for lead, said, _ in items if lead and isinstance(said, Traits | Owner)}), now)
    gone = erased(log.connection, [lead for lead, said, _ in items if lead is not None and said is not None])
    candidates: list[Candidate] = []
    for place, (lead_id, said, _) in enumerate(items):
        if said is None or lead_id is None:
            continue
        if lead_id in gone:
            reasons[place] = str(ErasedLead(lead_id, gone[lead_id]))
            continue
        late = _not_yet(said, now)
        if late is not None:
            reasons[place] = late
        elif isinstance(said, Outcome | Call):
            when = said.at
            candidates.append(Candidate(place, _event(lead_id, said, now), when.day))
        elif isinstance(said, Traits | Owner):
            candidates += [Candidate(place, event) for event in known.news(lead_id, said)]
    kept, rejects = check_endings(candidates, log, where="", now=now)
    reasons.update({reject.line: reject.reason for reject in rejects})
    return _append(log, items, kept, reasons)


def _append(
    log: Transaction,
    items: Sequence[Item],
    kept: Sequence[Candidate],
    reasons: Mapping[int, str],
) -> list[Result]:
    there = known_event_ids(log, [candidate.event.event_id for candidate in kept])
    log.append(events_table(candidate.event for candidate in kept))
    ids: dict[int, list[str]] = {}
    new: set[int] = set()
    for candidate in kept:
        event_id = candidate.event.event_id
        ids.setdefault(candidate.line, []).append(event_id)
        if event_id not in there:
            new.add(candidate.line)
            there.add(event_id)
    return [
        {
            "lead_id": lead_id,
            "status": "rejected" if place in reasons else "accepted" if place in new else "duplicate",
            "event_ids": [] if place in reasons else ids.get(place, []),
            "reason": reasons.get(place),
        }
        for place, (lead_id, _, _) in enumerate(items)
    ]


def _not_yet(said: BaseModel, now: int) -> str | None:
    """What is wrong with its times, seen from now."""
    for name, latest in (("at", now + DAY), ("created_at", now + DAY), ("need_by", now + FARTHEST_NEED)):
        given = getattr(said, name, None)
        at = given.at if isinstance(given, Moment) else given
        if at is not None and at > latest:
            return f"{name}: expected a time until {to_iso(latest)[:10]}, got {to_iso(at)}"
    return None


def _event(lead_id: str, said: Outcome | Call, now: int) -> Event:
    """Its id comes from its content, so that the same again is no second one."""
    properties = said.model_dump(exclude={"lead_id", "event_id", "at", "outcome"}, exclude_none=True)
    kind = SALES_CALL if isinstance(said, Call) else PURCHASED if said.outcome == "purchased" else LOST
    own = said.event_id if isinstance(said, Call) else None
    return Event(
        event_id=own or content_id("crm", lead_id, kind, said.at.at, dump_properties(properties)),
        lead_id=lead_id,
        type=kind,
        occurred_at=said.at.at,
        recorded_at=now,
        properties=properties,
    )


class _Known:
    """What is known of leads, and what items tell that is new."""

    def __init__(self, log: Transaction, lead_ids: Sequence[str], now: int) -> None:
        self._now = now
        table = log.events(lead_ids) if lead_ids else None
        history = History.from_events([]) if table is None else History.from_table(table)
        self._lead_of = log.canonical(lead_ids) if lead_ids else {}
        self._traits = known_traits(history, now)
        self._leads = set(history.lead_ids)
        self._needs = latest_needs(history, now)

    def news(self, lead_id: str, said: Traits | Owner) -> list[Event]:
        """Events that tell what is new; none when all of it is known."""
        traits, need, created = _said(said)
        lead_id = self._lead_of[lead_id]
        before = self._traits.setdefault(lead_id, {})
        new = {name: value for name, value in traits.items() if before.get(name) != value}
        is_new = lead_id not in self._leads
        at = created if is_new and created is not None else self._now
        found = []
        if new or is_new:
            found.append(self._statement(lead_id, IDENTIFY, at, new))
            before.update(new)
            self._leads.add(lead_id)
        if need is not None and self._needs.get(lead_id) != need:
            found.append(self._statement(lead_id, NEED_DECLARED, at, {"need_by": need}))
            self._needs[lead_id] = need
        return found

    def _statement(self, lead_id: str, kind: str, at: int, properties: Mapping[str, Any]) -> Event:
        return Event(
            event_id=content_id("crm", lead_id, kind, at, self._now, dump_properties(properties)),
            lead_id=lead_id,
            type=kind,
            occurred_at=at,
            recorded_at=self._now,
            properties=properties,
        )


def _said(said: Traits | Owner) -> tuple[dict[str, Any], str | None, int | None]:
    """Traits, the date of the need, and the creation."""
    if isinstance(said, Owner):
        return {"owner": said.owner}, None, None
    given = {**said.attributes, **{name: value for name in _OWN if (value := getattr(said, name)) is not None}}
    # null and an empty text say nothing, as everywhere
    traits = {name: value for name, value in given.items() if value is not None and str(value).strip()}
    return traits, None if said.need_by is None else to_iso(said.need_by)[:10], said.created_at


def latest_needs(history: History, as_of: int) -> dict[str, str]:
    """By lead: the date that it declared last, of those that had."""
    if NEED_DECLARED not in history.types:
        return {}
    code = history.types.index(NEED_DECLARED)
    rows = ((history.type_code == code) & (history.known_at <= as_of)).nonzero()[0]
    needs = {}
    for row in rows.tolist():
        need = orjson.loads(history.properties[row].as_py()).get("need_by")
        if isinstance(need, str):
            needs[history.lead_ids[int(history.lead_code[row])]] = need[:10]
    return needs
