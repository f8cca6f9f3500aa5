"""How much one key may ask for: it is refused with 429 and told when to come back; others are not."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving_world import NOW, Clock, FixedModel, Running, World

from features.business_settings import Limits
from features.events import SECOND
from features.settings import Settings
from features.store import Store
from serving.app import create_app
from serving.keys import Keys
from serving.rate_limits import BURST_SECONDS, RateLimits
from serving.registry import Served

pytest_plugins = ("serving_fixtures",)


@pytest.fixture
def slow(world: World, tmp_path: Path) -> Iterator[Running]:
    """A service that lets a key read three times a second."""
    shutil.copy(world.file, tmp_path / "leadtime.db")
    given = Settings(database_url=f"sqlite:///{tmp_path}/leadtime.db", limits=Limits(read=3))
    store, clock = Store.open(given.database_url, migrate=True), Clock()
    _, text = Keys(store).create("test", ["read"], NOW)
    app = create_app(given, store, FixedModel(Served(world.scorer, "7")), clock)
    yield Running(app, store, clock, {"Authorization": f"Bearer {text}"})
    store.close()


def test_a_clock_that_is_put_back_keeps_nobody_waiting() -> None:
    limits = RateLimits(Limits(read=1))
    assert [limits.take("a", "read", NOW) > 0 for _ in range(11)] == [False] * 10 + [True]
    assert limits.take("a", "read", NOW - 3600 * SECOND) == 0


def test_a_key_that_asks_too_much_is_told_when_to_come_back(slow: Running) -> None:
    def ask(key: dict[str, str] = slow.key) -> int:
        return slow.client.get("/v1/call-list?limit=1", headers=key).status_code

    allowed = 3 * BURST_SECONDS
    assert [ask() for _ in range(allowed + 2)] == [200] * allowed + [429] * 2
    refused = slow.client.get("/v1/call-list", headers=slow.key)
    assert set(refused.json) == {"code", "message", "detail"}
    assert refused.json["code"] == "too_many_requests"
    assert refused.headers["Retry-After"] == "1"
    other = {"Authorization": f"Bearer {Keys(slow.store).create('other', ['read'], NOW)[1]}"}
    assert ask(other) == 200, "others are not kept waiting"
    assert slow.client.get("/healthz").status_code == 200
    slow.clock.now += SECOND
    assert [ask() for _ in range(4)] == [200, 200, 200, 429]


def test_events_are_counted_whole_batches_let_through() -> None:
    limits = RateLimits(Limits(ingest=100))
    assert limits.take("k", "ingest", NOW, 999) == 0
    assert limits.take("k", "ingest", NOW, 5_000) == 0, "a batch is taken as long as there is room for one event"
    wait = limits.take("k", "ingest", NOW)
    assert wait == 50, "until the debt is paid"
    assert limits.take("k", "ingest", NOW + (wait - 1) * SECOND) == 1
    assert limits.take("k", "ingest", NOW + wait * SECOND) == 0


def test_scopes_are_counted_apart_and_zero_means_no_limit() -> None:
    limits = RateLimits(Limits(read=0, write=1))
    assert {limits.take("k", "read", NOW) for _ in range(1_000)} == {0}
    assert [limits.take("k", "write", NOW) for _ in range(BURST_SECONDS + 1)] == [0] * BURST_SECONDS + [1]
    assert limits.take("k", "admin", NOW) == 0


def test_who_is_owed_nothing_is_forgotten() -> None:
    limits = RateLimits(Limits())
    for i in range(20_000):
        limits.take(f"address {i}", "sign_in", NOW + i * 60 * SECOND)
    assert len(limits._empty_at) < 11_000
