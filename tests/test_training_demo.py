"""What `make demo` decides: ports, what it finds of an earlier run, and its last words."""

from __future__ import annotations

import http.server
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from features.errors import InputError, LeadtimeError
from features.settings import Settings
from training import demo


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    demo.FOLDER.mkdir(parents=True)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The modules of the jobs that would have been run."""
    run: list[str] = []
    monkeypatch.setattr(demo, "step", lambda _title, module, *_arguments, env: run.append(module))
    return run


def test_a_busy_port_is_said_at_once_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], steps: list[str]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("LEADTIME_PORT", str(port))
        assert demo.main([]) == 2
    said = capsys.readouterr().err
    assert f"the service at 127.0.0.1:{port}: expected a free port" in said
    assert f"make demo LEADTIME_PORT={port + 1}" in said
    assert steps == []


def test_the_port_of_the_mlflow_ui_is_looked_at_too() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match="LEADTIME_MLFLOW_PORT"):
            demo.check_port("127.0.0.1", taken.getsockname()[1], purpose="x", setting="LEADTIME_MLFLOW_PORT")


def test_a_second_run_goes_on_from_the_first(steps: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for today in (date(2026, 11, 1), date(2026, 11, 2)):
        demo.sample_data({}, today)
        demo.train({})
    assert steps == ["features.simulate", "training.train"]
    capsys.readouterr()
    demo.sample_data({}, date(2026, 12, 1))
    assert "ends 30 days ago" in capsys.readouterr().out


def test_a_step_that_fails_is_not_taken_for_done(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_given: object, **_named: object) -> None:
        raise LeadtimeError("it failed")

    monkeypatch.setattr(demo, "step", fail)
    for attempt in (lambda: demo.sample_data({}, date(2026, 11, 1)), lambda: demo.train({})):
        with pytest.raises(LeadtimeError):
            attempt()
    assert list(demo.FOLDER.iterdir()) == []


def test_it_keeps_away_from_the_real_log() -> None:
    env = demo.environment(Settings(database_url="postgresql://real/one", port=8123))
    assert env["LEADTIME_DATABASE_URL"] == "sqlite:///var/demo/leadtime.db"
    assert env["MLFLOW_TRACKING_URI"] == "sqlite:///var/demo/mlflow.db"
    assert env["LEADTIME_PORT"] == "8123"


def test_the_last_words_tell_what_to_open_and_three_commands() -> None:
    words = demo.closing_words(Settings(port=8123, mlflow_port=5123), "lt_key", "http://127.0.0.1:8123/login?token=t")
    for address in ("http://127.0.0.1:8123/login?token=t", "http://127.0.0.1:8123/docs", "http://127.0.0.1:5123"):
        assert address in words
    after = [line.strip() for line in words.partition("Next")[2].splitlines()[1:] if line.strip(" -")]
    assert len(after) == 3
    assert "Bearer lt_key" in after[0]


def test_asking_for_help_starts_nothing(steps: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        demo.main(["--help"])
    assert ended.value.code == 0
    assert steps == []


def test_a_folder_that_cannot_be_made_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    monkeypatch.setattr(demo, "check_port", lambda *_, **__: None)
    Path("var").write_text("a file where a folder is to be")
    assert demo.main([]) == 2
    assert "var/demo" in capsys.readouterr().err


def test_a_step_that_fails_ends_without_a_traceback() -> None:
    with pytest.raises(LeadtimeError, match="exit code 1"):
        demo.answer("no_such_module", env={})


class _NotReady(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(503)
        self.end_headers()
        self.wfile.write(b"no model serves")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def unready() -> Iterator[str]:
    server = http.server.HTTPServer(("127.0.0.1", 0), _NotReady)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/readyz"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_service_that_does_not_get_ready_says_why(unready: str) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        with pytest.raises(LeadtimeError, match="no model serves"):
            demo.wait_until_ready(unready, process, seconds=0.3)
    finally:
        process.communicate()
