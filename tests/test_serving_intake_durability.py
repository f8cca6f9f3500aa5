"""What was answered with 200 is in the log once, whatever is killed meanwhile."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from conftest import _postgres_binaries
from intake_process import Process

from features.store import Store
from serving.keys import Keys

KILLS = 20
SENDERS = 3
PER_BATCH = 20


class Senders:
    """Clients that send batches without a pause, each again until it is answered with 200, as real ones do."""

    def __init__(self, process: Process, key: str) -> None:
        self.process, self.key = process, key
        self.acknowledged: list[str] = []
        self.refused: list[tuple[int, dict[str, str]]] = []
        self.unanswered = 0
        self.wrong: list[BaseException] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(SENDERS)]

    def __enter__(self) -> Senders:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in self._threads)
        assert self.wrong == []

    def wait_for(self, condition: Callable[[], bool], seconds: float = 60) -> None:
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until
            assert self.wrong == []
            time.sleep(0.005)

    def _work(self, sender: int) -> None:
        try:
            number = 0
            while not self._stop.is_set():
                ids = [f"{sender}-{number}-{i}" for i in range(PER_BATCH)]
                self._send(ids, sender)
                number += 1
        except BaseException as error:  # noqa: BLE001 - handed to the test
            self.wrong.append(error)

    def _send(self, ids: list[str], sender: int) -> None:
        calls: list[dict[str, Any]] = [
            {"type": "track", "anonymousId": f"v{sender}", "event": "Clicked", "messageId": each} for each in ids
        ]
        calls[0] |= {"type": "identify", "userId": f"lead {ids[0]}", "anonymousId": f"v {ids[0]}"}
        body = json.dumps({"batch": calls})
        while not self._stop.is_set():
            try:
                status, headers = self.process.post(body, self.key)
            except (OSError, http.client.HTTPException):
                self.unanswered += 1
                time.sleep(0.02)
                continue
            if status == 200:
                self.acknowledged += ids
                return
            self.refused.append((status, headers))
            time.sleep(0.02)


def prepared(database: str, folder: Path) -> tuple[Process, str]:
    with Store.open(database, migrate=True) as store:
        _, key = Keys(store).create("client", ["ingest"], 0)
    return Process(database, folder), key


def check(database: str, acknowledged: list[str]) -> None:
    with Store.open(database) as store:
        found = store.events()["event_id"].to_pylist()
    assert len(set(found)) == len(found), "each is there once"
    assert len(acknowledged) >= PER_BATCH * KILLS
    assert set(found) >= {f"message:{each}" for each in acknowledged}


def test_what_was_acknowledged_survives_being_killed(
    sqlite_template: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    file = tmp_path / "leadtime.db"
    shutil.copyfile(sqlite_template, file)
    databases = [f"sqlite:///{file}"]
    if _postgres_binaries() is not None or os.environ.get("LEADTIME_TEST_POSTGRES") == "required":
        databases.append(request.getfixturevalue("postgres_server").create(migrated=True))
    with ThreadPoolExecutor() as pool:  # starting a service again takes time, and leaves room for another
        list(pool.map(kill_again_and_again, databases, [tmp_path] * len(databases)))


def kill_again_and_again(database: str, folder: Path) -> None:
    process, key = prepared(database, folder)
    with Senders(process, key) as senders:
        try:
            for number in range(KILLS):
                # not at the first answer each time, but at a moment that differs from kill to kill
                wanted = len(senders.acknowledged) + PER_BATCH * (1 + number % 7)
                process.start()
                senders.wait_for(lambda wanted=wanted: len(senders.acknowledged) >= wanted)
                time.sleep(0.0013 * (number % 5))
                process.kill()
        finally:
            process.kill()
    assert senders.unanswered >= KILLS
    assert senders.refused == []
    check(database, senders.acknowledged)


def test_while_postgresql_is_away_nothing_is_acknowledged_and_nothing_lost(
    postgres_server: Any, tmp_path: Path
) -> None:
    database = postgres_server.create(migrated=True)
    process, key = prepared(database, tmp_path)
    process.start()
    process.wait()
    try:
        with Senders(process, key) as senders:
            for _ in range(3):
                many = len(senders.acknowledged) + PER_BATCH * 10
                senders.wait_for(lambda wanted=many: len(senders.acknowledged) >= wanted)
                postgres_server.stop()
                refused = len(senders.refused) + 2 * SENDERS
                senders.wait_for(lambda wanted=refused: len(senders.refused) >= wanted)
                known = len(senders.acknowledged)
                time.sleep(0.1)
                assert len(senders.acknowledged) == known, "nothing is acknowledged without a database"
                postgres_server.start()
            many = len(senders.acknowledged) + PER_BATCH * 10
            senders.wait_for(lambda: len(senders.acknowledged) >= many)
    finally:
        process.kill()
    assert {status for status, _ in senders.refused} == {503}
    assert all(int(headers["retry-after"]) > 0 for _, headers in senders.refused)
    assert all(headers["access-control-allow-origin"] == "*" for _, headers in senders.refused)
    check(database, senders.acknowledged)
    postgres_server.drop(database)
