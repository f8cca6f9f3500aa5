"""Events from a CRM, held against the log: endings by the rules of the tables, traits only where they are new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import orjson
import pyarrow as pa

from features.events import ENDINGS, IDENTIFY, Event, content_id
from features.sources.exports import Candidate, Found
from features.tables.endings import Endings
from features.tables.known import KnownLeads
from features.tables.rows import Rows
from features.tables.sources import Chunk, Reject


class Log(KnownLeads, Protocol):
    """What is known from before: a Store."""


Members = Mapping[str, Sequence[str]]  # the leads of each account


@dataclass(frozen=True)
class Admitted:
    """``told``: events that are left out, since the log says the same already."""

    candidates: list[Candidate]
    rejects: list[Reject]
    told: int


def admit(found: Found, log: Log, members: Members, *, now: int) -> Admitted:
    """What of an export is to be appended. ``now``: microseconds since 1970 UTC."""
    candidates, strangers = _with_leads(found, members)
    candidates, told = _new_traits(found.source, candidates, log)
    candidates, refused = check_endings(candidates, log, where=found.source, now=now)
    return Admitted(candidates, sorted(strangers + refused, key=lambda reject: reject.line), told)


def check_endings(
    candidates: Sequence[Candidate], log: KnownLeads, *, where: str, now: int
) -> tuple[list[Candidate], list[Reject]]:
    """Without those that would be a second ending, or one before the lead was there; and why those were refused."""
    endings = [candidate for candidate in candidates if candidate.event.type in ENDINGS]
    if not endings:
        return list(candidates), []
    events = [candidate.event for candidate in endings]
    lines = np.array([candidate.line for candidate in endings], dtype=np.int64)
    rows = Rows(Chunk(where, lines, pa.table({"lead_id": [event.lead_id for event in events]})), now=now)
    at = Endings(log, {}).check(
        rows,
        np.ones(rows.n, dtype=np.bool_),
        lead_ids=[event.lead_id for event in events],
        types=[event.type for event in events],
        at=np.array([event.occurred_at for event in events], dtype=np.int64),
        days=np.array([candidate.day for candidate in endings], dtype=np.bool_),
        column="at",
    )
    good = {
        id(candidate): _at(candidate, int(when)) for candidate, ok, when in zip(endings, rows.ok, at, strict=True) if ok
    }
    others = (good.get(id(c)) if c.event.type in ENDINGS else c for c in candidates)
    return [candidate for candidate in others if candidate is not None], rows.rejects


def _at(candidate: Candidate, at: int) -> Candidate:
    event = candidate.event
    return replace(candidate, event=replace(event, occurred_at=at, recorded_at=max(at, event.recorded_at)))


def _with_leads(found: Found, members: Members) -> tuple[list[Candidate], list[Reject]]:
    """What is told of an account becomes an event of each of its leads."""
    kept, rejects = [], []
    for candidate in found.candidates:
        if candidate.account is None:
            kept.append(candidate)
            continue
        theirs = members.get(candidate.account, ())
        for place, lead in enumerate(theirs):
            event = candidate.event
            said = event.properties if place == 0 else {k: v for k, v in event.properties.items() if k != "value"}
            mine = replace(event, lead_id=lead, event_id=f"{event.event_id}:{content_id(lead)}", properties=said)
            kept.append(replace(candidate, event=mine, account=None))
        if not theirs:
            reason = f"expected a lead of the account {candidate.account}, got none. Import the leads first"
            rejects.append(Reject(found.source, candidate.line, "account_id", reason))
    return kept, rejects


def _new_traits(source: str, candidates: Sequence[Candidate], log: KnownLeads) -> tuple[list[Candidate], int]:
    """Of each lead only what exports of this CRM had not told by then.

    Whatever other sources said in between does not count: an export that still says the same tells nothing new.
    """
    crm = source.partition("/")[0] + ":"
    leads = sorted({c.event.lead_id for c in candidates if c.event.type == IDENTIFY})
    told = _told(log, leads, crm)
    kept, same = [], 0
    for candidate in candidates:
        event = candidate.event
        if event.type != IDENTIFY:
            kept.append(candidate)
            continue
        before: dict[str, Any] = {}
        theirs = told.setdefault(event.lead_id, {})
        if event.event_id in theirs:
            same += 1
            continue
        for _, values in sorted(told_by for told_by in theirs.values() if told_by[0] <= event.occurred_at):
            before |= orjson.loads(values)
        new = {name: value for name, value in event.properties.items() if before.get(name) != value}
        if not new and theirs:
            same += 1
            continue
        theirs[event.event_id] = (event.occurred_at, orjson.dumps(new).decode())
        kept.append(replace(candidate, event=replace(event, properties=new)))
    return kept, same


def _told(log: KnownLeads, leads: Sequence[str], crm: str) -> dict[str, dict[str, tuple[int, str]]]:
    """By lead and event: when exports told what."""
    told: dict[str, dict[str, tuple[int, str]]] = {}
    if not leads:
        return told
    table = log.statements(leads)
    columns = (table[name].to_pylist() for name in ("lead_id", "event_id", "type", "occurred_at", "properties"))
    for lead, event_id, kind, at, properties in zip(*columns, strict=True):
        if kind == IDENTIFY and event_id.startswith(crm):
            told.setdefault(lead, {})[event_id] = (at, properties)
    return told


def events_of(candidates: Sequence[Candidate]) -> list[Event]:
    return [candidate.event for candidate in candidates]
