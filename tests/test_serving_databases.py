"""The service gives the same answers on SQLite and on PostgreSQL."""

from __future__ import annotations

from serving_world import NOW, FixedModel, Running, World, run

from serving.keys import Keys
from serving.registry import Served
from serving.sign_in import signing_secret

pytest_plugins = ("serving_fixtures",)


def test_answers_do_not_depend_on_the_database(database_url: str, service: Running, world: World) -> None:
    other = run(database_url, FixedModel(Served(world.scorer, "7")))
    assert other.client.get("/readyz").status_code == 200
    assert other.client.get("/v1/call-list", headers=other.key).json["leads"] == []
    other.store.append(service.store.events())
    for path in (
        f"/v1/leads/{world.open_lead}/score?curve=true",
        f"/v1/leads/{world.open_lead}/score?as_of=2026-09-01",
        f"/v1/leads/{world.lost_lead}/score",
        "/v1/leads/nobody/score",
        "/v1/leads/%00/score",
        f"/v1/scores?lead_ids=nobody,{world.open_lead}",
        "/v1/call-list?limit=20&as_of=2026-10-31",
        "/v1/call-plan?days=3",
        f"/v1/leads/{world.open_lead}/change?since=2026-09-01",
        "/v1/leads/%00/change",
    ):
        expected, answer = (one.client.get(path, headers=one.key) for one in (service, other))
        assert (answer.status_code, answer.json) == (expected.status_code, expected.json), path
    other.store.close()


def test_keys_and_the_signing_secret_live_in_the_database(database_url: str, world: World) -> None:
    running = run(database_url, FixedModel(Served(world.scorer, "7")))
    keys = Keys(running.store)
    key, text = keys.create("crm", ["ingest", "read"], NOW)
    assert keys.verify(text) == key
    assert keys.find(key.key_id) == key
    assert sorted(each.name for each in keys.all()) == ["crm", "test"]
    assert keys.revoke(key.key_id, NOW + 1).revoked_at == NOW + 1
    assert keys.revoke(key.key_id, NOW + 2).revoked_at == NOW + 1, "the first time counts"
    assert keys.verify(text) is None
    assert signing_secret(running.store, NOW) == signing_secret(running.store, NOW + 5)
    running.store.close()
