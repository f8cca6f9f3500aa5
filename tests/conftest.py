"""What all tests share: a fresh store on each database, with a real PostgreSQL of the tests' own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings

from features.store import Store

settings.register_profile("leadtime", deadline=None, max_examples=50)
settings.load_profile("leadtime")

DATABASES = ("sqlite", "postgresql")


class PostgresServer:
    """A temporary cluster on a Unix socket, with a migrated database to copy from."""

    TEMPLATE = "leadtime_template"

    def __init__(self, binaries: Path, folder: Path) -> None:
        self._binaries, self._folder = binaries, folder
        self._numbers = count(1)
        self._as_user: list[str] = []
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(folder, "postgres", "postgres")
            self._as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]
        initdb = ["initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run(self._command(initdb), cwd=folder, check=True, capture_output=True)
        self.start()
        self._sql("postgres", f"CREATE DATABASE {self.TEMPLATE}")
        Store.open(self.url(self.TEMPLATE), migrate=True).close()

    def _command(self, command: Sequence[str]) -> list[str]:
        return [*self._as_user, str(self._binaries / command[0]), *command[1:]]

    def start(self) -> None:
        """Start the server, also again after stop()."""
        command = ["postgres", "-D", "data", "-k", str(self._folder), "-c", "listen_addresses=", "-c", "fsync=off"]
        with (self._folder / "log").open("a") as log:
            self._process = subprocess.Popen(self._command(command), cwd=self._folder, stdout=log, stderr=log)
        until = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=2).close()
            except psycopg.OperationalError:
                if self._process.poll() is not None or time.monotonic() > until:
                    pytest.fail(f"PostgreSQL did not start: {(self._folder / 'log').read_text()[-2000:]}")
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """Stop at once, as in a power cut."""
        subprocess.run(self._command(["pg_ctl", "-D", "data", "-m", "immediate", "stop"]), cwd=self._folder, check=True,
                       capture_output=True)  # fmt: skip
        self._process.wait(timeout=30)

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self._folder}"

    def _sql(self, database: str, statement: str) -> None:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement)

    def create(self, *, migrated: bool) -> str:
        """The URL of a new database."""
        name = f"test_{next(self._numbers)}"
        self._sql("postgres", f"CREATE DATABASE {name} TEMPLATE {self.TEMPLATE if migrated else 'template0'}")
        return self.url(name)

    def drop(self, url: str) -> None:
        name = (
            url.rpartition("/")[0].rpartition("@/")[2]
            if "?" not in url
            else url.split("@/")[1].split("?", maxsplit=1)[0]
        )
        self._sql("postgres", f"DROP DATABASE {name} WITH (FORCE)")


def _postgres_binaries() -> Path | None:
    found = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    if found:
        return max(found, key=lambda path: float(path.parent.name))
    initdb = shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb else None


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL server; the test is skipped where there is none, unless LEADTIME_TEST_POSTGRES=required."""
    binaries = _postgres_binaries()
    if binaries is None:
        reason = "PostgreSQL is not installed. On Debian or Ubuntu: apt install postgresql"
        if os.environ.get("LEADTIME_TEST_POSTGRES") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    # Not pytest's own folder: it is closed to other users, and too long a path for a socket.
    folder = Path(tempfile.mkdtemp(prefix="leadtime-pg-"))
    try:
        server = PostgresServer(binaries, folder)
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty database file."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    Store.open(f"sqlite:///{path}", migrate=True).close()
    return path


def _url(database: str, request: pytest.FixtureRequest, tmp_path: Path, *, migrated: bool) -> Iterator[str]:
    if database == "postgresql":
        server = request.getfixturevalue("postgres_server")
        url = server.create(migrated=migrated)
        yield url
        server.drop(url)
        return
    path = tmp_path / "leadtime.db"
    if migrated:
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
    yield f"sqlite:///{path}"


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A migrated, empty database of the test's own: once on SQLite, once on PostgreSQL."""
    yield from _url(request.param, request, tmp_path, migrated=True)


@pytest.fixture(params=DATABASES)
def bare_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """As database_url, without any table; the SQLite file is not there yet."""
    yield from _url(request.param, request, tmp_path, migrated=False)


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An empty store: once on SQLite, once on PostgreSQL."""
    with Store.open(database_url) as opened:
        yield opened


@pytest.fixture
def sqlite_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store on SQLite, for tests to which the database does not matter."""
    for url in _url("sqlite", request, tmp_path, migrated=True):
        with Store.open(url) as opened:
            yield opened


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests see the settings they set, not those of the shell they are run in."""
    for name in list(os.environ):
        about_tests = name.startswith("LEADTIME_TEST_") or name == "LEADTIME_DATA"
        if (name.startswith("LEADTIME_") and not about_tests) or name == "MLFLOW_TRACKING_URI":
            monkeypatch.delenv(name)
