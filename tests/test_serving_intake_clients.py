"""Clients that send to a real service as they come: segment-analytics-python, rudder-sdk-python, a page's script."""

from __future__ import annotations

import base64
import contextlib
import json
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import rudderstack.analytics.request
import segment.analytics.request
from intake_process import Process

from features.events import parse_time
from features.store import Store
from serving.keys import Keys


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("live")
    process = Process(f"sqlite:///{folder}/log.db", folder)
    Store.open(process.database, migrate=True).close()
    process.start()
    process.wait()
    yield process
    for client in (segment.analytics.request, rudderstack.analytics.request):
        client._session.close()  # which they keep open for their next call
    process.kill()


@pytest.fixture(scope="module")
def key(live: Process) -> str:
    with Store.open(live.database) as store:
        return Keys(store).create("client", ["ingest"], 0)[1]


def events_of(live: Process, lead: str) -> list[dict[str, Any]]:
    with Store.open(live.database) as store:
        rows = store.events([lead]).to_pylist()
    for row in rows:
        row["properties"] = json.loads(row["properties"])
        row["properties"].pop("_timing", None)
    return rows


@contextlib.contextmanager
def client_of(make: Callable[..., Any], live: Process, key: str, **options: Any) -> Iterator[Any]:
    """A client whose errors fail the test; on leaving, all it holds is sent."""
    failed: list[Any] = []
    client = make(key, host=live.base, on_error=lambda error, _: failed.append(error), max_retries=1, **options)
    yield client
    client.shutdown() if hasattr(client, "shutdown") else (client.flush(), client.join())
    assert failed == []


def segment_client(key: str, **options: Any) -> Any:
    return segment.analytics.Client(key, **options)


def rudder_client(key: str, **options: Any) -> Any:
    return rudderstack.analytics.Client(key, **options)


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("make", [segment_client, rudder_client])
def test_a_client_sends_unmodified(live: Process, key: str, make: Callable[..., Any], zipped: bool) -> None:
    me = f"{make.__name__} {zipped}"
    yesterday = datetime.now(UTC) - timedelta(days=1)
    page = {"page": {"path": "/pricing"}, "campaign": {"name": "spring", "medium": "email"}}
    with client_of(make, live, key, gzip=zipped) as client:
        client.track(anonymous_id=f"{me} visitor", event="Webinar Attended", properties={"minutes": 40}, context=page)
        client.page(anonymous_id=f"{me} visitor", name="Plans", properties={"path": "/plans"})
        client.identify(me, {"country": "fr", "size": None}, anonymous_id=f"{me} visitor")
        client.group(me, "acme", {"name": "Acme"})
        client.screen(me, name="Home")
        client.alias(f"{me} phone", me)
        client.track(f"{me} phone", "Old", timestamp=yesterday)
    rows = events_of(live, me)
    assert {row["lead_id"] for row in rows} == {me}
    assert sorted(row["type"] for row in rows) == sorted(
        ["Webinar Attended", "page_view", "identify", "identify", "screen_view", "identify", "Old"]
    )
    by_type = {row["type"]: row for row in rows}
    assert by_type["Webinar Attended"]["properties"] == {"minutes": 40, "path": "/pricing"}
    assert (by_type["Webinar Attended"]["channel"], by_type["Webinar Attended"]["campaign"]) == ("email", "spring")
    traits: dict[str, Any] = {}
    for row in rows:
        traits |= row["properties"] if row["type"] == "identify" else {}
    assert traits.items() >= {"country": "fr", "account_id": "acme", "account_name": "Acme"}.items()
    assert abs(by_type["Old"]["occurred_at"] - parse_time(yesterday)) < 60_000_000
    assert all(row["occurred_at"] <= row["recorded_at"] for row in rows)


@pytest.mark.parametrize("make", [segment_client, rudder_client])
def test_many_events_of_a_client_arrive_once(live: Process, key: str, make: Callable[..., Any]) -> None:
    me = f"{make.__name__} many"
    with client_of(make, live, key, gzip=True) as client:
        for i in range(500):
            client.track(me, "Clicked", {"n": i, "text": "x" * 500})
    assert sorted(row["properties"]["n"] for row in events_of(live, me)) == list(range(500))


@pytest.mark.parametrize("content_type", ["text/plain", "text/plain;charset=UTF-8", "application/json"])
def test_the_script_of_a_page_sends(live: Process, key: str, content_type: str) -> None:
    me = f"page {content_type}"
    call = {
        "type": "page", "anonymousId": me, "userId": None, "name": None, "category": None, "writeKey": key,
        "properties": {"path": "/pricing", "referrer": "", "search": "?utm_source=x", "title": "Plans",
                       "url": "https://shop.example/pricing?utm_source=x"},
        "context": {"library": {"name": "analytics.js", "version": "2.11.1"}, "userAgent": "Mozilla/5.0 Firefox/132.0",
                    "campaign": {"source": "x"}, "locale": "fr-FR"},
        "integrations": {}, "messageId": f"ajs-next-{me}", "timestamp": "2026-03-01T09:30:00.123Z",
        "sentAt": "2026-03-01T09:30:00.456Z", "_metadata": {"bundled": ["Segment.io"]},
    }  # fmt: skip
    headers = {"Content-Type": content_type, "Origin": "https://shop.example"}
    if content_type == "application/json":
        del call["writeKey"]
        headers["Authorization"] = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
    request = urllib.request.Request(f"{live.base}/v1/page", json.dumps(call).encode(), headers, method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert (answer.status, json.loads(answer.read())) == (200, {"success": True})
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    (row,) = events_of(live, me)
    assert (row["type"], row["channel"], row["properties"]["path"]) == ("page_view", "x", "/pricing")
    assert time.time() - row["occurred_at"] / 1e6 < 60, "by the clock of the service, whatever the page's says"
