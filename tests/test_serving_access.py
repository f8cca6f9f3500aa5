"""Who may call what: every endpoint with every kind of key and without one."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from serving_fixtures import copy_of
from serving_world import NOW, FixedModel, Running, World, run

from features.errors import InputError
from serving.keys import Keys, main
from serving.registry import Served

pytest_plugins = ("serving_fixtures",)

PUBLIC = {"/healthz", "/readyz", "/openapi.json", "/docs", "/login", "/logout"}
BODIES = {
    "/v1/score": {"lead": {"lead_id": "x"}, "events": [{"type": "a", "timestamp": "2026-10-01"}]},
    "/v1/scores": {"histories": [{"lead": {"lead_id": "x"}, "events": [{"type": "a", "timestamp": "2026-10-01"}]}]},
    "/v1/outcomes": {"outcomes": [{"lead_id": "x", "outcome": "lost", "at": "2026-10-01"}]},
    "/v1/calls": {"calls": [{"lead_id": "x", "disposition": "on_time", "at": "2026-10-01"}]},
    "/v1/leads": {"leads": [{"lead_id": "x"}]},
}
LEAD_BODIES = {
    "outcome": {"outcome": "lost", "at": "2026-10-31"},
    "calls": {"disposition": "on_time", "at": "2026-10-01"},
    "owner": {"owner": "kim"},
}


def body_of(method: str, path: str) -> object:
    if method == "GET":
        return None
    if path.startswith("/v1/import/"):
        return []
    if path.startswith("/v1/leads/"):
        return LEAD_BODIES.get(path.rpartition("/")[2], {})
    return BODIES.get(path)


def endpoints(service: Running, world: World) -> list[tuple[str, str]]:
    """Every method and path that the application answers, with something real filled in."""
    found = []
    for rule in service.app.url_map.iter_rules():
        path = re.sub("<lead(_alone)?:lead_id>", world.open_lead, rule.rule).replace("<path:filename>", "pages.css")
        path = path.replace("<any('swagger-ui.css', 'swagger-ui-bundle.js'):name>", "swagger-ui.css")
        assert "<" not in path, f"no value for {rule.rule}"
        path += "?lead_ids=x" if path == "/v1/scores" and "GET" in rule.methods else ""
        found += [(method, path) for method in sorted(rule.methods - {"HEAD", "OPTIONS"})]
    return found


@pytest.fixture(scope="module")
def service(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service of this module's own: what may be written is written here."""
    url = copy_of(world, tmp_path_factory.mktemp("access"))
    running = run(url, FixedModel(Served(world.scorer, "7")))
    yield running
    running.store.close()


def _endpoint(service: Running, method: str, path: str) -> str:
    from urllib.parse import unquote

    adapter = service.app.url_map.bind("localhost")
    return adapter.match(unquote(path), method=method)[0]


@pytest.fixture(scope="module")
def keys(service: Running) -> dict[str, str]:
    """A key for each scope, a revoked one, and texts that are no key."""
    store = Keys(service.store)
    found = {scope: store.create(scope, [scope], NOW)[1] for scope in ("read", "ingest", "write", "admin")}
    revoked, found["revoked"] = store.create("revoked", ["read"], NOW)
    store.revoke(revoked.key_id, NOW)
    prefix, key_id, secret = found["read"].split("_", 2)
    found["another secret"] = f"{prefix}_{key_id}_{secret[:-1]}{'a' if secret[-1] != 'a' else 'b'}"
    found["no secret"] = f"{prefix}_{key_id}_"
    found["the hash itself"] = f"{prefix}_{key_id}_{store._row(key_id).hash}"
    return found | {"none": "", "nonsense": "hunter2", "not ascii": "lt_é_é", "sql": "lt_x'or'1'='1_y"}


@pytest.mark.parametrize("who", ["none", "nonsense", "not ascii", "sql", "revoked", "another secret", "no secret",
                                 "the hash itself", "read", "ingest", "write", "admin"])  # fmt: skip
def test_every_endpoint_for_every_key(service: Running, world: World, keys: dict[str, str], who: str) -> None:
    client = service.app.test_client()
    seen = set()
    for method, path in endpoints(service, world):
        bare = path.partition("?")[0]
        body = body_of(method, bare)
        for headers in ({"Authorization": f"Bearer {keys[who]}"}, {"X-Api-Key": keys[who]}):
            sent = {name: text.encode().decode("latin-1") for name, text in headers.items()}
            answer = client.open(path, method=method, headers=sent, json=body, buffered=True)
            assert answer.status_code < 500, (method, path)
            if path == "/v1/hubspot/webhook":
                assert answer.status_code == 403, "HubSpot signs; there is no client secret here"
            elif path.startswith("/v1/"):
                scope = service.app.view_functions[_endpoint(service, method, bare)].scope
                allowed = {scope: 200, "admin": 200}
                expected = allowed.get(who, 403 if who in ("read", "ingest", "write") else 401)
                assert answer.status_code == expected, (method, path, answer.json)
                seen.add((method, bare))
                if expected != 200:
                    assert set(answer.json) == {"code", "message", "detail"}
                    assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
            elif bare in PUBLIC or bare.startswith(("/static/", "/docs/")):
                assert answer.status_code in (200, 400), (method, path)  # 400: a form without its token
            else:  # pages: an API key does not open them, only a session does
                assert answer.status_code == 302, (method, path)
                assert answer.location.startswith("/login")
    assert len(seen) == 5 + 5 + 7 + 8


def test_every_view_of_api_and_pages_states_what_it_needs(service: Running) -> None:
    for name, view in service.app.view_functions.items():
        blueprint = name.partition(".")[0]
        if blueprint == "api":
            assert view.scope == "read", name
        elif blueprint in ("crm", "imports"):
            reads = name.startswith(("crm.read_", "crm.list_"))
            assert view.scope == ("read" if reads else "write"), name
        elif blueprint == "pages" and name not in ("pages.login", "pages.sign_in", "pages.sign_out"):
            assert view.scope == "session", name


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
