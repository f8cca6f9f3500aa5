"""An index of what is said about leads, so that an export can be held against what earlier ones told."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

STATEMENT = "type IN ('identify', 'need_declared')"


def upgrade() -> None:
    op.create_index(
        "ix_events_statement",
        "events",
        ["lead_id"],
        sqlite_where=sa.text(STATEMENT),
        postgresql_where=sa.text(STATEMENT),
    )
