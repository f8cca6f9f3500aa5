"""Answers kept for idempotency keys, and indexes of what a CRM asks for since a position: calls and outcomes."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

CALL = "type = 'sales_call'"
OUTCOME = "type IN ('purchased', 'lost')"


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("key_id", sa.Text, primary_key=True),
        sa.Column("idempotency_key", sa.Text, primary_key=True),
        sa.Column("request_hash", sa.Text, nullable=False),
        sa.Column("claim", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("answer", sa.Text),
    )
    op.create_index("ix_idempotency_keys_created", "idempotency_keys", ["created_at"])
    for name, what in (("ix_events_call", CALL), ("ix_events_outcome", OUTCOME)):
        op.create_index(name, "events", ["position"], sqlite_where=sa.text(what), postgresql_where=sa.text(what))
