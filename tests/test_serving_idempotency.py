"""A request that is sent again with its Idempotency-Key is done once and answered as before."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from crm_client import Crm, open_crm
from serving_world import NOW

from features.events import DAY, SECOND
from features.store import Store
from features.store.schema import idempotency_keys
from serving.crm import idempotency

CALL = {"at": "2026-10-30", "disposition": "on_time"}
PATH = "/v1/leads/L1/calls"


@pytest.fixture
def crm(database_url: str) -> Iterator[Crm]:
    found = open_crm(database_url)
    yield found
    found.running.store.close()


def claims(crm: Crm) -> int:
    with crm.running.store.engine.connect() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(idempotency_keys)).scalar_one()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (PATH, CALL),
        ("/v1/leads/L1/outcome", {"outcome": "lost", "at": "2026-10-30"}),
        ("/v1/calls", {"calls": [{"lead_id": "L1", **CALL}]}),
        ("/v1/outcomes", {"outcomes": [{"lead_id": "L1", "outcome": "lost", "at": "2026-10-30"}]}),
        ("/v1/leads", {"leads": [{"lead_id": "L1", "source": "fair"}]}),
        ("/v1/import/hubspot/calls", [{"id": "1", "hs_timestamp": "2026-10-30", "contact_id": "L1"}]),
    ],
)
def test_every_post_is_done_once_and_answered_as_before(crm: Crm, path: str, body: object) -> None:
    first = crm.post(path, body, Idempotency_Key="k1")
    assert (first.status_code, idempotency.REPLAYED in first.headers) == (200, False)
    position = crm.running.store.position()
    crm.clock.now += DAY
    again = crm.post(path, body, Idempotency_Key="k1")
    assert (again.status_code, again.json, again.headers[idempotency.REPLAYED]) == (200, first.json, "true")
    assert again.mimetype == "application/json"
    assert crm.running.store.position() == position
    assert crm.post(path, body).json != first.json, "without the key it is another request"


def test_the_same_key_with_another_request_is_422(crm: Crm) -> None:
    crm.post(PATH, CALL, Idempotency_Key="k1")
    for path, body in ((PATH, {**CALL, "minutes": 5}), ("/v1/leads/L2/calls", CALL)):
        refused = crm.post(path, body, Idempotency_Key="k1")
        assert (refused.status_code, refused.json["code"]) == (422, "idempotency_key_reused")


def test_keys_of_two_callers_never_meet(crm: Crm) -> None:
    other = open_crm(str(crm.running.store.engine.url.render_as_string(hide_password=False)).replace("+psycopg", ""))
    crm.post(PATH, CALL, Idempotency_Key="k1")
    answer = other.post(PATH, {**CALL, "minutes": 5}, Idempotency_Key="k1")
    assert (answer.status_code, answer.json["status"]) == (200, "accepted")
    other.running.store.close()


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there"])
def test_a_key_that_is_no_key_is_422(crm: Crm, key: str) -> None:
    answer = crm.post(PATH, CALL, Idempotency_Key=key)
    assert answer.status_code == 422
    assert "Idempotency-Key" in answer.json["message"]


def test_a_refused_request_may_be_corrected_under_its_key(crm: Crm) -> None:
    crm.post("/v1/leads/L1/outcome", {"outcome": "lost", "at": "2026-10-20"})
    refused = crm.post("/v1/leads/L1/outcome", {"outcome": "purchased", "at": "2026-10-20"}, Idempotency_Key="k1")
    assert refused.status_code == 422
    assert claims(crm) == 0
    corrected = {"outcome": "lost", "at": "2026-10-20", "reason": "price"}
    assert crm.post("/v1/leads/L1/outcome", corrected, Idempotency_Key="k1").status_code == 200


def test_answers_are_kept_for_more_than_a_day_and_then_dropped(crm: Crm) -> None:
    crm.post(PATH, CALL, Idempotency_Key="k1")
    crm.clock.now = NOW + 25 * 3600 * SECOND
    assert crm.post(PATH, CALL, Idempotency_Key="k1").headers[idempotency.REPLAYED] == "true"
    crm.clock.now = NOW + 3 * DAY
    assert crm.post(PATH, CALL, Idempotency_Key="k2").status_code == 200
    assert claims(crm) == 1


def test_while_a_request_is_under_way_the_same_one_is_409(crm: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    monkeypatch.setattr(idempotency, "transaction", _late(idempotency.transaction, begun, go_on))
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(crm.post, PATH, CALL, Idempotency_Key="k1")
        assert begun.wait(20)
        second = crm.post(PATH, CALL, Idempotency_Key="k1")
        go_on.set()
        assert first.result().status_code == 200
    assert (second.status_code, second.json["code"]) == (409, "under_way")
    assert int(second.headers["Retry-After"]) > 0
    assert crm.post(PATH, CALL, Idempotency_Key="k1").headers[idempotency.REPLAYED] == "true"


def _late(transaction, begun: threading.Event, go_on: threading.Event):
    """The work waits between the claim of its key and its transaction."""

    def later(store: Store):
        begun.set()
        assert go_on.wait(20)
        return transaction(store)

    return later


def test_two_at_once_are_done_once(crm: Crm) -> None:
    """Whoever is not first is told to ask again, and then gets the first one's answer."""

    def until_answered(_: int) -> tuple[bool, dict]:
        while True:
            answer = crm.post(PATH, CALL, Idempotency_Key="k1")
            if answer.status_code != 409:
                assert answer.status_code == 200, answer.json
                return idempotency.REPLAYED in answer.headers, answer.json

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(until_answered, range(12)))
    assert [replayed for replayed, _ in answers].count(False) == 1
    assert len({str(body) for _, body in answers}) == 1
    assert crm.running.store.position() == 1


def test_what_died_under_way_can_be_sent_again(crm: Crm) -> None:
    key_id = crm.running.key["Authorization"].split("_")[1]
    with crm.running.store.writing() as connection:
        connection.execute(
            idempotency_keys.insert().values(
                key_id=key_id, idempotency_key="k1", request_hash="another", claim="dead", created_at=NOW
            )
        )
    assert crm.post(PATH, CALL, Idempotency_Key="k1").status_code == 422, "it is not known yet that it died"
    crm.clock.now += idempotency.UNDER_WAY + 1
    assert crm.post(PATH, CALL, Idempotency_Key="k1").json["status"] == "accepted"


def test_one_that_was_taken_for_dead_does_nothing(crm: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    finish = idempotency._finish

    def after_another_took_over(log, claim, answer: str) -> None:
        log.connection.execute(idempotency_keys.update().values(claim="another"))
        finish(log, claim, answer)

    monkeypatch.setattr(idempotency, "_finish", after_another_took_over)
    assert crm.post(PATH, CALL, Idempotency_Key="k1").status_code == 409
    assert crm.running.store.position() == 0
