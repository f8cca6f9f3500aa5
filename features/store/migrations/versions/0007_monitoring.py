"""What watching the serving model found, and the forecasts that it is held to."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "monitor_results",
        sa.Column("result_id", NUMBER, sa.Identity(always=True), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("registered", sa.Text, nullable=False),
        sa.Column("model_version", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_monitor_results_at", "monitor_results", ["at"])
    op.create_table(
        "monitor_forecasts",
        sa.Column("as_of", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("lead_id", sa.Text, primary_key=True),
        sa.Column("model_version", sa.Text, nullable=False),
        sa.Column("weekly", sa.Double, nullable=False),
        sa.Column("chances", sa.Text, nullable=False),
        sa.Column("first_day", sa.Integer),
        sa.Column("last_day", sa.Integer),
    )
    op.create_index("ix_monitor_forecasts_lead", "monitor_forecasts", ["lead_id"])
