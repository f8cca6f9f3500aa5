"""The tables of the service's background work: who does it, what it made, and what is still to be sent.

All of it is derived from the log or is about deliveries; times are microseconds since 1970 UTC. A column that names
a lead says so in its ``info``, for erasure.
"""

from __future__ import annotations

import sqlalchemy as sa

from features.store.schema import LEAD, metadata

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# Who does a kind of work, until when. ``token`` rises whenever the holder changes: what was begun under a lower one
# cannot be written any more.
leases = sa.Table(
    "leases",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),  # by the clock of the database
)

# The scores of all open leads by one model version and the costs in force (``registered``: its number in the registry
# with a digest of the costs). New ones are gathered beside those in service until they are whole.
score_sets = sa.Table(
    "score_sets",
    metadata,
    sa.Column("registered", sa.Text, primary_key=True),
    sa.Column("model_version", sa.Text, nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),  # every event at or below it is in the scores
    sa.Column("as_of", sa.BigInteger, nullable=False),  # when the set was last brought up to date with the log
    sa.Column("whole_at", sa.BigInteger),  # since when every open lead is in it
    sa.Column("reference", sa.Text),  # JSON: how readiness was distributed then, to measure drift by
)

scores = sa.Table(
    "scores",
    metadata,
    sa.Column("registered", sa.Text, primary_key=True),
    sa.Column("lead_id", sa.Text, primary_key=True, info=LEAD),
    sa.Column("as_of", sa.BigInteger, nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),  # of the log that it was computed from
    sa.Column("model_version", sa.Text, nullable=False),
    sa.Column("owner", sa.Text),
    # The order of the call list, rising in each, so that a plain index holds it.
    sa.Column("minus_priority", sa.Double, nullable=False),
    sa.Column("due", sa.Text, nullable=False),  # call_on, or 9999 for none
    sa.Column("minus_readiness", sa.Double, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),  # JSON
    sa.Index("ix_scores_urgency", "registered", "minus_priority", "due", "minus_readiness", "lead_id"),
    sa.Index("ix_scores_owner", "registered", "owner", "minus_priority", "due", "minus_readiness", "lead_id"),
    sa.Index("ix_scores_age", "registered", "as_of"),
    sa.Index("ix_scores_lead", "lead_id"),
)

# The times at which a lead's purchase window opened; ``event_id`` is the handoff in the log.
openings = sa.Table(
    "openings",
    metadata,
    sa.Column("lead_id", sa.Text, primary_key=True, info=LEAD),
    sa.Column("number", sa.Integer, primary_key=True),  # 1 for a lead's first
    sa.Column("event_id", sa.Text, nullable=False, unique=True),
    sa.Column("position", sa.BigInteger, nullable=False),  # of the handoff in the log
    sa.Column("owner", sa.Text),
    sa.Column("opened_at", sa.BigInteger, nullable=False),
    sa.Column("closed_at", sa.BigInteger),
    sa.Column("closed_because", sa.Text),
    sa.Index("ix_openings_position", "position"),
    sa.Index(
        "ix_openings_open",
        "lead_id",
        unique=True,
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    ),
)

webhook_endpoints = sa.Table(
    "webhook_endpoints",
    metadata,
    sa.Column("endpoint_id", sa.Text, primary_key=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("events", sa.Text, nullable=False),  # types separated by spaces
    sa.Column("secret", sa.Text, nullable=False),
    sa.Column("old_secret", sa.Text),  # the one before the last rotation, which signs as well until old_until
    sa.Column("old_until", sa.BigInteger),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("disabled_because", sa.Text),  # null: active
    sa.Column("throttled_until", sa.BigInteger, nullable=False),
    sa.Column("throttles", sa.Integer, nullable=False),  # in a row
)

webhook_deliveries = sa.Table(
    "webhook_deliveries",
    metadata,
    sa.Column("delivery_id", _NUMBER, sa.Identity(always=True), primary_key=True),
    sa.Column("endpoint_id", sa.Text, sa.ForeignKey("webhook_endpoints.endpoint_id"), nullable=False),
    sa.Column("message_id", sa.Text, nullable=False),  # the header webhook-id
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("lead_id", sa.Text, info=LEAD),
    sa.Column("body", sa.Text, nullable=False),  # as it is signed and sent
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("state", sa.Text, nullable=False),  # pending, delivered or dead
    sa.Column("attempts", sa.Integer, nullable=False),  # since it was queued or replayed
    sa.Column("next_at", sa.BigInteger, nullable=False),
    sa.Column("last_at", sa.BigInteger),
    sa.Column("last_status", sa.Integer),
    sa.Column("last_error", sa.Text),
    sa.UniqueConstraint("endpoint_id", "message_id", name="uq_webhook_deliveries_message"),
    sa.Index(
        "ix_webhook_deliveries_due",
        "endpoint_id",
        "next_at",
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    ),
    sa.Index("ix_webhook_deliveries_lead", "lead_id"),
    sqlite_autoincrement=True,  # an id is never given twice, also after a purge
)
