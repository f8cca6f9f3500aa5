"""A database is brought to the schema that the code needs, once, and refused when it has another."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import features.store
from features.errors import StoreUnavailable
from features.events import Event, events_table
from features.store import Store
from features.store.schema import HEAD, metadata


def test_without_tables_the_remedy_is_told(bare_database_url: str) -> None:
    with pytest.raises(StoreUnavailable, match=r"python -m features\.load"):
        Store.open(bare_database_url)


def test_opening_to_migrate_makes_the_tables_and_keeps_the_events(bare_database_url: str) -> None:
    one = events_table([Event(event_id="e", lead_id="l", type="t", occurred_at=1, recorded_at=1)])
    with Store.open(bare_database_url, migrate=True) as store:
        store.append(one)
    with Store.open(bare_database_url, migrate=True) as store:
        assert store.events().equals(one)
    with Store.open(bare_database_url) as store:
        assert store.events().equals(one)


def test_the_newest_migration_is_the_one_the_code_names() -> None:
    folder = Path(features.store.__file__).parent / "migrations"
    assert ScriptDirectory(str(folder)).get_current_head() == HEAD


def test_the_migrations_make_the_tables_that_the_code_describes(store: Store) -> None:
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


@pytest.mark.parametrize("migrate", [True, False])
def test_a_newer_schema_is_refused(database_url: str, migrate: bool) -> None:
    with Store.open(database_url) as store, store.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreUnavailable, match="install the newer version"):
        Store.open(database_url, migrate=migrate)


def test_several_may_migrate_at_once(bare_database_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(lambda url: Store.open(url, migrate=True), [bare_database_url] * 4))
    assert [store.position() for store in stores] == [0, 0, 0, 0]
    for store in stores:
        store.close()


def test_a_folder_is_made_for_a_sqlite_file(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/folder/leadtime.db"
    with pytest.raises(StoreUnavailable, match="there is no database at"):
        Store.open(url)
    assert not (tmp_path / "new").exists()
    Store.open(url, migrate=True).close()
    Store.open(url).close()


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "leadtime.db"
    path.write_text("name,age\n" * 500)
    with pytest.raises(StoreUnavailable, match="not a database"):
        Store.open(f"sqlite:///{path}", migrate=True)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="cannot make the folder"):
        Store.open(f"sqlite:///{tmp_path}/file/leadtime.db", migrate=True)


def test_sqlite_commits_are_on_disk(sqlite_store: Store) -> None:
    with sqlite_store.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2  # full
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_locked_database_is_unavailable(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    path = sqlite_store.engine.url.database
    assert path is not None
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with sqlite_store.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 50")
    one = events_table([Event(event_id="e", lead_id="l", type="t", occurred_at=1, recorded_at=1)])
    with pytest.raises(StoreUnavailable, match="locked"):
        sqlite_store.append(one)
    blocker.execute("ROLLBACK")
    assert sqlite_store.append(one).accepted == 1
    blocker.close()
