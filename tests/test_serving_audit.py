"""The audit log: every read and change of a lead's data is on record, by whom, and nothing can be taken out of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from serving_world import NOW, FixedModel, Running, World, run

from features.errors import StoreUnavailable
from features.events import DAY
from features.store import Store
from serving.audit.__main__ import main
from serving.audit.log import Audit, Entry
from serving.housekeeping import Housekeeping
from serving.keys import Keys
from serving.registry import Served

pytest_plugins = ("serving_fixtures",)


def entry(**given: object) -> Entry:
    return Entry(**{"at": NOW, "who": "k", "via": "key", "action": "GET /x", "result": 200, **given})


def admin_of(running: Running) -> dict[str, str]:
    return {"Authorization": f"Bearer {Keys(running.store).create('admin', ['admin'], NOW)[1]}"}


def test_what_was_read_by_whom(own_service: Running, world: World) -> None:
    client, admin = own_service.client, admin_of(own_service)
    lead = world.open_lead
    client.get(f"/v1/leads/{lead}/score", headers=own_service.key)
    client.get(f"/v1/leads/{lead}/score", headers=own_service.key)
    client.get(f"/v1/scores?lead_ids={lead},{world.lost_lead}", headers=own_service.key)
    client.get("/v1/call-list?limit=3", headers=own_service.key)
    client.get("/v1/leads/x/export", headers=own_service.key)  # which it may not
    client.get("/v1/call-list")  # by nobody that is known
    client.get("/healthz")
    found = client.get("/v1/audit", headers=admin).json["entries"]
    key = own_service.key["Authorization"].split("_")[1]
    said = {(each["action"], each["result"]): each for each in found if each["who"] == key}
    assert set(said) == {
        ("GET /v1/leads/{lead_id}/score", 200),
        ("GET /v1/scores", 200),
        ("GET /v1/call-list", 200),
        ("GET /v1/leads/{lead_id}/export", 403),
    }
    score = said["GET /v1/leads/{lead_id}/score", 200]
    assert (score["requests"], score["lead_ids"], score["via"]) == (2, [lead], "key")
    assert set(said["GET /v1/scores", 200]["lead_ids"]) == {lead, world.lost_lead}
    assert said["GET /v1/call-list", 200]["leads"] == 3
    mine = client.get(f"/v1/audit?lead_id={world.lost_lead}", headers=admin).json["entries"]
    assert [each["action"] for each in mine][-1:] == ["GET /v1/scores"]


def test_what_was_done_with_keys_is_on_record(own_service: Running) -> None:
    keys = Keys(own_service.store)
    key, _ = keys.create("crm", ["read"], NOW)
    keys.rotate(key.key_id, DAY, NOW)
    keys.revoke(key.key_id, NOW)
    keys.revoke(key.key_id, NOW)
    found = Audit(own_service.store).read(who="command line", limit=3)
    assert [each.action for _, each in found] == ["keys revoke", "keys rotate", "keys create"]
    assert all(each.detail["key"] == key.key_id for _, each in found)


def test_the_log_is_read_page_by_page(store: Store, world: World) -> None:
    running = run(store.engine.url.render_as_string(hide_password=False), FixedModel(Served(world.scorer, "7")))
    audit, admin = Audit(store), admin_of(running)
    for number in range(7):
        audit.write(entry(who=f"key{number}", lead_ids=[f"l{number}", "all"]))
    seen, cursor, pages = [], None, 0
    while True:
        query = {"limit": 3, "lead_id": "all", **({} if cursor is None else {"cursor": cursor})}
        page = running.client.get("/v1/audit", query_string=query, headers=admin).json
        seen += [each["who"] for each in page["entries"] if each["who"].startswith("key")]
        pages, cursor = pages + 1, page["next"]
        if cursor is None:
            break
    assert seen == [f"key{number}" for number in reversed(range(7))]
    assert pages >= 3
    for wrong in ("cursor=x", "limit=0", "limit=1001", "who=%00", "what=1"):
        assert running.client.get(f"/v1/audit?{wrong}", headers=admin).status_code == 422
    running.store.close()


def test_equal_reads_until_the_next_flush_are_one_entry(store: Store) -> None:
    audit = Audit(store)
    for number in range(5):
        audit.note(entry(lead_ids=[f"l{number % 2}"], leads=1))
    audit.note(entry(who="other"))
    assert audit.waiting == 2
    audit.flush()
    audit.flush()
    found = {each.who: each for _, each in audit.read()}
    assert (found["k"].requests, found["k"].leads, found["k"].lead_ids) == (5, 5, ["l0", "l1"])
    assert audit.waiting == 0


def test_while_the_database_is_away_reads_wait(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    audit = Audit(store)
    audit.note(entry(lead_ids=["a"], leads=1))
    with monkeypatch.context() as patch:
        patch.setattr(Store, "writing", away)
        with pytest.raises(StoreUnavailable):
            audit.flush()
        audit.note(entry(lead_ids=["b"], leads=1))
    audit.flush()
    ((_, found),) = audit.read()
    assert (found.requests, found.lead_ids) == (2, ["a", "b"])


def away(*_: object) -> None:
    raise StoreUnavailable("away")


def test_a_change_that_cannot_be_recorded_is_not_acknowledged(
    own_service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = admin_of(own_service)
    monkeypatch.setattr(Audit, "write", away)
    answer = own_service.client.delete("/v1/leads/nobody", headers=admin)
    assert (answer.status_code, answer.json["code"]) == (503, "store_unavailable")
    assert own_service.client.get("/v1/call-list", headers=admin).status_code == 200


def test_old_entries_are_forgotten_and_no_others(store: Store) -> None:
    audit = Audit(store)
    for day in reversed(range(10)):
        audit.write(entry(at=NOW - day * DAY, who=f"day{day}", lead_ids=["a"]))
    assert audit.forget(5, NOW) == 4
    assert [each.who for _, each in audit.read()] == [f"day{day}" for day in range(6)]
    assert [each.who for _, each in audit.read(lead_ids=["a"])] == [f"day{day}" for day in range(6)]
    for statement in ("DELETE FROM audit_log", "UPDATE audit_log SET who = 'x'", "DELETE FROM audit_leads"):
        with pytest.raises(sa.exc.DBAPIError, match="append-only"), store.writing() as connection:
            connection.exec_driver_sql(statement)


def test_housekeeping_brings_all_to_disk_when_it_stops(own_service: Running) -> None:
    service = own_service.app.extensions["leadtime"]
    keeping = Housekeeping(service)
    keeping.start()
    own_service.client.get("/v1/call-list?limit=1", headers=own_service.key)
    keeping.stop()
    assert service.audit.waiting == 0
    assert any(each.action == "GET /v1/call-list" for _, each in service.audit.read())
    assert any(key.last_used_at is not None for key in service.keys.all())


def test_the_command_line_lists_the_newest(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("LEADTIME_DATABASE_URL", sqlite_store.engine.url.render_as_string())
    monkeypatch.chdir(tmp_path)
    for number in range(3):
        Audit(sqlite_store).write(entry(who=f"key{number}", lead_ids=["ada"]))
    assert main(["--limit", "2", "--lead", "ada"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert ["key1" in lines[0], "key2" in lines[1], len(lines)] == [True, True, 2]
