"""Who may call what: every endpoint with every kind of key and without one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from serving_world import NOW, Clock, FixedModel, Running, World, run

from features.errors import InputError
from features.events import DAY, Event, events_table
from features.sources.imports import OBJECTS
from features.store import Store
from serving.intake.calls import KINDS
from serving.keys import SCOPES, Keys, main
from serving.registry import Served
from serving.webhooks.endpoints import Endpoints

pytest_plugins = ("serving_fixtures",)

HISTORY = {"lead": {"lead_id": "x"}, "events": [{"type": "a", "timestamp": "2026-10-01"}]}

# Every endpoint: method and rule, the scope it needs, and a body with which it succeeds. One that is not in this
# table fails the test: who adds an endpoint says here who may call it.
ANSWERS = ("accept", "reject")
OPEN, SESSION, SIGNED = "open", "session", "signature"
REPORTS = ("sourced", "sources", "attribution", "returns", "salespeople", "windows", "calibration", "base-rates",
           "feedback", "reasons", "satisfied", "satisfied-paths", "contract", "lift")  # fmt: skip
CALL = {"type": "track", "anonymousId": "x", "event": "a", "previousId": "y", "userId": "x", "groupId": "g"}
ENDPOINTS: dict[tuple[str, str], tuple[str, object]] = {
    ("GET", "/v1/leads/<lead:lead_id>/score"): ("read", None),
    ("GET", "/v1/scores"): ("read", None),
    ("POST", "/v1/score"): ("read", HISTORY),
    ("POST", "/v1/scores"): ("read", {"histories": [HISTORY]}),
    ("GET", "/v1/call-list"): ("read", None),
    **{("POST", f"/v1/{kind}"): ("ingest", CALL) for kind in KINDS},
    ("POST", "/v1/batch"): ("ingest", {"batch": [CALL]}),
    ("GET", "/v1/rejected-events"): ("read", None),
    ("GET", "/v1/leads"): ("read", None),
    ("POST", "/v1/leads"): ("write", {"leads": [{"lead_id": "x"}]}),
    ("GET", "/v1/leads/<lead_alone:lead_id>"): ("read", None),
    ("PUT", "/v1/leads/<lead_alone:lead_id>"): ("write", {}),
    ("GET", "/v1/leads/<lead:lead_id>/events"): ("read", None),
    ("POST", "/v1/leads/<lead:lead_id>/outcome"): ("write", {"outcome": "lost", "at": "2026-10-31"}),
    ("POST", "/v1/leads/<lead:lead_id>/calls"): ("write", {"disposition": "on_time", "at": "2026-10-01"}),
    ("PUT", "/v1/leads/<lead:lead_id>/owner"): ("write", {"owner": "kim"}),
    ("GET", "/v1/calls"): ("read", None),
    ("POST", "/v1/calls"): ("write", {"calls": [{"lead_id": "x", "disposition": "on_time", "at": "2026-10-01"}]}),
    ("GET", "/v1/outcomes"): ("read", None),
    ("POST", "/v1/outcomes"): ("write", {"outcomes": [{"lead_id": "x", "outcome": "lost", "at": "2026-10-01"}]}),
    **{("POST", f"/v1/import/{crm}/{kind}"): ("write", []) for crm, kinds in OBJECTS.items() for kind in kinds},
    ("POST", "/v1/hubspot/webhook"): (SIGNED, []),
    ("GET", "/v1/handoffs"): ("read", None),
    ("POST", "/v1/handoffs/<handoff_id>/accept"): ("write", {"by": "kim"}),
    ("POST", "/v1/handoffs/<handoff_id>/reject"): ("write", {"by": "kim", "reason": "too_early"}),
    ("GET", "/v1/call-plan"): ("read", None),
    ("GET", "/v1/leads/<lead:lead_id>/change"): ("read", None),
    ("GET", "/v1/leads/<lead:lead_id>/dossier"): ("read", None),
    **{("GET", f"/v1/reports/{name}"): ("read", None) for name in REPORTS},
    ("GET", "/v1/monitor"): ("read", None),
    ("GET", "/v1/audiences"): ("admin", None),
    ("GET", "/v1/audiences/<audience>"): ("admin", None),
    ("GET", "/v1/webhooks"): ("admin", None),
    ("POST", "/v1/webhooks"): ("admin", {"url": "https://203.0.114.7/hook"}),
    ("GET", "/v1/webhooks/<endpoint_id>"): ("admin", None),
    ("PATCH", "/v1/webhooks/<endpoint_id>"): ("admin", {"description": "x"}),
    ("DELETE", "/v1/webhooks/<endpoint_id>"): ("admin", None),
    ("POST", "/v1/webhooks/<endpoint_id>/rotate"): ("admin", {}),
    ("POST", "/v1/webhooks/<endpoint_id>/test"): ("admin", {}),
    ("GET", "/v1/webhooks/<endpoint_id>/deliveries"): ("admin", None),
    ("POST", "/v1/webhooks/<endpoint_id>/replay"): ("admin", {"since": "2026-10-01"}),
    ("GET", "/v1/audit"): ("admin", None),
    ("GET", "/v1/leads/<lead:lead_id>/export"): ("admin", None),
    ("DELETE", "/v1/leads/<lead_alone:lead_id>"): ("admin", None),
    ("GET", "/metrics"): ("read", None),
    ("GET", "/healthz"): (OPEN, None),
    ("GET", "/readyz"): (OPEN, None),
    ("GET", "/openapi.json"): (OPEN, None),
    ("GET", "/docs"): (OPEN, None),
    ("GET", "/docs/<any('swagger-ui.css', 'swagger-ui-bundle.js'):name>"): (OPEN, None),
    ("GET", "/static/<path:filename>"): (OPEN, None),
    ("GET", "/login"): (OPEN, None),
    ("POST", "/login"): (OPEN, None),
    ("POST", "/logout"): (OPEN, None),
    ("GET", "/"): (SESSION, None),
    ("GET", "/call-plan"): (SESSION, None),
    ("GET", "/leads/<lead:lead_id>"): (SESSION, None),
    ("POST", "/handoffs/<handoff_id>/answer"): (SESSION, None),
    ("GET", "/reports"): (SESSION, None),
    ("GET", "/monitor"): (SESSION, None),
    ("GET", "/audiences"): (SESSION, None),
    ("GET", "/audiences/<audience>"): (SESSION, None),
    ("GET", "/reports/<name>"): (SESSION, None),
}
SUCCESS = {"DELETE": (200, 202, 204), "GET": (200,), "POST": (200, 201, 202), "PUT": (200, 201, 204), "PATCH": (200,)}


def endpoints(service: Running) -> set[tuple[str, str]]:
    """Every method and rule that the application answers."""
    rules = service.app.url_map.iter_rules()
    return {(method, rule.rule) for rule in rules for method in rule.methods - {"HEAD", "OPTIONS"}}


def filled(rule: str, lead_id: str, endpoint_id: str) -> str:
    """The rule with something real filled in."""
    path = rule.replace("<lead:lead_id>", lead_id).replace("<lead_alone:lead_id>", lead_id)
    path = path.replace("<endpoint_id>", endpoint_id).replace("<audience>", "satisfied")
    path = path.replace("<handoff_id>", f"{lead_id} {path.rpartition('/')[2]}")  # a handoff is answered once
    path = path.replace("<path:filename>", "pages.css").replace("<name>", "sourced")
    path = path.replace("<any('swagger-ui.css', 'swagger-ui-bundle.js'):name>", "swagger-ui.css")
    assert "<" not in path, f"no value for {rule}"
    return path + ("?lead_ids=x" if path == "/v1/scores" else "")


def test_every_endpoint_is_in_the_table(service: Running) -> None:
    assert endpoints(service) == set(ENDPOINTS)


@pytest.fixture(scope="module")
def service(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Of these tests' own, for they erase leads."""
    copy = tmp_path_factory.mktemp("access") / "leadtime.db"
    shutil.copy(world.file, copy)
    running = run(f"sqlite:///{copy}", FixedModel(Served(world.scorer, "7")))
    yield running
    running.store.close()


@pytest.fixture(scope="module")
def keys(service: Running) -> dict[str, str]:
    """A key for each scope, a revoked one, and texts that are no key."""
    store = Keys(service.store)
    found = {scope: store.create(scope, [scope], NOW)[1] for scope in ("read", "ingest", "write", "admin")}
    revoked, found["revoked"] = store.create("revoked", ["read"], NOW)
    store.revoke(revoked.key_id, NOW)
    found["expired"] = store.create("expired", ["read"], NOW - DAY, expires_at=NOW)[1]
    rotated, found["rotated away"] = store.create("rotated", ["read"], NOW - DAY)
    store.rotate(rotated.key_id, DAY, NOW - DAY)
    prefix, key_id, secret = found["read"].split("_", 2)
    found["another secret"] = f"{prefix}_{key_id}_{secret[:-1]}{'a' if secret[-1] != 'a' else 'b'}"
    found["no secret"] = f"{prefix}_{key_id}_"
    found["the hash itself"] = f"{prefix}_{key_id}_{store._row(key_id).hash}"
    return found | {"none": "", "nonsense": "hunter2", "not ascii": "lt_é_é", "sql": "lt_x'or'1'='1_y"}


@pytest.mark.parametrize("who", ["none", "nonsense", "not ascii", "sql", "revoked", "expired", "rotated away",
                                 "another secret", "no secret", "the hash itself", "read", "ingest", "write",
                                 "admin"])  # fmt: skip
def test_every_endpoint_for_every_key(service: Running, keys: dict[str, str], who: str) -> None:
    client = service.app.test_client()
    for n, header in enumerate(("Authorization", "X-Api-Key")):
        lead = f"lead of {who} {n}"  # what one may erase is there for the next
        seen = {"type": "page_view", "occurred_at": NOW - DAY, "recorded_at": NOW - DAY}
        handed = [Event(event_id=f"{lead} {way}", lead_id=lead, **seen | {"type": "handoff"}) for way in ANSWERS]
        service.store.append(events_table([Event(event_id=lead, lead_id=lead, **seen), *handed]))
        endpoint = Endpoints(service.store, allow_private=False).create("https://203.0.114.7/hook", NOW).endpoint_id
        text = f"Bearer {keys[who]}" if header == "Authorization" else keys[who]
        sent = {header: text.encode().decode("latin-1")}
        for (method, rule), (scope, body) in sorted(ENDPOINTS.items(), key=lambda item: item[0][0], reverse=True):
            answer = client.open(filled(rule, lead, endpoint), method=method, headers=sent, json=body, buffered=True)
            said = (method, rule, answer.status_code)
            if scope == OPEN:
                assert answer.status_code in (200, 400), said  # 400: a form without its token
            elif scope == SESSION:  # an API key does not open pages
                assert answer.status_code == 302, said
                assert answer.location.startswith("/login")
            elif scope == SIGNED:  # no API key stands for HubSpot's signature
                assert answer.status_code == 403, said
            elif who in (scope, "admin"):
                assert answer.status_code in SUCCESS[method], (said, answer.get_data(as_text=True))
            else:
                assert answer.status_code == (403 if who in SCOPES else 401), said
                assert set(answer.json) == {"code", "message", "detail"}
                assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
                assert lead not in answer.get_data(as_text=True)


def test_every_view_states_what_it_needs(service: Running) -> None:
    for rule in service.app.url_map.iter_rules():
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            needed = ENDPOINTS[method, rule.rule][0]
            if needed != OPEN and rule.rule != "/metrics":  # which a setting opens
                assert service.app.view_functions[rule.endpoint].scope == needed, rule


def test_a_key_is_stored_hashed_and_shown_once(own_service: Running) -> None:
    key, text = Keys(own_service.store).create("crm", ["read"], NOW)
    secret = text.split("_", 2)[2]
    assert len(secret) >= 43, "256 bits in base64"
    own_service.store.engine.dispose()
    raw = b"".join(file.read_bytes() for file in _files(own_service))
    assert secret.encode() not in raw
    assert key.key_id.encode() in raw


def _files(running: Running) -> list:
    from pathlib import Path

    database = Path(running.store.engine.url.database)
    return sorted(database.parent.glob(database.name + "*"))


def test_a_revoked_key_opens_nothing_at_once(own_service: Running) -> None:
    keys = Keys(own_service.store)
    key, text = keys.create("crm", ["read"], NOW)
    headers = {"Authorization": f"Bearer {text}"}
    assert own_service.client.get("/v1/call-list", headers=headers).status_code == 200
    keys.revoke(key.key_id, NOW)
    assert own_service.client.get("/v1/call-list", headers=headers).status_code == 401


def test_keys_are_made_listed_and_revoked_on_the_command_line(
    tmp_path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], world: World
) -> None:
    url = f"sqlite:///{tmp_path}/keys.db"
    monkeypatch.setenv("LEADTIME_DATABASE_URL", url)
    monkeypatch.chdir(tmp_path)
    assert main(["list"]) == 0
    assert "No keys yet" in capsys.readouterr().out
    assert main(["create", "--name", "crm", "--scopes", "read,ingest", "--quiet"]) == 0
    text = capsys.readouterr().out.strip()
    assert "\n" not in text
    running = run(url, FixedModel(Served(world.scorer, "1")))
    headers = {"Authorization": f"Bearer {text}"}
    assert running.client.get("/v1/call-list", headers=headers).status_code == 200
    assert main(["list"]) == 0
    listed = capsys.readouterr().out
    assert "crm" in listed
    assert text not in listed
    assert main(["revoke", text.split("_")[1]]) == 0
    assert running.client.get("/v1/call-list", headers=headers).status_code == 401
    capsys.readouterr()
    assert main(["list"]) == 0
    assert "revoked" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["revoke", "nobody"], "the id of a key"),
        (["create", "--name", "x", "--scopes", "root"], "root"),
        (["create", "--name", " "], "a name"),
        (["link", "--hours", "0"], "--hours"),
        (["link", "--key", "nobody"], "--key"),
        (["rotate", "nobody"], "the id of an active key"),
        (["create", "--name", "x", "--expires", "soon"], "--expires"),
    ],
)
def test_what_the_command_line_cannot_do_is_one_line(
    tmp_path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], argv: list[str], said: str
) -> None:
    monkeypatch.setenv("LEADTIME_DATABASE_URL", f"sqlite:///{tmp_path}/keys.db")
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1


def test_a_scope_that_does_not_exist_is_refused(own_service: Running) -> None:
    with pytest.raises(InputError, match="read, ingest, write, admin"):
        Keys(own_service.store).create("x", ["all"], NOW)


def test_a_key_is_rotated_without_a_moment_in_which_none_opens(own_service: Running) -> None:
    keys = Keys(own_service.store)

    def status(text: str) -> int:
        return own_service.client.get("/v1/call-list", headers={"Authorization": f"Bearer {text}"}).status_code

    key, first = keys.create("crm", ["read"], NOW)
    _, second = keys.rotate(key.key_id, DAY, NOW)
    assert first.split("_")[1] == second.split("_")[1]
    assert (status(first), status(second)) == (200, 200)
    own_service.clock.now = NOW + DAY
    assert (status(first), status(second)) == (401, 200)
    _, third = keys.rotate(key.key_id, 0, own_service.clock())
    assert (status(first), status(second), status(third)) == (401, 401, 200)
    keys.revoke(key.key_id, own_service.clock())
    assert status(third) == 401
    with pytest.raises(InputError, match="an active key"):
        keys.rotate(key.key_id, DAY, own_service.clock())


def test_revoking_ends_the_old_secret_as_well(own_service: Running) -> None:
    keys = Keys(own_service.store, own_service.clock)
    key, first = keys.create("crm", ["read"], NOW)
    keys.rotate(key.key_id, DAY, NOW)
    keys.revoke(key.key_id, NOW)
    assert keys.verify(first) is None


def test_when_a_key_was_last_used_is_known_to_the_hour(store: Store) -> None:
    clock = Clock()
    keys = Keys(store, clock)
    key, text = keys.create("crm", ["read"], NOW)

    def last_used() -> int | None:
        found = keys.find(key.key_id)
        assert found is not None
        return found.last_used_at

    assert last_used() is None
    for minute, expected in ((0, 0), (30, 0), (59, 0), (60, 60), (61, 60)):
        clock.now = NOW + minute * 60_000_000
        assert keys.verify(text) is not None
        keys.write_used()
        assert last_used() == NOW + expected * 60_000_000


def test_keys_are_rotated_on_the_command_line(
    tmp_path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///{tmp_path}/keys.db"
    monkeypatch.setenv("LEADTIME_DATABASE_URL", url)
    monkeypatch.chdir(tmp_path)
    assert main(["create", "--name", "crm", "--expires", "90d", "--quiet"]) == 0
    first = capsys.readouterr().out.strip()
    assert main(["rotate", first.split("_")[1], "--grace", "2h", "--quiet"]) == 0
    second = capsys.readouterr().out.strip()
    assert main(["rotate", first.split("_")[1], "--grace", "1d"]) == 0
    assert "opens until" in capsys.readouterr().out
    with Store.open(url) as store:
        assert Keys(store).verify(first) is None, "only the one secret before the last"
        assert Keys(store).verify(second) is not None
    assert main(["list"]) == 0
    assert "active until" in capsys.readouterr().out
