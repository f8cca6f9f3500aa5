"""The tracking API: what clients may send, what becomes of it, and what is refused."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from serving_world import NOW, NoModel, Running, run

from features.events import SECOND, to_iso
from serving.intake.body import MAX_BODY, MAX_EVENT
from serving.intake.rejected import keep, rejected
from serving.keys import Keys

pytest_plugins = ("serving_fixtures",)

SECONDS_AGO = [to_iso(NOW - n * SECOND) for n in range(100)]


@pytest.fixture
def live(database_url: str) -> Iterator[Running]:
    running = run(database_url, NoModel(), scopes=("ingest", "read"))
    yield running
    running.store.close()


@pytest.fixture
def quick(tmp_path) -> Iterator[Running]:
    """On SQLite, for what the database has no part in."""
    running = run(f"sqlite:///{tmp_path}/log.db", NoModel(), scopes=("ingest", "read"))
    yield running
    running.store.close()


def send(running: Running, *calls: Any, **around: Any) -> Any:
    return running.client.post("/v1/batch", json={"batch": list(calls), **around}, headers=running.key)


def events(running: Running) -> list[dict[str, Any]]:
    rows = running.store.events().to_pylist()
    for row in rows:
        row["properties"] = json.loads(row["properties"])
    return rows


def the_event(running: Running, call: dict[str, Any], **around: Any) -> dict[str, Any]:
    answer = send(running, call, **around)
    assert (answer.status_code, answer.json) == (200, {"success": True})
    (row,) = events(running)
    return row


def reasons(running: Running) -> list[str]:
    found = running.client.get("/v1/rejected-events", headers=running.key).json["rejected_events"]
    return [each["reason"] for each in found]


def track(**more: Any) -> dict[str, Any]:
    return {"type": "track", "userId": "ada", "event": "Webinar Attended", **more}


def test_an_event_with_all_that_the_features_read(live: Running) -> None:
    row = the_event(
        live,
        track(
            anonymousId=None,
            properties={"minutes": 40, "seat": None, "nested": {"a": [1]}},
            context={
                "page": {"path": "/webinars/7", "title": "Webinar", "referrer": "", "url": None},
                "campaign": {"name": "spring", "medium": "email", "source": "newsletter"},
                "ip": "10.0.0.1",
            },
            messageId="m-1",
            timestamp=SECONDS_AGO[50],
        ),
        sentAt=SECONDS_AGO[10],
    )
    assert row == {
        "event_id": "message:m-1", "lead_id": "ada", "type": "Webinar Attended", "channel": "email",
        "campaign": "spring", "bot": False, "recorded_at": NOW, "occurred_at": NOW - 40 * SECOND,
        "properties": {
            "minutes": 40, "nested": {"a": [1]}, "path": "/webinars/7", "title": "Webinar",
            "_timing": {"original_timestamp": SECONDS_AGO[50], "sent_at": SECONDS_AGO[10]},
        },
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"timestamp": SECONDS_AGO[9]}, 9),
        ({"originalTimestamp": SECONDS_AGO[9], "timestamp": SECONDS_AGO[5]}, 9),
        ({"timestamp": SECONDS_AGO[9], "sentAt": SECONDS_AGO[4]}, 5),
        ({"timestamp": "2036-01-01T00:00:09Z", "sentAt": "2036-01-01T00:00:12Z"}, 3),
        ({"timestamp": "2036-01-01T00:00:09.123456", "sentAt": "2036-01-01T01:00:10.123456+01:00"}, 1),
        ({"timestamp": "2036-01-01T00:00:09.000Z", "sentAt": "2036-01-01T00:00:08Z"}, 0),  # sent before it happened
        ({"timestamp": "2036-01-01"}, 0),
        ({"timestamp": SECONDS_AGO[9], "sentAt": "soon"}, 9),
        ({"timestamp": None}, 0),
        ({"sentAt": SECONDS_AGO[4]}, 0),
        ({}, 0),
    ],
)
def test_the_clock_of_the_sender_is_corrected(quick: Running, given: dict[str, Any], expected: int) -> None:
    row = the_event(quick, track(**given))
    assert (row["occurred_at"], row["recorded_at"]) == (NOW - expected * SECOND, NOW)


def test_pages_screens_groups_and_identify(quick: Running) -> None:
    page = {"context": {"page": {"path": "/pricing", "title": "Plans"}}}
    send(
        quick,
        {"type": "page", "anonymousId": "v", "name": "Plans", "category": "docs", "properties": {"path": "/p"}, **page},
        {"type": "screen", "userId": 7, "name": "Plans"},
        {"type": "identify", "userId": "ada", "traits": {"size": 5, "gone": None},
         "context": {"traits": {"size": 4, "country": "fr"}}},
        {"type": "group", "userId": "ada", "groupId": 12, "traits": {"name": "Acme", "employees": 9}},
        track(messageId="t", **page),
    )  # fmt: skip
    rows = [(row["lead_id"], row["type"], row["properties"]) for row in events(quick)]
    assert rows == [
        ("v", "page_view", {"path": "/p", "title": "Plans", "name": "Plans", "category": "docs"}),
        ("7", "screen_view", {"name": "Plans", "content": "Plans"}),
        ("ada", "identify", {"size": 5, "country": "fr"}),
        ("ada", "identify", {"account_id": "12", "account_name": "Acme", "account_employees": 9}),
        ("ada", "Webinar Attended", {"path": "/pricing", "title": "Plans"}),
    ]
    assert quick.store.history(["ada"]).lead_ids == ("ada",)


def test_visitors_become_leads_by_identify_and_alias(live: Running) -> None:
    send(live, track(userId=None, anonymousId="laptop"), track(userId=None, anonymousId="phone"))
    send(live, {"type": "identify", "userId": "ada", "anonymousId": "laptop", "traits": {"previous_id": "ben"}})
    answer = live.client.post("/v1/alias", json={"userId": "ada", "previousId": "phone"}, headers=live.key)
    assert answer.status_code == 200
    assert {row["lead_id"] for row in events(live)} == {"ada"}
    assert live.store.aliases_of(["ada"]) == ["ada", "laptop", "phone"]


def test_each_kind_has_an_address_of_its_own(live: Running) -> None:
    call = {"userId": "ada", "event": "x", "groupId": "g", "previousId": "before"}
    for kind in ("identify", "track", "page", "screen", "group", "alias"):
        answer = live.client.post(f"/v1/{kind}", json=call | {"messageId": kind}, headers=live.key)
        assert (answer.status_code, answer.json) == (200, {"success": True})
    assert len(events(live)) == 6
    answer = live.client.post("/v1/track", json={"userId": "ada", "writeKey": "secret"}, headers=live.key)
    assert (answer.status_code, answer.json["code"]) == (400, "rejected")
    assert "event: expected a name" in answer.json["message"]
    kept = live.client.get("/v1/rejected-events", headers=live.key).json["rejected_events"][0]
    assert json.loads(kept["body"]) == {"userId": "ada"}, "without the key"


def test_a_batch_lends_its_context_to_its_calls(quick: Running) -> None:
    send(
        quick, track(messageId="1"), track(messageId="2", context={"campaign": {"name": "own"}, "page": None}),
        context={"campaign": {"name": "all"}, "page": {"path": "/x"}}, integrations={"All": True},
    )  # fmt: skip
    assert [(row["campaign"], row["properties"]["path"]) for row in events(quick)] == [("all", "/x"), ("own", "/x")]


def test_the_same_message_twice_is_one_event(live: Running) -> None:
    long, content = "x" * 300, track(timestamp=SECONDS_AGO[3])
    batch = [track(messageId="1"), track(messageId=2), track(messageId=long), content]
    for _ in range(2):
        assert send(live, *batch, *batch).status_code == 200
    assert len(events(live)) == 4
    send(live, track(), track())
    send(live, track())
    assert len(events(live)) == 7, "nothing tells that these were sent again"


def test_one_bad_event_does_not_lose_the_others(live: Running) -> None:
    bad = [
        5,
        {"type": "video", "userId": "a"},
        {"userId": "a"},
        track(userId=None),
        track(userId="", anonymousId=" "),
        track(userId="x" * 256),
        track(userId="a\x00b"),
        track(userId=True),
        track(userId=1.5),
        track(userId={"id": 1}),
        track(event=None),
        track(event="x" * 256),
        track(event="a\x00"),
        track(properties=[1]),
        track(context="x"),
        track(timestamp=1700000000),
        track(timestamp="yesterday"),
        track(timestamp="0001-01-01"),
        track(properties={"x": "y" * MAX_EVENT}),
        {"type": "alias", "userId": "a"},
        {"type": "group", "userId": "a"},
        track(event="need_declared", properties={"need_by": "soon"}),
        track(event="need_declared"),
    ]
    good = [track(messageId=str(i), event="need_declared", properties={"need_by": "2027-03-01T12:00Z"}) for i in (1, 2)]
    assert send(live, good[0], *bad, good[1]).status_code == 200
    assert [row["event_id"] for row in events(live)] == ["message:1", "message:2"]
    assert events(live)[0]["properties"]["need_by"] == "2027-03-01"
    assert len(reasons(live)) == len(bad)
    assert all("expected" in reason for reason in reasons(live))
    send(live, *bad)
    assert len(reasons(live)) == len(bad), "what is sent again is there once"


@pytest.mark.parametrize("event", ["purchased", "lost", "sales_call", "handoff", "handoff_scored", "erased", "identify",
                                   " lost "])  # fmt: skip
def test_what_the_crm_says_cannot_be_said_with_a_key_for_intake(quick: Running, event: str) -> None:
    send(quick, track(event=event))
    assert events(quick) == []
    assert "with a key of scope write" in reasons(quick)[0]


def test_rejected_events_page_by_page(live: Running) -> None:
    for i in range(5):
        live.clock.now = NOW + i * SECOND
        send(live, {"type": f"t{i}", "userId": "ada", "messageId": "m"})
    ask = lambda **query: live.client.get("/v1/rejected-events", query_string=query, headers=live.key).json  # noqa: E731
    first = ask(limit=2)
    assert [each["type"] for each in first["rejected_events"]] == ["t4", "t3"]
    assert first["rejected_events"][0]["received_at"] == to_iso(NOW + 4 * SECOND)
    second = ask(limit=3, cursor=first["next_cursor"])
    assert [each["type"] for each in second["rejected_events"]] == ["t2", "t1", "t0"]
    assert second["next_cursor"] is None
    between = ask(since=to_iso(NOW + SECOND), until=to_iso(NOW + 2 * SECOND))
    assert [each["type"] for each in between["rejected_events"]] == ["t2", "t1"]
    assert set(between["rejected_events"][0]) == {
        "received_at",
        "reason",
        "type",
        "message_id",
        "lead_id",
        "key_id",
        "body",
    }
    for wrong in ({"limit": 0}, {"limit": 1001}, {"cursor": "x"}, {"cursor": "9" * 19}, {"since": "soon"}, {"x": 1}):
        assert live.client.get("/v1/rejected-events", query_string=wrong, headers=live.key).status_code == 422


def test_only_the_newest_rejected_events_are_kept(live: Running) -> None:
    with live.store.writing() as connection:
        for i in range(30):
            keep(connection, [rejected({"n": i, "x": "y" * 9_000}, None, "no", NOW + i, "key")], kept=10)
    found = live.client.get("/v1/rejected-events", headers=live.key).json["rejected_events"]
    assert [json.loads(each["body"][:20].split(",")[0] + "}")["n"] for each in found] == list(range(29, 19, -1))
    assert {len(each["body"]) for each in found} == {4_096}


def test_bots_are_kept_and_flagged(quick: Running) -> None:
    crawler = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
    browser = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
    send(quick, *(track(messageId=agent, context={"userAgent": agent}) for agent in (crawler, browser)))
    assert [row["bot"] for row in events(quick)] == [True, False]
    assert quick.store.history().n_events == 1


def key_of(running: Running) -> str:
    return running.key["Authorization"].removeprefix("Bearer ")


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


def test_the_key_may_come_in_every_way(quick: Running) -> None:
    key = key_of(quick)
    ways: list[tuple[dict[str, str], dict[str, Any]]] = [
        (basic(f"{key}:"), {}), (basic(key), {}), ({"X-Api-Key": key}, {}), (quick.key, {}), ({}, {"writeKey": key}),
    ]  # fmt: skip
    for headers, more in ways:
        answer = quick.client.post("/v1/batch", json={"batch": [track()], **more}, headers=headers)
        assert answer.status_code == 200, headers
    assert len(events(quick)) == len(ways)


def test_without_a_key_that_may_send_nothing_is_taken(quick: Running) -> None:
    _, reader = Keys(quick.store).create("reader", ["read"], NOW)
    for headers, more, status in (
        ({}, {}, 401), (basic("nonsense:"), {}, 401), ({"Authorization": "Basic ###"}, {}, 401),
        ({"Authorization": "Basic é".encode().decode("latin-1")}, {}, 401), ({}, {"writeKey": 5}, 401),
        (basic(f"{reader}:"), {}, 403), ({}, {"writeKey": reader}, 403),
        ({"Authorization": "Bearer x"}, {"writeKey": key_of(quick)}, 401),
    ):  # fmt: skip
        answer = quick.client.post("/v1/batch", json={"batch": [track()], **more}, headers=headers)
        assert answer.status_code == status, (headers, more)
        assert {"code", "message"} <= set(answer.json)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert events(quick) == []


def post(running: Running, data: bytes, **headers: str) -> Any:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return running.client.post("/v1/batch", data=data, headers={**running.key, **names})


def test_bodies_that_clients_send(quick: Running) -> None:
    body = json.dumps({"batch": [track(messageId="é")]}).encode()
    for headers in (
        {"Content_Type": "application/json; charset=utf-8"}, {"Content_Type": "text/plain;charset=UTF-8"}, {},
        {"Content_Encoding": "identity"},
    ):  # fmt: skip
        assert post(quick, body, **headers).status_code == 200
    assert post(quick, gzip.compress(body), Content_Encoding="gzip").status_code == 200
    lenient = (
        b'{"batch": [{"type": "track", "userId": "a", "event": "x", "properties": {"n": NaN, "half": "\\ud83d"}}]}'
    )
    assert post(quick, lenient).status_code == 200
    assert [row["properties"] for row in events(quick)] == [{}, {"half": "?"}]


@pytest.mark.parametrize(
    ("data", "headers", "code"),
    [
        (b"", {}, "bad_json"),
        (b"{", {}, "bad_json"),
        (b"[]", {}, "bad_json"),
        (b"\xff\xfe", {}, "bad_json"),
        (b"[" * 100_000, {}, "bad_json"),
        (b"{}", {}, "bad_batch"),
        (b'{"batch": {}}', {}, "bad_batch"),
        (b"{}", {"Content_Encoding": "gzip"}, "bad_encoding"),
        (gzip.compress(b'{"batch": []}', mtime=0)[:-9], {"Content_Encoding": "gzip"}, "bad_encoding"),
        (b"{}", {"Content_Encoding": "br"}, "bad_encoding"),
        (b" " * (MAX_BODY + 1), {}, "too_large"),
        (gzip.compress(b" " * (MAX_BODY + 1), mtime=0), {"Content_Encoding": "gzip"}, "too_large"),
    ],
)
def test_bodies_that_are_refused(quick: Running, data: bytes, headers: dict[str, str], code: str) -> None:
    answer = post(quick, data, **headers)
    assert (answer.status_code, answer.json["code"]) == (400, code)
    assert answer.json["message"]


def test_a_bomb_is_not_unpacked(quick: Running) -> None:
    import tracemalloc

    bomb = gzip.compress(b"\x00" * 500 * 2**20, 9)
    tracemalloc.start()
    assert post(quick, bomb, Content_Encoding="gzip").json["code"] == "too_large"
    assert tracemalloc.get_traced_memory()[1] < 4 * MAX_BODY
    tracemalloc.stop()


def test_the_largest_batch_that_is_legal(quick: Running) -> None:
    calls = [track(messageId=str(i), properties={"x": "y" * 32_000}) for i in range(130)]
    body = json.dumps({"batch": calls}).encode()
    assert 4 * 2**20 - MAX_EVENT < len(body) <= MAX_BODY
    assert post(quick, body).status_code == 200
    assert len(events(quick)) == 130


def test_a_page_of_another_site_may_send_but_not_look(quick: Running) -> None:
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "authorization,content-type"}  # fmt: skip
    answer = quick.client.options("/v1/track", headers=asked)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers
    for path in ("/v1/rejected-events", "/v1/score", "/healthz"):
        answer = quick.client.options(path, headers=asked)
        assert not any(name.startswith("Access-Control") for name, _ in answer.headers), path


def test_who_was_merged_is_answered_with_the_score_of_its_lead(own_service: Running, world: Any) -> None:
    key = {"Authorization": f"Bearer {Keys(own_service.store).create('page', ['ingest'], NOW)[1]}"}
    now = own_service.clock
    now.now += SECOND
    own_service.client.post("/v1/track", json={"anonymousId": "v", "event": "x"}, headers=key)
    now.now += SECOND
    answer = own_service.client.post("/v1/alias", json={"userId": world.open_lead, "previousId": "v"}, headers=key)
    assert answer.status_code == 200
    ask: Callable[[str], Any] = lambda path: own_service.client.get(path, headers=own_service.key).json  # noqa: E731
    score = ask(f"/v1/leads/{world.open_lead}/score")
    assert ask("/v1/leads/v/score") == {**score, "lead_id": "v", "merged_into": world.open_lead}
    many = ask(f"/v1/scores?lead_ids=v,{world.open_lead},nobody")["scores"]
    assert [(each["lead_id"], each["status"]) for each in many] == [
        ("v", "open"),
        (world.open_lead, "open"),
        ("nobody", "unknown"),
    ]
    then = ask(f"/v1/leads/v/score?as_of={to_iso(NOW + SECOND)}")
    assert "merged_into" not in then, "as of a time when it was a lead of its own"
    assert then["lead_id"] == "v"
