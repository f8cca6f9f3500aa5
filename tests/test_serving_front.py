"""What is answered before the application is asked is the application's own answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from serving_world import NOW, FixedModel, Running, World
from werkzeug.test import Client, TestResponse
from werkzeug.wrappers import Response

from features.events import DAY, Event, events_table
from features.settings import Settings
from features.store import Erasures
from serving.app import create_app
from serving.keys import Keys
from serving.registry import Served

pytest_plugins = ("serving_fixtures",)

Ask = Callable[..., TestResponse]


@pytest.fixture
def path(world: World) -> str:
    return f"/v1/leads/{world.open_lead}/score"


@pytest.fixture
def asked(own_service: Running) -> list[str]:
    """The paths that the application itself was asked for."""
    front, seen = own_service.app.wsgi_app, list[str]()
    inner = front._app

    def counting(environ: dict[str, Any], start_response: Any) -> Any:
        seen.append(environ["PATH_INFO"])
        return inner(environ, start_response)

    front._app = counting
    return seen


def headers_of(answer: TestResponse) -> dict[str, str]:
    """Without those that differ each time; the server sets the date where the application does not."""
    return {name: value for name, value in answer.headers.items() if name not in ("X-Request-Id", "Date")}


@pytest.mark.parametrize("more", [{}, {"If-None-Match": "the ETag"}])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_both_answer_the_same(
    own_service: Running, path: str, asked: list[str], more: dict[str, str], scheme: str
) -> None:
    client, key = own_service.client, own_service.key
    first = client.get(path, headers=key)
    assert asked == [path]
    sent = {**key, **{name: first.headers["ETag"] if text == "the ETag" else text for name, text in more.items()}}
    base = f"{scheme}://localhost"
    from_front = client.get(path, headers=sent, base_url=base)
    assert asked == [path], "it was kept"
    from_app = Client(own_service.app.wsgi_app._app, Response).get(path, headers=sent, base_url=base)
    assert (from_front.status, from_front.data) == (from_app.status, from_app.data)
    assert headers_of(from_front) == headers_of(from_app)
    assert from_front.status_code == (304 if "the ETag" in more.values() else 200)
    assert len(from_front.headers["X-Request-Id"]) == 16


def test_the_key_may_come_in_either_header(own_service: Running, path: str, asked: list[str]) -> None:
    text = own_service.key["Authorization"].split()[1]
    for _ in range(2):
        assert own_service.client.get(path, headers={"X-Api-Key": text}).status_code == 200
    assert asked == [path]


def test_without_the_right_the_application_refuses(own_service: Running, path: str, asked: list[str]) -> None:
    client, keys = own_service.client, Keys(own_service.store)
    client.get(path, headers=own_service.key)
    other = {"Authorization": f"Bearer {keys.create('other', ['ingest'], NOW)[1]}"}
    revoked, text = keys.create("revoked", ["read"], NOW)
    headers = {"Authorization": f"Bearer {text}"}
    assert client.get(path, headers=headers).status_code == 200
    assert asked == [path]
    keys.revoke(revoked.key_id, NOW)
    assert [client.get(path, headers=sent).status_code for sent in (headers, other, {})] == [401, 403, 401]
    assert len(asked) == 4


def test_what_is_kept_no_more_is_computed_anew(own_service: Running, world: World, path: str) -> None:
    client, key = own_service.client, own_service.key
    assert client.get(path, headers=key).json["status"] == "open"
    lost = Event(event_id="x", lead_id=world.open_lead, type="lost", occurred_at=NOW - DAY, recorded_at=NOW - 1)
    own_service.store.append(events_table([lost]))
    assert client.get(path, headers=key).json["status"] == "lost"
    Erasures(own_service.store).erase(world.open_lead, NOW)
    assert client.get(path, headers=key).json["status"] == "erased"


@pytest.mark.parametrize("ask", ["?curve=true", "?as_of=2026-10-01", "?nonsense=1"])
def test_whatever_asks_for_more_goes_to_the_application(
    own_service: Running, path: str, asked: list[str], ask: str
) -> None:
    for _ in range(2):
        own_service.client.get(path, headers=own_service.key)
        own_service.client.get(path + ask, headers=own_service.key)
    assert len(asked) == 3


def test_it_is_logged_measured_audited_and_limited_alike(world: World, own_service: Running, path: str) -> None:
    limited = Settings(database_url=own_service.store.engine.url.render_as_string(), limits={"read": 0.3})
    app = create_app(limited, own_service.store, FixedModel(Served(world.scorer, "7")), own_service.clock)
    client = app.test_client()
    codes = [client.get(path, headers=own_service.key).status_code for _ in range(5)]
    assert codes == [200, 200, 200, 429, 429]
    audit = app.extensions["leadtime"].audit
    audit.flush()
    entries = {(entry.result, entry.requests, *entry.lead_ids) for _, entry in audit.read()}
    assert {(200, 3, world.open_lead), (429, 2, world.open_lead)} <= entries
    own_service.clock.now += DAY
    text = client.get("/metrics", headers=own_service.key).get_data(as_text=True)
    counted = {
        sample.labels["status"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "leadtime_request_seconds_count"
    }
    assert counted == {"200": 3, "429": 2}
