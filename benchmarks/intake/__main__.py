"""Events a second over HTTP, durable, beside a bare executemany: ``python -m benchmarks.intake [--document]``.

The real service on a new SQLite file, batches over loopback; then the rows that came of it, written by one loop into
files of the same kind. Both commit every batch to disk.
"""

from __future__ import annotations

import argparse
import http.client
import os
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from benchmarks.document import markdown_table, put_section
from features.events import EVENT_SCHEMA
from features.store import Store
from serving.keys import Keys

TITLE = "Intake"
BATCH = 100
NAMES = ", ".join(EVENT_SCHEMA.names)
MARKS = ", ".join("?" * len(EVENT_SCHEMA))
START_SECONDS = 60


def bodies(n: int) -> list[bytes]:
    """Batches as a client sends them: ``n`` track calls in all, about 400 bytes each."""
    start = datetime(2026, 3, 1, 9, tzinfo=UTC)
    calls = [
        {
            "type": "track",
            "event": "Pricing Viewed" if i % 3 else "Webinar Attended",
            "anonymousId": f"visitor-{i * 7919 % (n // 20 + 1):07d}",
            "properties": {"plan": i % 5, "minutes": i % 40, "label": "spring offer"},
            "context": {
                "library": {"name": "analytics-python", "version": "2.3.4"},
                "page": {"path": f"/pricing/{i % 50}", "title": "Plans"},
                "campaign": {"name": "spring", "medium": "email"},
            },
            "integrations": {},
            "messageId": f"{i:032x}",
            "timestamp": (start + timedelta(milliseconds=i)).isoformat(),
        }
        for i in range(n)
    ]
    sent = (start + timedelta(milliseconds=n)).isoformat()
    return [orjson.dumps({"batch": calls[i : i + BATCH], "sentAt": sent}) for i in range(0, n, BATCH)]


@contextmanager
def service(database: str, workers: int) -> Iterator[tuple[int, int]]:
    """The service on the database: its port and process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"DATABASE_URL": database, "PORT": str(port), "WORKERS": str(workers)}
    environment = {**os.environ, **{f"LEADTIME_{name}": value for name, value in settings.items()}}
    environment["MLFLOW_TRACKING_URI"] = database.replace(".db", "-none.db")  # no model: intake needs none
    command = [sys.executable, "-m", "serving"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + START_SECONDS
        while True:
            try:
                ask = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                ask.request("GET", "/healthz")
                if ask.getresponse().status == 200:
                    break
            except OSError:
                if time.monotonic() > until or process.poll() is not None:
                    raise
                time.sleep(0.1)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait(30)


def send(port: int, key: str, work: Sequence[bytes], connections: int) -> tuple[float, list[float]]:
    """Seconds for all bodies, and for each."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    waiting, guard, times = iter(work), threading.Lock(), list[float]()

    def post() -> None:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while True:
            with guard:
                body = next(waiting, None)
            if body is None:
                return
            began = time.perf_counter()
            client.request("POST", "/v1/batch", body, headers)
            answer = client.getresponse()
            answer.read()
            if answer.status != 200:
                raise RuntimeError(f"expected 200, got {answer.status}")
            times.append(time.perf_counter() - began)

    threads = [threading.Thread(target=post) for _ in range(connections)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began, times


def executemany(path: Path, rows: Sequence[tuple[object, ...]], *, indexed: bool) -> float:
    """Seconds for one loop that writes and commits a batch at a time, with or without the log's indexes."""
    if indexed:
        Store.open(f"sqlite:///{path}", migrate=True).close()
    connection = sqlite3.connect(path, isolation_level=None)
    for setting in ("journal_mode = WAL", "synchronous = FULL", "cache_size = -65536", "wal_autocheckpoint = 10000"):
        connection.execute(f"PRAGMA {setting}")
    if not indexed:
        connection.execute(f"CREATE TABLE events ({NAMES})")
    began = time.perf_counter()
    for i in range(0, len(rows), BATCH):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(f"INSERT INTO events ({NAMES}) VALUES ({MARKS})", rows[i : i + BATCH])
        connection.execute("COMMIT")
    spent = time.perf_counter() - began
    connection.close()
    return spent


def peak_memory(pid: int) -> float:
    """MB of the largest of the service's processes."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    peaks = [Path(f"/proc/{one}/status").read_text().split("VmHWM:")[1].split()[0] for one in (pid, *children)]
    return max(map(int, peaks)) / 1024


def measure(folder: Path, n: int, connections: int, workers: int) -> str:
    url = f"sqlite:///{folder}/log.db"
    with Store.open(url, migrate=True) as store:
        _, key = Keys(store).create("benchmark", ["ingest"], 0)
    work = bodies(n)
    with service(url, workers) as (port, pid):
        send(port, key, bodies(2_000)[:5], 1)  # what a first request loads; its events are sent again below
        spent, times = send(port, key, work, connections)
        memory = peak_memory(pid)
    with Store.open(url) as store:
        table = store.events()
    if table.num_rows != n:
        raise RuntimeError(f"expected {n} events in the log, got {table.num_rows}")
    rows = list(zip(*(column.to_pylist() for column in table.columns), strict=True))
    indexed, bare = (
        executemany(folder / "indexed.db", rows, indexed=True),
        executemany(folder / "b.db", rows, indexed=False),
    )
    lines = [
        [f"the service, {connections} connections", f"{n / spent:,.0f}", f"{indexed / spent:.2f}"],
        ["executemany into the same table", f"{n / indexed:,.0f}", "1.00"],
        ["executemany into a table without any index", f"{n / bare:,.0f}", f"{indexed / bare:.2f}"],
    ]
    millis = sorted(1000 * each for each in times)
    p50, p99 = statistics.median(millis), millis[int(0.99 * len(millis))]
    size = sum(map(len, work)) / n
    return f"""`python -m benchmarks.intake --document`: {n:,} track calls of {size:,.0f} bytes, {BATCH} in a batch,
each batch on disk before it is answered (SQLite, WAL, full synchronisation); a service with {workers} worker, on the
machine that sends.

{markdown_table(["", "events a second", "to executemany"], lines)}

A batch is answered in {p50:.1f} ms (median), {p99:.1f} ms (99th percentile). Peak memory of a process:
{memory:,.0f} MB.

Half of executemany was asked and is not reached. In a profile of one process without HTTP an event takes some 29 µs:
9 the commit, where nobody shares it, 4 the insert, and the rest reading and checking the call, Arrow and Flask. The
sender works on the same cores. Two workers bring hardly more than one, for SQLite has one writer; less garbage
collection brings nothing.
"""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.intake", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--document", action="store_true", help="write the section of docs/benchmarks.md")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        body = measure(Path(folder), given.events, given.connections, given.workers)
    print(body)
    if given.document:
        put_section(TITLE, body)
    return 0


if __name__ == "__main__":
    sys.exit(main())
