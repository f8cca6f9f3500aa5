"""Key rotation, sessions, the audit log, drift, and the one way in which something leaves the append-only log."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("score_sets", sa.Column("reference", sa.Text))
    for name, kind in (
        ("expires_at", sa.BigInteger),
        ("last_used_at", sa.BigInteger),
        ("old_hash", sa.Text),
        ("old_until", sa.BigInteger),
    ):
        op.add_column("api_keys", sa.Column(name, kind))
    op.create_table(
        "sessions",
        sa.Column("hash", sa.Text, primary_key=True),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "used_links",
        sa.Column("nonce", sa.Text, primary_key=True),
        sa.Column("until", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "audit_log",
        sa.Column("position", POSITION, sa.Identity(always=True), primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("via", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("result", sa.Integer, nullable=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("leads", sa.BigInteger, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_log_at", "audit_log", ["at"])
    op.create_table(
        "audit_leads",
        sa.Column("entry", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("lead_id", sa.Text, primary_key=True),
    )
    op.create_index("ix_audit_leads_lead", "audit_leads", ["lead_id"])
    op.create_table(
        "erased_leads",
        sa.Column("position", POSITION, sa.Identity(always=True), primary_key=True),
        sa.Column("hash", sa.Text, nullable=False, unique=True),
        sa.Column("erased_at", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "append_only_exceptions",
        sa.Column("lead_id", sa.Text),
        sa.Column("audit_before", sa.BigInteger),
    )
    for statement in TRIGGERS[op.get_bind().dialect.name]:
        op.execute(statement)


# See docs/adr/0012-what-erasure-erases.md. Inserting stays as cheap as it was: no trigger looks at it.
ERASING = "EXISTS (SELECT 1 FROM append_only_exceptions WHERE lead_id = OLD.lead_id)"
EXPIRING = "EXISTS (SELECT 1 FROM append_only_exceptions WHERE audit_before > OLD.at)"
RETENTION = "EXISTS (SELECT 1 FROM append_only_exceptions WHERE audit_before IS NOT NULL)"
UNLESS = {  # what lets a row of the table be changed or deleted; anything else is refused
    "events": {"delete": ERASING},
    "audit_log": {"update": "FALSE", "delete": EXPIRING},
    "audit_leads": {"update": ERASING, "delete": f"({ERASING} OR {RETENTION})"},
}

TRIGGERS = {
    "sqlite": [
        "DROP TRIGGER events_no_delete",
        *(
            f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table} WHEN NOT {condition} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            for table, verbs in UNLESS.items()
            for verb, condition in verbs.items()
        ),
    ],
    "postgresql": [
        "DROP TRIGGER events_append_only ON events",
        (
            "CREATE TRIGGER events_append_only BEFORE UPDATE OR TRUNCATE ON events "
            "FOR EACH STATEMENT EXECUTE FUNCTION leadtime_append_only()"
        ),
        *(
            f"CREATE TRIGGER {table}_append_only BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION leadtime_append_only()"
            for table in ("audit_log", "audit_leads")
        ),
        *(
            statement
            for table, verbs in UNLESS.items()
            for verb, condition in verbs.items()
            for statement in (
                (
                    f"CREATE FUNCTION leadtime_{table}_no_{verb}() RETURNS trigger LANGUAGE plpgsql AS "
                    f"$$ BEGIN IF {condition} THEN RETURN {'OLD' if verb == 'delete' else 'NEW'}; END IF; "
                    f"RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
                ),
                (
                    f"CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table} "
                    f"FOR EACH ROW EXECUTE FUNCTION leadtime_{table}_no_{verb}()"
                ),
            )
        ),
    ],
}
