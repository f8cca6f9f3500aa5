"""The log as a CRM reads it: leads in the order of their ids, and calls and outcomes in the order of the log.

Each page goes on where the one before ended, whatever was appended in between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa

from features.store.schema import CALL, OUTCOME, events, lead_accounts
from features.store.store import Store

FEEDS = {"calls": CALL, "outcomes": OUTCOME}


@dataclass(frozen=True, slots=True)
class Entry:
    """One event of the log with its position. Times in microseconds since 1970 UTC."""

    position: int
    event_id: str
    lead_id: str
    type: str
    occurred_at: int
    recorded_at: int
    properties: dict[str, Any]


def entries(store: Store, feed: str, *, since: int, after: int, limit: int) -> list[Entry]:
    """``calls`` or ``outcomes`` in the order of the log: recorded at ``since`` or later, behind position ``after``."""
    columns = [events.c[name] for name in ("position", "event_id", "lead_id", "type", "occurred_at", "recorded_at")]
    query = (
        sa.select(*columns, events.c.properties)
        .where(sa.text(FEEDS[feed]), events.c.position > after, events.c.recorded_at >= since, sa.not_(events.c.bot))
        .order_by(events.c.position)
        .limit(limit)
    )
    with store.reading() as connection:
        rows = connection.execute(query).mappings()
        return [Entry(**{**row, "properties": orjson.loads(row["properties"])}) for row in rows]


def lead_ids_after(store: Store, after: str, limit: int, *, account: str | None = None) -> list[str]:
    """The next leads in the order of their ids. ``account``: only those that ever had it as their account_id."""
    if account is None:
        column = events.c.lead_id
        query = sa.select(column).where(column > after, sa.not_(events.c.bot))
    else:
        column = lead_accounts.c.lead_id
        query = sa.select(column).where(column > after, lead_accounts.c.account_id == account)
    with store.reading() as connection:
        return list(connection.execute(query.distinct().order_by(column).limit(limit)).scalars())


def members(store: Store, accounts: Sequence[str]) -> dict[str, list[str]]:
    """For each of these accounts that any lead ever had: the leads that had it."""
    found: dict[str, list[str]] = {}
    query = sa.select(lead_accounts.c.account_id, lead_accounts.c.lead_id).order_by(lead_accounts.c.lead_id)
    with store.reading() as connection:
        for begin in range(0, len(accounts), 500):  # a statement takes only so many values
            some = list(accounts[begin : begin + 500])
            for account, lead in connection.execute(query.where(lead_accounts.c.account_id.in_(some))):
                found.setdefault(account, []).append(lead)
    return found


def known_event_ids(store: Store, event_ids: Sequence[str]) -> set[str]:
    """Which of these events are in the log."""
    found: set[str] = set()
    with store.reading() as connection:
        for begin in range(0, len(event_ids), 500):
            some = events.c.event_id.in_(list(event_ids[begin : begin + 500]))
            found.update(connection.execute(sa.select(events.c.event_id).where(some)).scalars())
    return found
