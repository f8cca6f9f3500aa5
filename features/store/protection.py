"""The tables that protect people's data: sessions, the audit log, and what is left of leads that were erased."""

from __future__ import annotations

import sqlalchemy as sa

from features.store.schema import LEAD_AUDITED, metadata

_POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# Who is signed in to the pages. The cookie holds the session's secret, the table its SHA-256.
sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("key_id", sa.Text, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("until", sa.BigInteger, nullable=False),
)

# Sign-in links that were used; a row is needed as long as the link's signature holds.
used_links = sa.Table(
    "used_links",
    metadata,
    sa.Column("nonce", sa.Text, primary_key=True),
    sa.Column("until", sa.BigInteger, nullable=False),
)

# Append-only, held by triggers as the log is. One row for each change; reads alike within a second share one.
audit_log = sa.Table(
    "audit_log",
    metadata,
    sa.Column("position", _POSITION, sa.Identity(always=True), primary_key=True),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("who", sa.Text, nullable=False),  # the id of a key, "command line" or "hubspot"
    sa.Column("via", sa.Text, nullable=False),  # key, session, command or webhook
    sa.Column("action", sa.Text, nullable=False),  # method and route, or the command
    sa.Column("result", sa.Integer, nullable=False),  # the HTTP status; 0 for a command
    sa.Column("requests", sa.BigInteger, nullable=False),
    sa.Column("leads", sa.BigInteger, nullable=False),  # how many were concerned
    sa.Column("detail", sa.Text, nullable=False),  # a JSON object
    sa.Index("ix_audit_log_at", "at"),
    sqlite_autoincrement=True,
)

audit_leads = sa.Table(
    "audit_leads",
    metadata,
    sa.Column("entry", sa.BigInteger, primary_key=True, autoincrement=False),  # audit_log.position
    sa.Column("lead_id", sa.Text, primary_key=True, info=LEAD_AUDITED),
    sa.Index("ix_audit_leads_lead", "lead_id"),
)

# A tombstone says that a lead was erased, without saying which: the hash is keyed with a secret of the database.
erased_leads = sa.Table(
    "erased_leads",
    metadata,
    sa.Column("position", _POSITION, sa.Identity(always=True), primary_key=True),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
    sa.Column("erased_at", sa.BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

# What the append-only triggers let through. Filled and emptied within one transaction: nobody else ever sees a row.
append_only_exceptions = sa.Table(
    "append_only_exceptions",
    metadata,
    sa.Column("lead_id", sa.Text),  # the rows of this lead may go
    sa.Column("audit_before", sa.BigInteger),  # the audit entries before this time may go
)
