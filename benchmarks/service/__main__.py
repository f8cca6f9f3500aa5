"""The service under load: ``python -m benchmarks.service``; ``--soak 10`` adds ten minutes of mixed load.

One model and one log. Scored GETs are held against a bare Flask view under the same server that returns the same
bytes, and against `mlflow models serve` with the same model. wrk makes the load, on the machine that answers.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from benchmarks.document import markdown_table, put_section
from benchmarks.intake.__main__ import bodies
from benchmarks.service.load import Load, load
from benchmarks.service.processes import Server, free_port, serving
from benchmarks.service.soak import soak
from benchmarks.service.world import World, invocation, make

TITLE = "The service under load"
CONNECTIONS = 4


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.service", description=__doc__)
    parser.add_argument("--leads", type=int, default=5_000)
    parser.add_argument("--seconds", type=int, default=10, help="of each measurement")
    parser.add_argument("--soak", type=float, default=0, metavar="MINUTES")
    parser.add_argument("--folder", type=Path, help="keep the log and the model here and use them again")
    parser.add_argument("--document", action="store_true", help="write the section of docs/benchmarks.md")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="leadtime-service-") as made:
        body = measure(make((given.folder or Path(made)).resolve(), given.leads), given.seconds, given.soak)
    print(body)
    if given.document:
        put_section(TITLE, body)
    return 0


def measure(world: World, seconds: int, minutes: float) -> str:
    paths = [f"/v1/leads/{quote(lead, safe='')}/score" for lead in world.leads]
    key = {"Authorization": f"Bearer {world.key}"}
    rows: list[tuple[str, Load, float]] = []

    def put(server: Server, title: str, asked: Sequence[str], **more: object) -> None:
        load(server.port, asked, world.folder, seconds=3, connections=CONNECTIONS, **more)  # type: ignore[arg-type]
        found = load(server.port, asked, world.folder, seconds=seconds, connections=CONNECTIONS, **more)  # type: ignore[arg-type]
        rows.append((title, found, server.memory()))
        print(title, found, file=sys.stderr)

    sample = world.folder / "answer.json"
    with leadtime(world) as server:
        sample.write_bytes(get(server.port, paths[0], key))
        put(server, "scored GET, one lead again and again", paths[:1], headers=key)
        put(server, f"scored GET, {len(paths):,} leads in turn", paths, headers=key)
        put(server, f"scored GET, {len(paths):,} leads in turn, each at a past time", past(paths), headers=key)
    port = free_port()
    bare = serving(
        port, "benchmarks.service.bare", str(port), str(sample), env=world.env, ready=paths[0], log=log(world)
    )
    with bare as server:
        put(server, "a bare Flask view of the same bytes, under the same server", paths[:1], headers=key)
    with mlflow(world) as server:
        json = {"Content-Type": "application/json"}
        put(
            server,
            "`mlflow models serve`, one lead from features",
            ["/invocations"],
            headers=json,
            body=invocation(world),
        )
    text = report(rows, seconds)
    return text + ("" if not minutes else "\n" + soaked(world, paths, key, minutes))


def past(paths: Sequence[str]) -> list[str]:
    """The same leads at as many times as there are leads: nothing that was computed before can be used again."""
    return [f"{path}?as_of=2026-10-{1 + i % 28:02d}T{i % 24:02d}:{i % 60:02d}:00" for i, path in enumerate(paths)]


@contextmanager
def leadtime(world: World) -> Iterator[Server]:
    port = free_port()
    settings = {"LEADTIME_PORT": str(port), "LEADTIME_WORKERS": "1"}
    settings |= {f"LEADTIME_LIMITS__{kind}": "1000000" for kind in ("READ", "INGEST")}  # counted, never reached
    with serving(port, "serving", env={**world.env, **settings}, ready="/readyz", log=log(world)) as server:
        yield server


@contextmanager
def mlflow(world: World) -> Iterator[Server]:
    port = free_port()
    command = ("mlflow", "models", "serve", "-m", "models:/leadtime@champion", "--env-manager", "local", "-w", "1",
               "-p", str(port))  # fmt: skip
    env = {**world.env, "PYTHONPATH": str(Path.cwd())}
    with serving(port, *command, env=env, ready="/ping", log=log(world)) as server:
        yield server


def log(world: World) -> Path:
    return world.folder / "servers.log"


def get(port: int, path: str, headers: dict[str, str]) -> bytes:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    client.request("GET", path, headers=headers)
    answer = client.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"expected 200, got {answer.status}: {body[:200]!r}")
    return body


def report(rows: Sequence[tuple[str, Load, float]], seconds: int) -> str:
    bare, mlflow_rate = rows[3][1].per_second, rows[4][1].per_second
    lines = []
    for title, found, memory in rows:
        rate = found.per_second
        ratios = [f"{rate / bare:.2f}", f"{rate / mlflow_rate:,.1f}"]
        times = [f"{found.p50:.1f}", f"{found.p99:.1f}"]
        lines.append([title, f"{rate:,.0f}", *ratios, *times, str(found.failed), f"{memory:,.0f}"])
    head = ["", "requests a second", "to the bare view", "to MLflow", "median, ms", "p99, ms", "failed", "MB"]
    return f"""`make bench-service` (`python -m benchmarks.service --soak 10 --document`): one worker with four threads,
SQLite, {CONNECTIONS} connections, {seconds} s each, all in one run on {os.cpu_count()} cores that the load is
made on too. MB: resident, of the largest process.

{markdown_table(head, lines)}
"""


def soaked(world: World, paths: Sequence[str], key: dict[str, str], minutes: float) -> str:
    batches = itertools.cycle(bodies(200_000))
    done = dict.fromkeys(("scores", "call lists", "batches of 100 events"), 0)
    guard = threading.Lock()

    def asking(
        name: str, method: str, targets: Iterator[str], port: int, body: Iterator[bytes] | None
    ) -> Callable[[], None]:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

        def ask() -> None:
            sent = None if body is None else next(body)
            headers = key if sent is None else {**key, "Content-Type": "application/json"}
            client.request(method, next(targets), sent, headers)
            answer = client.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"expected 200, got {answer.status}: {text[:200]!r}")
            with guard:
                done[name] += 1
            if name != "scores":
                time.sleep(0.1)

        return ask

    with leadtime(world) as server:
        found = soak(
            server,
            minutes,
            [
                asking("scores", "GET", itertools.cycle(paths), server.port, None),
                asking("scores", "GET", itertools.cycle(past(paths)), server.port, None),
                asking("call lists", "GET", itertools.repeat("/v1/call-list?limit=50"), server.port, None),
                asking("batches of 100 events", "POST", itertools.repeat("/v1/batch"), server.port, batches),
            ],
        )
    counts = ", ".join(f"{n:,} {name}" for name, n in done.items())
    parts = [(0.1, 0.3), (0.3, 0.5), (0.5, 0.7), (0.7, 0.9), (0.9, 1.0)]
    memory = ", ".join(f"{found.between(*part):,.0f}" for part in parts)
    return f"""{minutes:g} minutes of mixed load ({counts}): resident MB of the largest process, means of the
second to third tenth and so on: {memory}.
"""


if __name__ == "__main__":
    sys.exit(main())
