"""A real `python -m serving` for the tests of intake: started, killed and started again on the same database."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Process:
    """The service on one database and port, with all of its processes."""

    database: str
    folder: Path
    port: int = field(default_factory=free_port)
    _running: subprocess.Popen[bytes] | None = None

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        environment = {
            **os.environ,
            "LEADTIME_DATABASE_URL": self.database,
            "LEADTIME_PORT": str(self.port),
            "MLFLOW_TRACKING_URI": f"sqlite:///{self.folder}/none.db",  # no model was trained: intake needs none
        }
        with (self.folder / f"log-{self.port}").open("ab") as log:
            self._running = subprocess.Popen(
                [sys.executable, "-m", "serving"], env=environment, cwd=ROOT, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def wait(self, seconds: float = 60) -> None:
        """Until it answers."""
        until = time.monotonic() + seconds
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
                with contextlib.closing(client):
                    client.request("GET", "/healthz")
                    if client.getresponse().status == 200:
                        return
            log = (self.folder / f"log-{self.port}").read_text(errors="replace")[-2000:]
            assert self._running is not None
            assert self._running.poll() is None, log
            assert time.monotonic() < until, log
            time.sleep(0.03)

    def kill(self) -> None:
        """SIGKILL for every process of it, in the middle of whatever they do."""
        if self._running is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._running.pid, signal.SIGKILL)
            self._running.wait(30)
            self._running = None

    def post(self, body: Any, key: str, *, timeout: float = 30) -> tuple[int, dict[str, str]]:
        """Status and headers by their names in small letters; an OSError or HTTPException when nobody answers."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        with contextlib.closing(client):
            client.request("POST", "/v1/batch", body, {"Authorization": f"Bearer {key}"})
            answer = client.getresponse()
            answer.read()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}
