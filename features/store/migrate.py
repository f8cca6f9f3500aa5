"""Bringing a database to the schema version that this code needs."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from features.errors import StoreUnavailable
from features.store import monitoring, protection, work  # noqa: F401 - their tables belong to the schema
from features.store.schema import HEAD

_LOCK = 5_283_161_901  # any constant: the advisory lock that one migrator at a time holds


def current_revision(connection: sa.Connection) -> str | None:
    """The schema version of the database; None when it has none yet."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def is_current(connection: sa.Connection) -> bool:
    return current_revision(connection) == HEAD


def require_current(connection: sa.Connection) -> None:
    """StoreUnavailable, with the remedy, unless the schema is the one that this code needs."""
    revision = current_revision(connection)
    if revision == HEAD:
        return
    if revision is None or revision < HEAD:
        have = "no tables yet" if revision is None else f"schema version {revision}"
        raise StoreUnavailable(
            f"the database has {have}, this version of leadtime needs {HEAD}; `python -m features.load DIR` "
            "or starting the service brings it up to date"
        )
    raise StoreUnavailable(
        f"the database has schema version {revision}, newer than the {HEAD} of this version of leadtime; "
        "install the newer version"
    )


def upgrade(connection: sa.Connection) -> None:
    """Run the missing migrations in the connection's transaction. Several may try at once: one does it."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    revision = current_revision(connection)
    if revision is None or revision < HEAD:
        # Imported here: it takes longer than opening a database that is up to date.
        from alembic import command  # noqa: PLC0415
        from alembic.config import Config  # noqa: PLC0415

        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
    require_current(connection)
