"""The tables of the database, and the schema version that this code needs.

``migrations/`` makes them; a test holds that both say the same. A column that names a lead says so in its ``info``:
``info=LEAD``, or ``info=LEAD_AUDITED`` where the row outlives the lead, and a text in which leads may be named
``info=LEAD_WITHIN``. Erasure and export go by that alone
(docs/adr/0012-what-erasure-erases.md).
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import sqlalchemy as sa

HEAD = "0007"  # the newest revision in migrations/versions

# Longest identifier or name, in characters. PostgreSQL cannot index a text much above 2,700 bytes.
MAX_NAME = 255

# What is said about a lead. A query is written like this to use the index of such events.
STATEMENT = "type IN ('identify', 'need_declared')"

LEAD: dict[Any, Any] = {"lead": True}  # rows of an erased lead are deleted
LEAD_AUDITED: dict[Any, Any] = {"lead": True, "pseudonym": True}  # the id becomes a pseudonym, the row stays
LEAD_WITHIN: dict[Any, Any] = {"lead_within": True}  # a JSON text: rows in which an erased lead occurs are deleted

# What a CRM asks for since a position of the log. A query is written like this to use the index of such events.
CALL, OUTCOME = "type = 'sales_call'", "type IN ('purchased', 'lost')"

metadata = sa.MetaData()

# SQLite takes only INTEGER as an alias of its row number, which is what makes a scan in log order fast.
_POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

events = sa.Table(
    "events",
    metadata,
    sa.Column("position", _POSITION, sa.Identity(always=True), primary_key=True),
    sa.Column("event_id", sa.Text, nullable=False, unique=True),
    sa.Column("lead_id", sa.Text, nullable=False, info=LEAD),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("occurred_at", sa.BigInteger, nullable=False),  # microseconds since 1970 UTC, as every time here
    sa.Column("recorded_at", sa.BigInteger, nullable=False),
    sa.Column("channel", sa.Text),
    sa.Column("campaign", sa.Text),
    sa.Column("bot", sa.Boolean, nullable=False),
    sa.Column("properties", sa.Text, nullable=False),  # a JSON object
    sa.Index("ix_events_lead", "lead_id", "occurred_at"),
    sa.Index(
        "ix_events_ending",
        "lead_id",
        sqlite_where=sa.text("type IN ('purchased', 'lost')"),
        postgresql_where=sa.text("type IN ('purchased', 'lost')"),
    ),
    sa.Index(
        "ix_events_statement",
        "lead_id",
        sqlite_where=sa.text(STATEMENT),
        postgresql_where=sa.text(STATEMENT),
    ),
    sa.Index("ix_events_call", "position", sqlite_where=sa.text(CALL), postgresql_where=sa.text(CALL)),
    sa.Index("ix_events_outcome", "position", sqlite_where=sa.text(OUTCOME), postgresql_where=sa.text(OUTCOME)),
    sqlite_autoincrement=True,  # a position is never given twice, also after an erasure
)

# Which leads ever had which account_id: derived from the identify events in the transaction that appends them.
lead_accounts = sa.Table(
    "lead_accounts",
    metadata,
    sa.Column("account_id", sa.Text, primary_key=True),
    sa.Column("lead_id", sa.Text, primary_key=True, info=LEAD),
    sa.Index("ix_lead_accounts_lead", "lead_id"),
)

# Which ids turned out to belong to another lead: derived, like lead_accounts, from the identify events that say so.
# What happened to from_id belongs to to_id from recorded_at on (features/identity.py); position is that of the event.
lead_aliases = sa.Table(
    "lead_aliases",
    metadata,
    sa.Column("from_id", sa.Text, primary_key=True, info=LEAD),
    sa.Column("to_id", sa.Text, nullable=False, info=LEAD),
    sa.Column("recorded_at", sa.BigInteger, nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Index("ix_lead_aliases_to", "to_id"),
)

# What intake could not take, with the reason: the newest ones, for whoever looks for them.
rejected_events = sa.Table(
    "rejected_events",
    metadata,
    sa.Column("position", _POSITION, sa.Identity(always=True), primary_key=True),
    sa.Column("reject_id", sa.Text, nullable=False, unique=True),  # the same event sent again is there once
    sa.Column("received_at", sa.BigInteger, nullable=False),
    sa.Column("key_id", sa.Text, nullable=False),
    sa.Column("type", sa.Text),
    sa.Column("message_id", sa.Text),
    sa.Column("lead_id", sa.Text, info=LEAD),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False, info=LEAD_WITHIN),  # JSON, cut to a bound
    sa.Index("ix_rejected_events_lead", "lead_id"),
    sa.Index("ix_rejected_events_received", "received_at"),
    sqlite_autoincrement=True,
)

# Append-only as well: the row recorded last counts for a channel, campaign and date.
spend = sa.Table(
    "spend",
    metadata,
    sa.Column("position", _POSITION, sa.Identity(always=True), primary_key=True),
    sa.Column("spend_id", sa.Text, nullable=False, unique=True),  # a hash of the row
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("campaign", sa.Text),
    sa.Column("date", sa.Date, nullable=False),
    sa.Column("amount", sa.Double, nullable=False),
    sa.Column("recorded_at", sa.BigInteger, nullable=False),
    sa.Column("properties", sa.Text, nullable=False),
    sqlite_autoincrement=True,
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    sa.Column("key_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("scopes", sa.Text, nullable=False),  # separated by spaces
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("revoked_at", sa.BigInteger),
    sa.Column("expires_at", sa.BigInteger),
    sa.Column("last_used_at", sa.BigInteger),  # to the hour
    sa.Column("old_hash", sa.Text),  # the secret before the last rotation, which opens until old_until
    sa.Column("old_until", sa.BigInteger),
)

# What the service signs with, shared by its workers and machines: made once, when it first starts.
secrets = sa.Table(
    "secrets",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
)

# What was answered to a request with an Idempotency-Key; no answer while the request is under way.
idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("key_id", sa.Text, primary_key=True),  # of the API key: keys of two callers never meet
    sa.Column("idempotency_key", sa.Text, primary_key=True),
    sa.Column("request_hash", sa.Text, nullable=False),
    sa.Column("claim", sa.Text, nullable=False),  # random: which of several requests is the one under way
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("answer", sa.Text, info=LEAD_WITHIN),  # the JSON body, of a success only
    sa.Index("ix_idempotency_keys_created", "created_at"),
)

# The rows of the spend table as Store.append_spend takes and Store.spend gives them.
SPEND_SCHEMA = pa.schema(
    [
        pa.field("channel", pa.string(), nullable=False),
        pa.field("campaign", pa.string()),
        pa.field("date", pa.date32(), nullable=False),
        pa.field("amount", pa.float64(), nullable=False),  # any one currency, at least 0
        pa.field("recorded_at", pa.int64(), nullable=False),
        pa.field("properties", pa.string(), nullable=False),  # a JSON object
    ]
)
