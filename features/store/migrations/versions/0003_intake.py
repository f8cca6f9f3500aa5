"""Which ids belong to another lead, and the events that intake could not take."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "lead_aliases",
        sa.Column("from_id", sa.Text, primary_key=True),
        sa.Column("to_id", sa.Text, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_lead_aliases_to", "lead_aliases", ["to_id"])
    op.create_table(
        "rejected_events",
        sa.Column("position", POSITION, sa.Identity(always=True), primary_key=True),
        sa.Column("reject_id", sa.Text, nullable=False, unique=True),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("type", sa.Text),
        sa.Column("message_id", sa.Text),
        sa.Column("lead_id", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_rejected_events_lead", "rejected_events", ["lead_id"])
    op.create_index("ix_rejected_events_received", "rejected_events", ["received_at"])
