"""Two real worker processes on one PostgreSQL: one refreshes and delivers, both answer; the leases end with them."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest
import sqlalchemy as sa
from serving_world import World
from test_serving_process import serving, wait_for
from webhook_receiver import receiving

from features.store import Store
from features.store.work import leases, score_sets
from serving.webhooks.endpoints import Endpoints

pytest_plugins = ("serving_fixtures",)


def until(true: Callable[[], object], seconds: float = 60) -> None:
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit
        time.sleep(0.1)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_one_of_two_workers_does_it(
    database_url: str, world: World, registered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEADTIME_WEBHOOK_ALLOW_PRIVATE", "true")
    with Store.open(world.url) as source, Store.open(database_url) as store, receiving() as receiver:
        store.append(source.events())

        def held() -> set[str]:
            with store.reading() as connection:
                return set(connection.execute(sa.select(leases.c.name).where(leases.c.expires_at > 0)).scalars())

        with serving(database_url, registered, workers=2) as service:
            wait_for(service, "/readyz", 60)
            key = {"Authorization": f"Bearer {service.key}"}
            until(lambda: held() == {"scores", "webhooks"})
            until(lambda: _whole(store))
            answers = [service.get("/v1/call-list?limit=1000", **key)[1]["leads"] for _ in range(6)]
            assert answers == [answers[0]] * 6, "every worker answers from the same scores"
            endpoint = Endpoints(store, allow_private=True).create(receiver.url, time.time_ns() // 1000)
            receiver.secret = endpoint.secret
            service.run("serving.webhooks", "test", endpoint.endpoint_id)
            until(lambda: receiver.got)
            assert receiver.verified()["type"] == "leadtime.test"
            service.process.send_signal(signal.SIGTERM)
            assert service.process.wait(30) == 0
        assert held() == set(), "others need not wait until they expire"


def _whole(store: Store) -> bool:
    with store.reading() as connection:
        return connection.execute(sa.select(score_sets.c.whole_at)).scalar() is not None
