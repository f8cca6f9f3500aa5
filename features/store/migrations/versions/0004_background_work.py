"""Leases, refreshed scores, openings of purchase windows, webhooks and their deliveries."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
OPEN, PENDING = "closed_at IS NULL", "state = 'pending'"


def upgrade() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("token", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    _scores()
    _openings()
    _webhooks()


def _scores() -> None:
    op.create_table(
        "score_sets",
        sa.Column("registered", sa.Text, primary_key=True),
        sa.Column("model_version", sa.Text, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("as_of", sa.BigInteger, nullable=False),
        sa.Column("whole_at", sa.BigInteger),
    )
    op.create_table(
        "scores",
        sa.Column("registered", sa.Text, primary_key=True),
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("as_of", sa.BigInteger, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("model_version", sa.Text, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("minus_priority", sa.Double, nullable=False),
        sa.Column("due", sa.Text, nullable=False),
        sa.Column("minus_readiness", sa.Double, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
    )
    order = ["minus_priority", "due", "minus_readiness", "lead_id"]
    op.create_index("ix_scores_urgency", "scores", ["registered", *order])
    op.create_index("ix_scores_owner", "scores", ["registered", "owner", *order])
    op.create_index("ix_scores_age", "scores", ["registered", "as_of"])
    op.create_index("ix_scores_lead", "scores", ["lead_id"])


def _openings() -> None:
    op.create_table(
        "openings",
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("event_id", sa.Text, nullable=False, unique=True),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("closed_at", sa.BigInteger),
        sa.Column("closed_because", sa.Text),
    )
    op.create_index("ix_openings_position", "openings", ["position"])
    op.create_index(
        "ix_openings_open",
        "openings",
        ["lead_id"],
        unique=True,
        sqlite_where=sa.text(OPEN),
        postgresql_where=sa.text(OPEN),
    )


def _webhooks() -> None:
    op.create_table(
        "webhook_endpoints",
        sa.Column("endpoint_id", sa.Text, primary_key=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("events", sa.Text, nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("old_secret", sa.Text),
        sa.Column("old_until", sa.BigInteger),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("disabled_because", sa.Text),
        sa.Column("throttled_until", sa.BigInteger, nullable=False),
        sa.Column("throttles", sa.Integer, nullable=False),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("delivery_id", NUMBER, sa.Identity(always=True), primary_key=True),
        sa.Column("endpoint_id", sa.Text, sa.ForeignKey("webhook_endpoints.endpoint_id"), nullable=False),
        sa.Column("message_id", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("lead_id", sa.Text),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.BigInteger, nullable=False),
        sa.Column("last_at", sa.BigInteger),
        sa.Column("last_status", sa.Integer),
        sa.Column("last_error", sa.Text),
        sa.UniqueConstraint("endpoint_id", "message_id", name="uq_webhook_deliveries_message"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_webhook_deliveries_due",
        "webhook_deliveries",
        ["endpoint_id", "next_at"],
        sqlite_where=sa.text(PENDING),
        postgresql_where=sa.text(PENDING),
    )
    op.create_index("ix_webhook_deliveries_lead", "webhook_deliveries", ["lead_id"])
