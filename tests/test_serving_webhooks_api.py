"""Webhook endpoints are managed over the API and on the command line."""

from __future__ import annotations

import re
from typing import Any

import pytest
from serving_world import NOW, FixedModel, Running, World, run

from features.events import DAY, to_iso
from serving.keys import Keys
from serving.registry import Served
from serving.webhooks import queue
from serving.webhooks.__main__ import main
from serving.webhooks.endpoints import MAX_ENDPOINTS, Endpoints
from serving.webhooks.queue import Deliveries
from serving.webhooks.schedule import Reply

pytest_plugins = ("serving_fixtures",)

URL = "https://8.8.8.8/hooks"  # an address, so that no name server is asked


@pytest.fixture
def running(database_url: str, world: World) -> Any:
    started = run(database_url, FixedModel(Served(world.scorer, "7")), scopes=("admin",))
    yield started
    started.store.close()


def call(running: Running, method: str, path: str = "", body: object = None, expected: int = 200) -> Any:
    answer = running.client.open(f"/v1/webhooks{path}", method=method, json=body, headers=running.key)
    assert answer.status_code == expected, answer.json
    return answer.json


def fail(running: Running, endpoint_id: str) -> None:
    """Give up what waits for the endpoint."""
    endpoint = Endpoints(running.store, allow_private=False).get(endpoint_id)
    while True:
        with running.store.writing() as connection:
            delivery = queue.next_due(connection, endpoint.endpoint_id, NOW + 999 * DAY)
            if delivery is None:
                return
            queue.record(connection, delivery, Reply(500), running.clock(), throttles=0, chance=0.0)


def test_an_endpoint_is_made_changed_and_deleted(running: Running) -> None:
    made = call(running, "POST", "", {"url": URL, "description": "CRM"}, 201)
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=", made.pop("secret"))
    assert made["events"] == ["lead.window_opened", "lead.window_closed", "lead.handoff_rejected"]
    assert (made["active"], made["created_at"], made["old_secret_until"]) == (True, to_iso(NOW), None)
    path = f"/{made['endpoint_id']}"
    assert call(running, "GET") == {"webhooks": [made]}, "without its secret"
    assert call(running, "GET", path) == made
    changed = call(running, "PATCH", path, {"events": ["lead.window_opened"], "active": False})
    assert changed == {
        **made,
        "events": ["lead.window_opened"],
        "active": False,
        "disabled_because": "disabled by hand",
    }
    assert call(running, "PATCH", path, {"active": True})["active"] is True
    assert call(running, "PATCH", path, {})["description"] == "CRM"
    rotated = call(running, "POST", f"{path}/rotate", {})
    assert rotated["old_secret_until"] == to_iso(NOW + DAY)
    assert call(running, "POST", f"{path}/rotate", {"overlap_hours": 0})["old_secret_until"] == to_iso(NOW)
    call(running, "POST", f"{path}/test", {}, 202)
    assert call(running, "DELETE", path, None, 204) is None
    assert call(running, "GET") == {"webhooks": []}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"url": "https://127.0.0.1/"}, "expected a host with public addresses, got 127.0.0.1"),
        ({"url": "https://169.254.169.254/latest/meta-data"}, "public addresses"),
        ({"url": "https://[::ffff:10.0.0.1]/"}, "public addresses"),
        ({"url": "http://8.8.8.8/"}, "expected https"),
        ({"url": URL, "events": []}, "events"),
        ({"url": URL, "events": ["lead.lost"]}, "events"),
        ({"url": URL, "secret": "mine"}, "unknown field"),
        ({"url": 5}, "url"),
        ({}, "url"),
    ],
)
def test_what_cannot_be_an_endpoint_is_422(running: Running, body: object, named: str) -> None:
    answer = call(running, "POST", "", body, 422)
    assert answer["code"] == "invalid"
    assert named in answer["message"]
    assert call(running, "GET") == {"webhooks": []}


def test_only_so_many_endpoints(running: Running) -> None:
    for _ in range(MAX_ENDPOINTS):
        call(running, "POST", "", {"url": URL}, 201)
    assert "at most 50 endpoints" in call(running, "POST", "", {"url": URL}, 422)["message"]


def test_failed_deliveries_are_listed_and_replayed(running: Running) -> None:
    path = "/" + call(running, "POST", "", {"url": URL}, 201)["endpoint_id"]
    sent = [call(running, "POST", f"{path}/test", {}, 202)["message_id"] for _ in range(3)]
    waiting = call(running, "GET", f"{path}/deliveries")
    assert [delivery["message_id"] for delivery in waiting["deliveries"]] == sent[::-1]
    assert waiting["deliveries"][0]["next_attempt_at"] == to_iso(NOW)
    assert call(running, "GET", f"{path}/deliveries?state=dead")["deliveries"] == []
    fail(running, path[1:])
    first = call(running, "GET", f"{path}/deliveries?state=dead&limit=2")
    assert [(each["attempts"], each["last_error"], each["next_attempt_at"]) for each in first["deliveries"]] == [
        (10, "answered 500", None)
    ] * 2
    rest = call(running, "GET", f"{path}/deliveries?state=dead&limit=2&cursor={first['next_cursor']}")
    assert [each["message_id"] for each in rest["deliveries"]] == sent[:1]
    assert rest["next_cursor"] is None
    assert call(running, "POST", f"{path}/replay", {"message_id": sent[0]}, 202) == {"replayed": 1}
    assert call(running, "POST", f"{path}/replay", {"since": to_iso(NOW)}, 202) == {"replayed": 2}
    assert call(running, "GET", f"{path}/deliveries?state=pending")["deliveries"][0]["attempts"] == 0
    for wrong in ({}, {"message_id": "x", "since": to_iso(NOW)}, {"message_id": "never sent"}, {"since": 5}):
        call(running, "POST", f"{path}/replay", wrong, 422)


def test_nothing_is_sent_to_a_disabled_endpoint(running: Running) -> None:
    path = "/" + call(running, "POST", "", {"url": URL}, 201)["endpoint_id"]
    call(running, "POST", f"{path}/test", {}, 202)
    call(running, "PATCH", path, {"active": False})
    (dead,) = call(running, "GET", f"{path}/deliveries")["deliveries"]
    assert (dead["state"], dead["last_error"]) == ("dead", "the endpoint was disabled")
    for action, body in (("test", {}), ("replay", {"since": "2026-01-01"})):
        assert "Enable it first" in call(running, "POST", f"{path}/{action}", body, 422)["message"]


def test_an_unknown_endpoint_is_404_everywhere(running: Running) -> None:
    for endpoint_id in ("nobody", "%00"):
        for method, path, body in (
            ("GET", "", None), ("PATCH", "", {}), ("DELETE", "", None), ("POST", "/rotate", {}), ("POST", "/test", {}),
            ("GET", "/deliveries", None), ("POST", "/replay", {"message_id": "x"}),
        ):  # fmt: skip
            assert call(running, method, f"/{endpoint_id}{path}", body, 404)["code"] == "not_found"


@pytest.mark.parametrize("scope", ["read", "ingest", "write"])
def test_only_admins_manage_them(running: Running, scope: str) -> None:
    _, text = Keys(running.store).create("x", [scope], NOW)
    for method, path in (("GET", ""), ("POST", ""), ("GET", "/x"), ("POST", "/x/rotate"), ("GET", "/x/deliveries")):
        answer = running.client.open(
            f"/v1/webhooks{path}", method=method, json={}, headers={"Authorization": f"Bearer {text}"}
        )
        assert answer.status_code == 403


def test_they_are_managed_on_the_command_line(
    database_url: str, tmp_path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], world: World
) -> None:
    monkeypatch.setenv("LEADTIME_DATABASE_URL", database_url)
    monkeypatch.chdir(tmp_path)

    def command(*argv: str, code: int = 0) -> str:
        assert main(list(argv)) == code
        captured = capsys.readouterr()
        return captured.err if code else captured.out

    assert "No endpoints yet" in command("list")
    secret, _, told = command("create", "--url", URL, "--events", "lead.window_opened").partition("\n")
    endpoint_id = re.search(r"ep_\w+", told)[0]
    assert "active" in command("list")
    assert secret not in command("list")
    assert command("rotate", endpoint_id).split()[0] not in ("", secret)
    assert "queued" in command("test", endpoint_id)
    assert "disabled" in command("disable", endpoint_id)
    assert "Enable it first" in command("test", endpoint_id, code=2)
    command("enable", endpoint_id)
    message = command("failed", endpoint_id).split()[0]
    assert "1 will be sent" in command("replay", endpoint_id, "--message", message)
    assert "0 will be sent" in command("replay", endpoint_id, "--since", "2026-01-01")
    running = run(database_url, FixedModel(Served(world.scorer, "7")))
    assert Deliveries(running.store).all(endpoint_id)[0].state == "pending"
    running.store.close()
    command("delete", endpoint_id)
    assert "the id of an endpoint" in command("delete", endpoint_id, code=2)
    assert "https" in command("create", "--url", "http://8.8.8.8", code=2)
