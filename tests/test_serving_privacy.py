"""The rights of a person: all that is known can be had, and is gone when asked; logs never hold it."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
import sqlalchemy as sa
from serving_world import NOW, FixedModel, Running, World, run

from features.events import DAY, Event, events_table
from serving import erase
from serving.keys import Keys
from serving.logs import JsonLines
from serving.registry import Served

pytest_plugins = ("serving_fixtures",)

MARKER = "zoe.marker@example.com"


def with_lead(running: Running, lead_id: str = MARKER) -> dict[str, str]:
    """A lead of whom something is known, and a key that may do everything."""
    said = {"identify": {"account_id": "acme", "mail": lead_id}, "page_view": {"content": "/pricing"}}
    times = {"occurred_at": NOW - 9 * DAY, "recorded_at": NOW - DAY}
    rows = [
        Event(event_id=f"{lead_id} {kind}", lead_id=lead_id, type=kind, properties=properties, **times)
        for kind, properties in said.items()
    ]
    running.store.append(events_table(rows))
    _, text = Keys(running.store).create("admin", ["admin"], NOW)
    return {"Authorization": f"Bearer {text}"}


@pytest.fixture
def anywhere(database_url: str, world: World) -> Running:
    """The service on each database."""
    running = run(database_url, FixedModel(Served(world.scorer, "7")))
    yield running
    running.store.close()


def test_all_that_is_known_about_a_lead_can_be_had(anywhere: Running) -> None:
    admin = with_lead(anywhere)
    anywhere.client.get(f"/v1/leads/{MARKER}/score", headers=anywhere.key)
    answer = anywhere.client.get(f"/v1/leads/{MARKER}/export", headers=admin)
    assert answer.status_code == 200
    known = answer.json
    assert [event["type"] for event in known["events"]] == ["identify", "page_view"]
    assert known["events"][0]["properties"] == {"account_id": "acme", "mail": MARKER}
    assert known["events"][0]["occurred_at"] == "2026-10-23T00:00:00Z"
    assert known["traits"]["mail"] == MARKER
    assert known["tables"]["lead_accounts"] == [{"account_id": "acme", "lead_id": MARKER}]
    assert known["score"]["status"] == "open"
    assert known["score"]["curve"]["days"]
    assert [entry["action"] for entry in known["audit"]] == ["GET /v1/leads/{lead_id}/score"]
    assert answer.headers["Cache-Control"] == "no-store"


def test_an_erased_lead_is_erased_everywhere_and_stays_so(anywhere: Running) -> None:
    admin = with_lead(anywhere)
    client = anywhere.client
    assert client.get("/v1/call-list", headers=admin).json["total"] == 1
    done = client.delete(f"/v1/leads/{MARKER}", headers=admin)
    assert done.status_code == 200
    assert done.json["removed"] == {"events": 2, "lead_accounts": 1}
    score = client.get(f"/v1/leads/{MARKER}/score", headers=anywhere.key)
    assert (score.status_code, score.json["status"], score.json["readiness"]) == (200, "erased", None)
    many = client.get(f"/v1/scores?lead_ids={MARKER},nobody", headers=anywhere.key).json["scores"]
    assert [each["status"] for each in many] == ["erased", "unknown"]
    assert client.get("/v1/call-list", headers=admin).json["total"] == 0, "at once, though the list is kept a while"
    gone = client.get(f"/v1/leads/{MARKER}/export", headers=admin)
    assert (gone.status_code, gone.json["code"]) == (410, "erased_lead")
    again = client.delete(f"/v1/leads/{MARKER}", headers=admin)
    assert (again.status_code, again.json["removed"]) == (200, {})
    assert again.json["erased_at"] == done.json["erased_at"]
    with_lead(anywhere)
    assert anywhere.store.events([MARKER]).num_rows == 0, "nothing comes back"


@pytest.mark.parametrize("lead_id", ["nobody", "%00", "a%2Fb"])
def test_of_an_unknown_lead_there_is_nothing_to_have_or_erase(anywhere: Running, lead_id: str) -> None:
    admin = with_lead(anywhere)
    for method, path in (("DELETE", ""), ("GET", "/export")):
        answer = anywhere.client.open(f"/v1/leads/{lead_id}{path}", method=method, headers=admin)
        assert (answer.status_code, answer.json["code"]) == (404, "unknown_lead")


def test_who_did_it_is_on_record_and_whom_it_concerned_is_not(anywhere: Running) -> None:
    admin = with_lead(anywhere)
    client = anywhere.client
    client.get(f"/v1/leads/{MARKER}/score", headers=admin)
    client.delete(f"/v1/leads/{MARKER}", headers=admin)
    client.get(f"/v1/leads/{MARKER}/score", headers=admin)
    text = client.get("/v1/audit", headers=admin).get_data(as_text=True)
    assert MARKER not in text
    entries = client.get(f"/v1/audit?lead_id={MARKER}", headers=admin).json["entries"]
    said = [(entry["action"], entry["result"]) for entry in entries]
    score, erasure = ("GET /v1/leads/{lead_id}/score", 200), ("DELETE /v1/leads/{lead_id}", 200)
    assert said == [score, erasure, score]
    assert entries[1]["detail"] == {"removed": {"events": 2, "lead_accounts": 1}}
    assert {name.partition(":")[0] for entry in entries for name in entry["lead_ids"]} == {"erased"}


def test_the_file_holds_nothing_of_an_erased_lead(own_service: Running) -> None:
    admin = with_lead(own_service)
    client = own_service.client
    for path in ("score", "export"):
        client.get(f"/v1/leads/{MARKER}/{path}", headers=admin)
    client.get("/v1/call-list?limit=1000", headers=admin)
    done = client.delete(f"/v1/leads/{MARKER}", headers=admin)
    assert done.json["overwritten"] is True
    client.get(f"/v1/leads/{MARKER}/score", headers=admin)
    own_service.app.extensions["leadtime"].audit.flush()
    folder = Path(own_service.store.engine.url.database).parent
    assert MARKER.encode() not in b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())


def test_a_lead_is_erased_on_the_command_line(
    own_service: Running, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with_lead(own_service)
    monkeypatch.setenv("LEADTIME_DATABASE_URL", own_service.store.engine.url.render_as_string())
    monkeypatch.chdir(tmp_path)
    assert erase.main(["nobody"]) == 2
    assert erase.main([MARKER]) == 0
    assert "2 of events" in capsys.readouterr().out
    assert erase.main(["--compact"]) == 0
    assert own_service.store.events([MARKER]).num_rows == 0
    with pytest.raises(SystemExit):
        erase.main([])


def test_logs_hold_no_personal_data(
    own_service: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    admin = with_lead(own_service)
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(caplog.handler, "formatter", JsonLines())
    client = own_service.client
    mail = {"lead": {"lead_id": MARKER, "owner": MARKER}, "events": [{"type": MARKER, "timestamp": MARKER}]}
    headers = {**admin, "X-Request-Id": MARKER, "User-Agent": MARKER, "Referer": MARKER}
    for method in ("GET", "POST", "DELETE", MARKER.upper()):
        for path in (f"leads/{MARKER}", f"leads/{MARKER}/score", f"leads/{MARKER}/export", f"{MARKER}", "score",
                     f"scores?lead_ids={MARKER}", f"call-list?owner={MARKER}&{MARKER}=1", "scores"):  # fmt: skip
            client.open(f"/v1/{path}", method=method, headers=headers, json=mail)
    client.get(f"/login?token={MARKER}&next=/{MARKER}")
    monkeypatch.setattr(type(own_service.store), "history", broken)
    assert client.get(f"/v1/leads/{MARKER}/score", headers=admin).status_code == 500
    monkeypatch.setattr(type(own_service.store), "events", refused)
    assert client.get(f"/v1/leads/{MARKER}/export", headers=admin).status_code == 410
    statement = sa.text("SELECT * FROM nothing WHERE x = :x")
    with own_service.store.engine.connect() as connection, pytest.raises(sa.exc.OperationalError) as raised:
        connection.execute(statement, {"x": MARKER})
    assert MARKER not in str(raised.value)
    logging.getLogger("leadtime.serving").error("failed", exc_info=raised.value)
    lines = [json.loads(line) for line in caplog.text.splitlines()]
    assert len([line for line in lines if line["event"] == "request"]) == 35
    assert MARKER.lower() not in caplog.text.lower()
    assert "zoe" not in caplog.text.lower()


def broken(*_: object, **__: object) -> None:
    raise KeyError(MARKER)


def refused(*_: object, **__: object) -> None:
    raise ValueError(MARKER)
