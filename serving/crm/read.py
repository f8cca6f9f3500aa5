"""What a CRM reads back: leads as known now, their timelines, and the calls and outcomes since a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pyarrow.compute as pc

from features.errors import UnknownLead
from features.events import EVENT_SCHEMA, to_iso
from features.history import History
from features.lives import BOUGHT, GONE, OPEN, UNSEEN, lead_lives, standings
from features.property_values import text_of
from features.store import Store
from features.store.feed import entries, lead_ids_after
from features.traits import known_traits
from serving.crm import cursors
from serving.crm.payloads import FeedQuery, LeadsQuery, Page
from serving.crm.take import latest_needs

Answer = dict[str, Any]

_STATUS = {OPEN: "open", BOUGHT: "purchased", GONE: "lost"}
_AT_ONCE = 500  # leads looked at for each query
_MOST = 20_000  # leads looked at for one page: after so many a page ends, however few it found


def lead(store: Store, lead_id: str, now: int) -> Answer:
    """An alias is answered with the lead that it stands for. UnknownLead when nothing of it is known now."""
    if "\x00" in lead_id:  # which no text in PostgreSQL can hold
        raise UnknownLead(lead_id)
    found = describe(store, [store.canonical([lead_id])[lead_id]], now)
    if not found:
        raise UnknownLead(lead_id)
    return found[0]


def leads(store: Store, query: LeadsQuery, now: int) -> Answer:
    """A page of leads in the order of their ids."""
    question = [query.owner, query.account, query.status]
    place = cursors.read("leads", question, query.cursor)
    after, seen = "" if place is None else str(place[0]), 0
    found: list[Answer] = []
    while len(found) < query.limit and seen < _MOST:
        size = _AT_ONCE if any(question) else query.limit
        ids = lead_ids_after(store, after, size, account=query.account)
        for one in describe(store, ids, now):
            if _meets(one, query):
                found.append(one)
                if len(found) == query.limit:
                    break
        else:
            if len(ids) < size:
                return {"leads": found, "next_cursor": None}
            after = ids[-1]
            seen += len(ids)
            continue
        after = found[-1]["lead_id"]
    return {"leads": found, "next_cursor": cursors.write("leads", question, [after])}


def _meets(one: Answer, query: LeadsQuery) -> bool:
    return (
        query.owner in (None, one["owner"])
        and query.account in (None, one["account_id"])
        and query.status in (None, one["status"])
    )


def describe(store: Store, lead_ids: list[str], now: int) -> list[Answer]:
    """These leads as known now, in this order; without those of which nothing is."""
    if not lead_ids:
        return []
    history = History.from_table(store.events(lead_ids))
    everyone = np.arange(history.n_leads)
    outcomes = standings(history, everyone, np.full(history.n_leads, now, dtype=np.int64)).tolist()
    ended, traits, needs = lead_lives(history, now).ended_at, known_traits(history, now), latest_needs(history, now)
    known = history.known_at <= now
    found = []
    for lead_id in lead_ids:
        i = history.lead_index.get(lead_id)
        if i is None or outcomes[i] == UNSEEN:
            continue
        rows = slice(history.start[i], history.start[i + 1])
        times = history.occurred_at[rows][known[rows]]
        said = traits.get(lead_id, {})
        found.append(
            {
                "lead_id": lead_id,
                "status": _STATUS[outcomes[i]],
                "ended_at": None if outcomes[i] == OPEN else to_iso(int(ended[i])),
                **{name: text_of(said.get(name)) for name in ("owner", "source", "account_id")},
                "value": said.get("value"),
                "need_by": needs.get(lead_id),
                "first_seen": to_iso(int(times.min())),
                "last_event": to_iso(int(times.max())),
                "traits": said,
            }
        )
    return found


def timeline(store: Store, lead_id: str, query: Page) -> Answer:
    """A page of the events of a lead, the latest first. UnknownLead when there is none.

    Pages after the first show the log as it was at the first one: what is appended meanwhile is on the next first page.
    """
    place = cursors.read("timeline", [lead_id], query.cursor)
    up_to = store.position() if place is None else int(place[0])
    table = EVENT_SCHEMA.empty_table() if "\x00" in lead_id else store.events([lead_id], up_to=up_to)
    if table.num_rows == 0:
        raise UnknownLead(lead_id)
    order = pc.sort_indices(table, [("occurred_at", "descending"), ("event_id", "descending")])
    table = table.take(order)
    begin = 0
    if place is not None:
        at, event_id = int(place[1]), str(place[2])
        keys = zip(table["occurred_at"].to_pylist(), table["event_id"].to_pylist(), strict=True)
        begin = sum((when, name) >= (at, event_id) for when, name in keys)
    page = table.slice(begin, query.limit).to_pylist()
    more = begin + len(page) < table.num_rows
    following = [up_to, page[-1]["occurred_at"], page[-1]["event_id"]] if more else None
    return {
        "lead_id": lead_id,
        "events": [_event(event) for event in page],
        "next_cursor": None if following is None else cursors.write("timeline", [lead_id], following),
    }


def _event(row: dict[str, Any]) -> Answer:
    return {
        "event_id": row["event_id"],
        "type": row["type"],
        "occurred_at": to_iso(row["occurred_at"]),
        "recorded_at": to_iso(row["recorded_at"]),
        "channel": row["channel"],
        "campaign": row["campaign"],
        "bot": row["bot"],
        "properties": orjson.loads(row["properties"]),
    }


def feed(store: Store, name: str, query: FeedQuery) -> Answer:
    """``calls`` or ``outcomes`` in the order of the log; the cursor stays good for asking what came later."""
    since = query.since or 0
    place = cursors.read(name, [since], query.cursor)
    after = 0 if place is None else int(place[0])
    found = entries(store, name, since=since, after=after, limit=query.limit + 1)
    page = found[: query.limit]
    following = cursors.write(name, [since], [page[-1].position]) if page else query.cursor
    lead_of = store.canonical(sorted({entry.lead_id for entry in page}))
    rows = [
        {
            "event_id": entry.event_id,
            "lead_id": lead_of[entry.lead_id],
            "type": entry.type,
            "at": to_iso(entry.occurred_at),
            "recorded_at": to_iso(entry.recorded_at),
            "properties": entry.properties,
        }
        for entry in page
    ]
    return {name: rows, "more": len(found) > query.limit, "next_cursor": following}
