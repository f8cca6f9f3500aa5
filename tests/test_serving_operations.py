"""What operating the service rests on: request ids, metrics, readiness, an outage of the database, an orderly stop."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3
from prometheus_client.parser import text_string_to_metric_families
from serving_world import FixedModel, Running, World
from test_serving_process import free_port

from features.events import Event, events_table
from features.settings import Settings
from features.store import Store
from serving.app import create_app
from serving.audit.log import Audit
from serving.keys import Keys
from serving.logs import JsonLines
from serving.registry import Served

pytest_plugins = ("serving_fixtures",)

ROOT = Path(__file__).parent.parent


def test_every_answer_and_log_line_has_the_id_of_its_request(
    own_service: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(caplog.handler, "formatter", JsonLines())
    client = own_service.client
    answer = client.get("/v1/call-list", headers={**own_service.key, "X-Request-Id": "abc-123"})
    assert answer.headers["X-Request-Id"] == "abc-123"
    made = {client.get("/nothing").headers["X-Request-Id"] for _ in range(3)}
    assert len(made) == 3
    for strange in ("x" * 65, "a b", "é", "<script>", "a@b", ""):
        given = strange.encode().decode("latin-1")
        assert client.get("/healthz", headers={"X-Request-Id": given}).headers["X-Request-Id"] != given
    lines = [json.loads(line) for line in caplog.text.splitlines()]
    first = lines[0]
    assert (first["request_id"], first["route"], first["status"], first["method"]) == (
        "abc-123", "/v1/call-list", 200, "GET",
    )  # fmt: skip
    assert first["key"] == own_service.key["Authorization"].split("_")[1]
    assert first["ms"] >= 0
    assert all(line["request_id"] for line in lines)
    assert lines[1]["route"] is None


def test_a_line_of_an_error_tells_where_and_not_what() -> None:
    formatter = JsonLines()

    def fail() -> None:
        raise RuntimeError("of zoe@example.com") from KeyError("zoe@example.com")

    try:
        fail()
    except RuntimeError:
        record = logging.LogRecord("x", logging.ERROR, "", 1, "failed", (), sys.exc_info())
    line = json.loads(formatter.format(record))
    assert line["exception"]["types"] == ["builtins.RuntimeError", "builtins.KeyError"]
    assert "test_serving_operations.py" in line["exception"]["at"][-1]
    assert "zoe" not in str(line)


def numbers(text: str) -> dict[str, float]:
    return {
        sample.name + str(sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_tell_of_requests_intake_scores_and_model(own_service: Running, world: World) -> None:
    client = own_service.client
    client.get(f"/v1/leads/{world.open_lead}/score", headers=own_service.key)
    client.get("/v1/call-list", headers=own_service.key)
    client.open("/nothing", method="MADE-UP")
    own_service.store.append(events_table([event("new")]))
    own_service.store.append(events_table([event("new")]))
    assert client.get("/metrics").status_code == 401
    own_service.clock.now += 7_000_000
    answer = client.get("/metrics", headers=own_service.key)
    assert answer.mimetype == "text/plain"
    text = answer.get_data(as_text=True)
    assert world.open_lead not in text
    found = numbers(text)
    route = "[('method', 'GET'), ('route', '/v1/leads/{lead_id}/score'), ('status', '200')]"
    assert found[f"leadtime_request_seconds_count{route}"] == 1
    assert found["leadtime_events_total[('outcome', 'accepted')]"] == 1
    assert found["leadtime_events_total[('outcome', 'duplicates')]"] == 1
    assert math.isnan(found["leadtime_scores_age_seconds[]"]), "nothing was refreshed yet"
    assert math.isnan(found["leadtime_score_drift[]"])
    assert found["leadtime_webhook_deliveries[('state', 'pending')]"] == 0
    assert found["leadtime_audit_waiting[]"] == 2
    assert found["leadtime_model_info[('registered', '7'), ('version', '7')]"] == 1
    assert "MADE-UP" not in text
    assert "process_resident_memory_bytes[]" in found


def test_a_setting_opens_the_metrics(sqlite_store: Store, world: World) -> None:
    given = Settings(database_url=sqlite_store.engine.url.render_as_string(), metrics_open=True)
    app = create_app(given, sqlite_store, FixedModel(Served(world.scorer, "7")), lambda: 0)
    assert app.test_client().get("/metrics").status_code == 200


def event(event_id: str) -> Event:
    return Event(event_id=event_id, lead_id="L", type="page_view", occurred_at=1, recorded_at=1)


def test_a_database_file_that_was_moved_or_deleted_is_noticed(own_service: Running, tmp_path: Path) -> None:
    client, file = own_service.client, Path(own_service.store.engine.url.database)
    assert client.get("/readyz").status_code == 200
    moved = file.rename(tmp_path / "elsewhere.db")
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["code"]) == (503, "not_ready")
    assert "moved or deleted" in ready.json["message"]
    answer = client.get("/v1/call-list", headers=own_service.key)
    assert (answer.status_code, answer.json["code"]) == (503, "store_unavailable")
    assert not file.exists(), "no empty file takes its place"
    moved.rename(file)
    assert client.get("/readyz").status_code == 200
    shutil.copy(file, tmp_path / "backup.db")
    (tmp_path / "backup.db").replace(file)
    assert client.get("/readyz").status_code == 200, "a restored file is taken over"


def test_behind_a_proxy_the_scheme_and_address_of_the_caller_count(sqlite_store: Store, world: World) -> None:
    headers = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "9.9.9.9"}
    for proxies, secure in ((0, False), (1, True)):
        given = Settings(database_url=sqlite_store.engine.url.render_as_string(), proxies=proxies)
        app = create_app(given, sqlite_store, FixedModel(Served(world.scorer, "7")), lambda: 0)
        answer = app.test_client().get("/login", headers=headers)
        assert ("Strict-Transport-Security" in answer.headers) == secure
        assert ("Secure" in answer.headers["Set-Cookie"]) == secure


class Live:
    """`python -m serving` in a process of its own."""

    def __init__(self, database: str, tracking: str, *, workers: int = 1) -> None:
        self.port = free_port()
        with Store.open(database, migrate=True) as store:
            self.key = Keys(store).create("test", ["read"], time.time_ns() // 1000)[1]
        environment = {
            **os.environ, "LEADTIME_DATABASE_URL": database, "MLFLOW_TRACKING_URI": tracking,
            "LEADTIME_PORT": str(self.port), "LEADTIME_WORKERS": str(workers), "OMP_WAIT_POLICY": "PASSIVE",
        }  # fmt: skip
        # no pipe: one that nobody reads would stop the service
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by end()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "serving"], env=environment, cwd=ROOT, stdout=subprocess.DEVNULL,
            stderr=self._errors,
        )  # fmt: skip
        self.pool = urllib3.HTTPConnectionPool("127.0.0.1", self.port, maxsize=8, retries=False, timeout=30)

    def get(self, path: str) -> urllib3.BaseHTTPResponse:
        return self.pool.request("GET", path, headers={"Authorization": f"Bearer {self.key}"})

    def wait_for(self, path: str, status: int, seconds: float = 60) -> urllib3.BaseHTTPResponse:
        limit = time.monotonic() + seconds
        while True:
            assert self.process.poll() is None, "the service ended"
            with contextlib.suppress(urllib3.exceptions.HTTPError):
                answer = self.get(path)
                if answer.status == status:
                    return answer
            assert time.monotonic() < limit, f"{path} did not answer {status}"
            time.sleep(0.1)

    def all_ready(self) -> None:
        """Wait until every worker is: which of them answers is up to the kernel."""
        self.wait_for("/readyz", 200)
        in_a_row = 0
        while in_a_row < 20:
            with urllib3.HTTPConnectionPool("127.0.0.1", self.port, retries=False, timeout=30) as anew:
                in_a_row = in_a_row + 1 if anew.request("GET", "/readyz").status == 200 else 0
            time.sleep(0 if in_a_row else 0.1)

    def end(self) -> str:
        """Stop it; what it wrote to standard error."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        self.pool.close()
        with self._errors as errors:
            errors.seek(0)
            return errors.read()


@pytest.fixture
def on_postgres(postgres_server, registered: str, world: World) -> Iterator[Live]:
    url = postgres_server.create(migrated=True)
    with Store.open(url) as store, Store.open(world.url) as there:
        store.append(there.events())
    live = Live(url, registered, workers=2)
    try:
        live.all_ready()
        yield live
    finally:
        live.end()
        postgres_server.drop(url)


def test_an_outage_of_postgresql_is_answered_and_survived(on_postgres: Live, postgres_server, world: World) -> None:
    path = f"/v1/leads/{world.open_lead}/score"
    assert on_postgres.get(path).status == 200
    postgres_server.stop()
    try:
        for asked in (path, "/v1/call-list", "/v1/scores?lead_ids=a"):
            answer = on_postgres.get(asked)
            assert (answer.status, answer.json()["code"]) == (503, "store_unavailable")
            assert int(answer.headers["Retry-After"]) > 0
            assert "postgres" not in answer.data.decode().lower()
        assert on_postgres.get("/readyz").status == 503
        assert on_postgres.get("/healthz").status == 200
    finally:
        postgres_server.start()
    on_postgres.wait_for(path, 200, 20)
    on_postgres.wait_for("/readyz", 200, 20)
    assert on_postgres.process.poll() is None


def test_it_stops_in_order_with_every_request_answered_and_recorded(
    world: World, registered: str, tmp_path: Path
) -> None:
    shutil.copy(world.file, tmp_path / "leadtime.db")
    url = f"sqlite:///{tmp_path}/leadtime.db"
    live = Live(url, registered, workers=2)
    answered: list[int] = []
    wrong: list[str] = []
    stopping = threading.Event()

    def ask() -> None:
        sent = urllib3.HTTPConnectionPool("127.0.0.1", live.port, retries=False, timeout=30)
        while True:
            try:
                answer = sent.request("GET", f"/v1/leads/{world.open_lead}/score",
                                      headers={"Authorization": f"Bearer {live.key}"})  # fmt: skip
                answered.append(answer.status)
            except urllib3.exceptions.HTTPError as error:
                if not stopping.is_set():
                    wrong.append(repr(error))
                return

    try:
        live.all_ready()
        callers = [threading.Thread(target=ask) for _ in range(4)]
        for caller in callers:
            caller.start()
        time.sleep(1.0)
        at = len(answered)
        text = live.get("/metrics").data.decode()
    finally:
        stopping.set()
        errors = live.end()
    for caller in callers:
        caller.join(30)
    assert live.process.returncode == 0, errors
    assert not wrong
    assert set(answered) == {200}
    counted = sum(value for name, value in numbers(text).items() if "_seconds_count" in name and "score" in name)
    assert counted >= at, "the counts of both workers are added up"
    lines = [json.loads(line) for line in errors.splitlines()]
    assert {line["event"] for line in lines} >= {"request"}
    with Store.open(url) as store:
        entries = [entry for _, entry in Audit(store).read(limit=1_000) if "score" in entry.action]
        assert sum(entry.requests for entry in entries) >= len(answered), "also the reads of the last second"
