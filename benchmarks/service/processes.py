"""The servers that are compared, each a process of its own, and the memory of what they started."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 180


@dataclass(frozen=True)
class Server:
    """``pid``: of the first of its processes."""

    port: int
    pid: int

    def memory(self) -> float:
        """Resident MB of the largest of its processes now."""
        return max(_status(pid, "VmRSS") for pid in self._processes()) / 1024

    def cpu(self) -> float:
        """Seconds of processor time that all of its processes have taken, those of their ended children too."""
        return sum(_cpu(pid) for pid in self._processes())

    def _processes(self) -> list[int]:
        found = [self.pid]
        for pid in found:  # grows while it is walked
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                found += [int(child) for child in children.read_text().split()]
        return found


def _status(pid: int, name: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:  # it has ended
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(name)), 0)


def _cpu(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has ended
        return 0.0
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(port: int, *command: str, env: Mapping[str, str], ready: str, log: Path) -> Iterator[Server]:
    """A server from the moment when ``ready`` (a path) answers 200 until the block ends."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], env={**os.environ, **env}, stdout=out, stderr=out, start_new_session=True
        )
        try:
            _wait(port, ready, process, log)
            yield Server(port, process.pid)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(20)


def _wait(port: int, ready: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            client = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            client.request("GET", ready)
            if client.getresponse().status == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.2)
    raise RuntimeError(f"the server did not get ready; its last words: {log.read_text(errors='replace')[-2000:]}")
