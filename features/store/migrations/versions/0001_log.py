"""The log, the spend table and the API keys."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
ENDING = "type IN ('purchased', 'lost')"


def upgrade() -> None:
    op.create_table(
        "events",
        sa.Column("position", POSITION, sa.Identity(always=True), primary_key=True),
        sa.Column("event_id", sa.Text, nullable=False, unique=True),
        sa.Column("lead_id", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("occurred_at", sa.BigInteger, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("channel", sa.Text),
        sa.Column("campaign", sa.Text),
        sa.Column("bot", sa.Boolean, nullable=False),
        sa.Column("properties", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_lead", "events", ["lead_id", "occurred_at"])
    op.create_index(
        "ix_events_ending", "events", ["lead_id"], sqlite_where=sa.text(ENDING), postgresql_where=sa.text(ENDING)
    )
    op.create_table(
        "lead_accounts",
        sa.Column("account_id", sa.Text, primary_key=True),
        sa.Column("lead_id", sa.Text, primary_key=True),
    )
    op.create_index("ix_lead_accounts_lead", "lead_accounts", ["lead_id"])
    op.create_table(
        "spend",
        sa.Column("position", POSITION, sa.Identity(always=True), primary_key=True),
        sa.Column("spend_id", sa.Text, nullable=False, unique=True),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("campaign", sa.Text),
        sa.Column("date", sa.Date, nullable=False),
        sa.Column("amount", sa.Double, nullable=False),
        sa.Column("recorded_at", sa.BigInteger, nullable=False),
        sa.Column("properties", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "api_keys",
        sa.Column("key_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("scopes", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("revoked_at", sa.BigInteger),
    )
    op.create_table(
        "secrets",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    for statement in APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


# What is in the log stays as it is: see docs/adr/0002-append-only-log.md.
APPEND_ONLY = {
    "sqlite": [
        f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for table in ("events", "spend")
        for verb in ("update", "delete")
    ],
    "postgresql": [
        (
            "CREATE FUNCTION leadtime_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
        ),
        *(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION leadtime_append_only()"
            for table in ("events", "spend")
        ),
    ],
}
