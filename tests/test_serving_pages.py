"""The pages: signing in and out, the call list, one lead, and what they say when there is nothing to show."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from serving_world import NOW, Running, World, run

from features.errors import ModelUnavailable
from features.events import DAY, Event, events_table
from serving.keys import Keys, main
from serving.sign_in import SignIn, signing_secret

pytest_plugins = ("serving_fixtures",)

HOUR = DAY // 24


def sign_in(running: Running, target: str = "/") -> FlaskClient:
    """A browser that signed in with a link."""
    key, _ = Keys(running.store).create("person", ["read"], NOW)
    token = SignIn(signing_secret(running.store, NOW)).token(key.key_id, running.clock() + HOUR)
    client = running.client
    assert client.get("/login", query_string={"token": token, "next": target}).location == target
    return client


def form_token(client: FlaskClient, path: str = "/login") -> str:
    return re.search(r'name="form_token" value="([^"]+)"', client.get(path).get_data(as_text=True))[1]


def test_a_key_opens_the_pages(own_service: Running) -> None:
    client = own_service.client
    first = client.get("/?owner=x")
    assert (first.status_code, first.location) == (302, "/login?next=/?owner%3Dx")
    key = own_service.key["Authorization"].removeprefix("Bearer ")
    form = {"form_token": form_token(client), "key": f" {key}\n", "next": "/?owner=x"}
    answer = client.post("/login", data=form)
    assert (answer.status_code, answer.location) == (303, "/?owner=x")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert key not in cookie
    assert client.get("/").status_code == 200


def test_the_cookie_goes_over_tls_only_where_the_page_came_over_tls(own_service: Running) -> None:
    client = own_service.client
    assert "Secure" not in client.get("/login").headers["Set-Cookie"]
    assert "Secure" in own_service.client.get("/login", base_url="https://localhost").headers["Set-Cookie"]


@pytest.mark.parametrize("key", ["", "nonsense", "lt_abc_def"])
def test_a_wrong_key_opens_nothing(own_service: Running, key: str) -> None:
    client = own_service.client
    answer = client.post("/login", data={"form_token": form_token(client), "key": key})
    assert answer.status_code == 401
    assert "not an active API key" in answer.get_data(as_text=True)
    assert client.get("/").status_code == 302


def test_a_key_without_the_scope_read_opens_nothing(own_service: Running) -> None:
    _, text = Keys(own_service.store).create("tracker", ["ingest"], NOW)
    client = own_service.client
    answer = client.post("/login", data={"form_token": form_token(client), "key": text})
    assert "lacks the scope read" in answer.get_data(as_text=True)
    assert client.get("/").status_code == 302


def test_a_form_of_another_site_signs_nobody_in_or_out(own_service: Running) -> None:
    key = own_service.key["Authorization"].removeprefix("Bearer ")
    client = own_service.client
    for token in ({}, {"form_token": "x"}, {"form_token": "é"}):
        assert client.post("/login", data={"key": key, **token}).status_code == 400
    client = sign_in(own_service)
    assert client.post("/logout").status_code == 400
    assert client.get("/").status_code == 200
    assert client.post("/logout", data={"form_token": form_token(client, "/")}).status_code == 303
    assert client.get("/").status_code == 302


def test_a_link_signs_in_until_it_ends(own_service: Running) -> None:
    key, _ = Keys(own_service.store).create("person", ["read"], NOW)
    signer = SignIn(signing_secret(own_service.store, NOW))
    token = signer.token(key.key_id, NOW + HOUR)
    own_service.clock.now = NOW + HOUR + 1
    late = own_service.client.get(f"/login?token={token}")
    assert late.status_code == 401
    assert "not valid any more" in late.get_data(as_text=True)
    own_service.clock.now = NOW + HOUR
    assert own_service.client.get(f"/login?token={token}").location == "/"
    for forged in (token[:-2], token + "x", "x", SignIn("another secret").token(key.key_id, NOW + 2 * HOUR)):
        assert own_service.client.get(f"/login?token={forged}").status_code == 401
    Keys(own_service.store).revoke(key.key_id, NOW)
    assert own_service.client.get(f"/login?token={token}").status_code == 401


def test_a_link_signs_in_once(own_service: Running) -> None:
    key, _ = Keys(own_service.store).create("person", ["read"], NOW)
    token = SignIn(signing_secret(own_service.store, NOW)).token(key.key_id, NOW + HOUR)
    assert own_service.client.head(f"/login?token={token}").status_code == 200, "a look ahead does not use it up"
    assert own_service.client.get(f"/login?token={token}").location == "/"
    again = own_service.client.get(f"/login?token={token}")
    assert again.status_code == 401
    assert "not valid any more" in again.get_data(as_text=True)


def test_signing_out_ends_the_session_wherever_its_cookie_was_copied_to(own_service: Running) -> None:
    client, elsewhere = sign_in(own_service), own_service.client
    elsewhere.set_cookie("leadtime_session", client.get_cookie("leadtime_session").value)
    another = sign_in(own_service)
    assert elsewhere.get("/").status_code == 200
    client.post("/logout", data={"form_token": form_token(client, "/")})
    assert elsewhere.get("/").status_code == 302
    assert another.get("/").status_code == 200


def test_attempts_to_sign_in_are_limited(own_service: Running) -> None:
    client = own_service.client
    form = {"form_token": form_token(client), "key": "lt_a_b"}
    tried = [client.post("/login", data=form).status_code for _ in range(12)]
    assert tried == [401] * 10 + [429] * 2
    refused = client.post("/login", data=form)
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert client.get("/login?token=x").status_code == 429
    assert client.get("/login").status_code == 200
    own_service.clock.now += int(refused.headers["Retry-After"]) * 1_000_000
    assert client.post("/login", data=form).status_code == 401


def test_a_session_ends_with_its_key_and_after_half_a_day(own_service: Running) -> None:
    client = sign_in(own_service)
    own_service.clock.now += 12 * HOUR
    assert client.get("/").status_code == 200
    own_service.clock.now += 1
    assert client.get("/").status_code == 302
    client = sign_in(own_service)
    key = next(key for key in Keys(own_service.store).all()[::-1] if key.name == "person")
    for each in Keys(own_service.store).all():
        if each.name == "person":
            Keys(own_service.store).revoke(each.key_id, NOW)
    assert client.get("/").status_code == 302, key


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "/\t/evil.example", "//[", ""],
)
def test_signing_in_leads_to_this_service_only(own_service: Running, target: str) -> None:
    key, _ = Keys(own_service.store).create("person", ["read"], NOW)
    token = SignIn(signing_secret(own_service.store, NOW)).token(key.key_id, NOW + HOUR)
    answer = own_service.client.get("/login", query_string={"token": token, "next": target})
    assert answer.location == "/"


def test_another_process_accepts_the_session(own_service: Running, world: World) -> None:
    """Several workers and machines share the database, and with it the secret that signs."""
    client = sign_in(own_service)
    cookie = client.get_cookie("leadtime_session").value
    other = run(own_service.store.engine.url.render_as_string(), _models(own_service))
    there = other.client
    there.set_cookie("leadtime_session", cookie)
    assert there.get("/").status_code == 200


def _models(running: Running):
    return running.app.extensions["leadtime"].models


def test_the_link_of_the_command_line_signs_in(
    own_service: Running, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    import time

    monkeypatch.setenv("LEADTIME_DATABASE_URL", own_service.store.engine.url.render_as_string())
    monkeypatch.setenv("LEADTIME_PORT", "8765")
    monkeypatch.chdir(tmp_path)
    assert main(["link"]) == 0
    assert main(["link"]) == 0
    first, second = capsys.readouterr().out.split()
    assert first.startswith("http://127.0.0.1:8765/login?token=")
    own_service.clock.now = time.time_ns() // 1000
    client = own_service.client
    assert client.get(second.removeprefix("http://127.0.0.1:8765")).location == "/"
    assert client.get("/").status_code == 200
    assert sum(key.name == "sign-in" for key in Keys(own_service.store).all()) == 1


def test_the_call_list_shows_the_ranked_leads(own_service: Running) -> None:
    client = sign_in(own_service)
    text = client.get("/").get_data(as_text=True)
    leads = own_service.client.get("/v1/call-list?limit=50", headers=own_service.key).json["leads"]
    assert re.findall(r'<a href="/leads/([^"]+)">', text) == [lead["lead_id"] for lead in leads]
    assert "1 Nov 2026, 00:00 UTC" in text
    assert "version&nbsp;7" in text
    said = [reason for lead in leads for reason in lead["reasons"][:3]]
    assert said
    assert all(reason in unescape(text) for reason in said)
    assert "<script" not in text
    assert "style=" not in text


def test_the_call_list_can_be_filtered_and_prolonged(own_service: Running) -> None:
    client = sign_in(own_service)
    leads = own_service.client.get("/v1/call-list?limit=1000", headers=own_service.key).json["leads"]
    owner = next(lead["owner"] for lead in leads if lead["owner"])
    text = client.get("/", query_string={"owner": owner, "limit": 1000}).get_data(as_text=True)
    assert re.findall(r'<a href="/leads/([^"]+)">', text) == [
        lead["lead_id"] for lead in leads if lead["owner"] == owner
    ]
    assert f"<option selected>{owner}</option>" in text
    assert len(leads) > 50
    text = client.get("/").get_data(as_text=True)
    assert f"50 of {len(leads)} open leads" in text
    assert 'href="/?limit=100"' in text
    for strange in ("-1", "x", "99999999"):
        assert client.get(f"/?limit={strange}").status_code == 200


def test_a_lead_shows_curve_window_reasons_and_history(own_service: Running, world: World) -> None:
    client = sign_in(own_service)
    text = client.get(f"/leads/{world.open_lead}").get_data(as_text=True)
    assert text.count("<polyline") == 2
    assert "Purchase window" in text
    assert "Why" in text
    n_events = own_service.store.events([world.open_lead]).num_rows
    assert f"{n_events} events" in text
    assert text.count("<time>") == min(n_events, 200)
    text = client.get(f"/leads/{world.lost_lead}").get_data(as_text=True)
    assert "the lead was lost on" in text
    for unknown in ("nobody", "%00", "/nobody"):
        assert client.get(f"/leads/{unknown}", headers={"Accept": "text/html"}).status_code == 404


def test_what_comes_from_outside_is_shown_as_text(own_service: Running) -> None:
    evil = "<script>alert(1)</script>"
    events = [
        Event(event_id=f"evil{i}", lead_id=evil, type=kind, occurred_at=NOW - DAY, recorded_at=NOW - DAY,
              channel=evil, campaign=evil, properties={evil: evil, "owner": evil, "source": evil, "need_by": evil})
        for i, kind in enumerate(("identify", "need_declared", evil))
    ]  # fmt: skip
    own_service.store.append(events_table(events))
    own_service.clock.now += DAY
    client = sign_in(own_service)
    from urllib.parse import quote

    for path in ("/?limit=1000", f"/leads/{quote(evil, safe='')}", f"/?owner={quote(evil)}"):
        answer = client.get(path)
        assert answer.status_code == 200
        text = answer.get_data(as_text=True)
        assert "&lt;script&gt;" in text
        assert "<script" not in text


class _NoModel:
    def current(self):
        raise ModelUnavailable("no model was trained yet")


def test_empty_pages_say_what_to_type_next(empty_service: Running, world: World, tmp_path: Path) -> None:
    text = sign_in(empty_service).get("/").get_data(as_text=True)
    assert "No leads yet" in text
    assert "python -m features.load DIR" in text
    nothing = run(f"sqlite:///{tmp_path}/none.db", _NoModel())
    text = sign_in(nothing).get("/").get_data(as_text=True)
    assert "No model yet" in text
    assert "python -m features.load DIR\npython -m training.train" in text
    event = Event(event_id="e", lead_id="L", type="page_view", occurred_at=NOW - DAY, recorded_at=NOW - DAY)
    nothing.store.append(events_table([event]))
    client = sign_in(nothing)
    assert "1 lead is in the log" in client.get("/").get_data(as_text=True)
    lead = client.get("/leads/L").get_data(as_text=True)
    assert "no model was trained yet" in lead
    assert "page view" in lead
    ended = Event(event_id="f", lead_id="L", type="lost", occurred_at=NOW - DAY, recorded_at=NOW - DAY)
    empty_service.store.append(events_table([event, ended]))
    empty_service.clock.now += HOUR
    assert "No open leads" in sign_in(empty_service).get("/").get_data(as_text=True)


def test_the_page_of_a_merged_id_leads_on_to_its_lead(own_service: Running, world: World) -> None:
    said = {"event_id": "m", "type": "identify", "occurred_at": NOW, "recorded_at": NOW}
    merged = Event(lead_id=world.open_lead, properties={"previous_id": "old"}, **said)
    own_service.store.append(events_table([merged]))
    answer = sign_in(own_service).get("/leads/old")
    assert (answer.status_code, answer.location) == (302, f"/leads/{world.open_lead}")
