"""What is drawn from events in the transaction that appends them: who belongs to which account, and who is who."""

from __future__ import annotations

from types import ModuleType

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from features.events import IDENTIFY
from features.identity import claims
from features.store.accounts import account_links
from features.store.aliases import link_leads
from features.store.schema import MAX_NAME, events, lead_accounts

_SAID = sa.select(
    *(events.c[name] for name in ("lead_id", "properties", "occurred_at", "recorded_at", "position", "bot"))
)


def derive(connection: sa.Connection, dialect: ModuleType, *, after: int) -> None:
    """From the identify events after this position of the log."""
    rows = connection.execute(
        _SAID.where(events.c.position > after, events.c.type == IDENTIFY).order_by(events.c.position)
    ).all()
    accounts = account_links(rows)
    if accounts:
        make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        connection.execute(make(lead_accounts).on_conflict_do_nothing(), accounts)
    claimed = claims((row[:-1] for row in rows if not row.bot), MAX_NAME)
    if claimed:
        link_leads(connection, dialect, claimed)
