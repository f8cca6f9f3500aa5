"""Sales accepts a handoff or sends it back, and then it is handed over again only after new engagement."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from background_world import Process, page_view, process
from crm_client import Crm, open_crm
from serving_world import NOW
from test_serving_handoffs import handoffs, queued
from test_serving_pages import form_token

from features.events import DAY, Event
from features.history import History
from features.store import Erasures, Store
from features.store.work import webhook_deliveries
from serving.keys import Keys
from serving.sign_in import SignIn, signing_secret
from serving.webhooks.endpoints import Endpoints

HOUR = DAY // 24
REJECTION = {"by": "kim", "reason": "too_early", "note": "budget in\nspring"}


@pytest.fixture
def one(store: Store) -> Process:
    """A process, with an endpoint, that has just handed over the lead ``a``."""
    started = process(store)
    started.clock.now = NOW
    Endpoints(store, allow_private=True).create("http://127.0.0.1:9/", NOW)
    started.append([page_view("a", NOW - DAY)])
    started.models.scorer.call_on["a"] = started.today()
    started.refresh()
    return started


@pytest.fixture
def crm(one: Process) -> Iterator[Crm]:
    """Another worker on the same database, an hour later."""
    found = open_crm(one.store.engine.url.render_as_string(hide_password=False))
    found.clock.now = NOW + HOUR
    yield found
    found.running.store.close()


def path(one: Process, answer: str) -> str:
    return f"/v1/handoffs/{handoffs(one.store)[-1]['handoff_id']}/{answer}"


def answers(store: Store) -> list[dict[str, Any]]:
    rows = [row for row in store.events().to_pylist() if row["type"].startswith("handoff_")]
    return [{**row, "properties": orjson.loads(row["properties"])} for row in rows]


def refresh_after(one: Process, hours: int) -> list[str | None]:
    one.clock.now = NOW + hours * HOUR
    one.refresh()
    return [handoff["closed_because"] for handoff in handoffs(one.store)]


def test_an_accepted_handoff_stays_open(one: Process, crm: Crm) -> None:
    answer = crm.post(path(one, "accept"), {"by": "kim"})
    assert (answer.status_code, answer.json["status"], answer.json["lead_id"]) == (200, "recorded", "a")
    (event,) = answers(one.store)
    (handoff,) = handoffs(one.store)
    assert (event["type"], event["occurred_at"], event["recorded_at"]) == ("handoff_accepted", NOW + HOUR, NOW + HOUR)
    assert event["properties"]["handoff_id"] == handoff["handoff_id"]
    assert (handoff["answer"], handoff["answered_by"], handoff["closed_at"]) == ("accepted", "kim", None)
    assert queued(one.store) == [("lead.window_opened", "a")]
    assert refresh_after(one, 2) == [None]


def test_a_rejection_closes_the_window_and_is_told(one: Process, crm: Crm) -> None:
    answer = crm.post(path(one, "reject"), REJECTION)
    assert answer.json["reason"] == "too_early"
    (handoff,) = handoffs(one.store)
    assert (handoff["closed_because"], handoff["reject_reason"], handoff["note"]) == (
        "rejected", "too_early", "budget in\nspring",
    )  # fmt: skip
    with one.store.reading() as connection:
        sent = connection.execute(sa.select(webhook_deliveries.c.type, webhook_deliveries.c.body)).all()
    bodies = {kind: orjson.loads(body)["data"] for kind, body in sent}
    assert bodies["lead.window_closed"]["closed_because"] == "rejected"
    told = bodies["lead.handoff_rejected"]
    assert (told["lead_id"], told["by"], told["reason"]) == ("a", "kim", "too_early")


def test_a_rejected_lead_is_handed_over_again_only_after_new_engagement(one: Process, crm: Crm) -> None:
    assert crm.post(path(one, "reject"), REJECTION).status_code == 200
    assert refresh_after(one, 2) == ["rejected"]
    for event in (
        Event(event_id="mail", lead_id="a", type="mail_sent", occurred_at=NOW + 3 * HOUR, recorded_at=NOW + 3 * HOUR),
        Event(event_id="who", lead_id="a", type="identify", occurred_at=NOW + 3 * HOUR, recorded_at=NOW + 3 * HOUR),
        Event(event_id="late", lead_id="a", type="page_view", occurred_at=NOW, recorded_at=NOW + 3 * HOUR),
        Event(event_id="bot", lead_id="a", type="page_view", occurred_at=NOW + 3 * HOUR, recorded_at=NOW + 3 * HOUR,
              bot=True),
    ):  # fmt: skip
        one.append([event])
        assert refresh_after(one, 4) == ["rejected"], event.event_id
    assert refresh_after(one, 30) == ["rejected"], "a new day is no engagement"
    one.append([page_view("a", NOW + 31 * HOUR)])
    assert refresh_after(one, 32) == ["rejected", None]
    assert [handoff["number"] for handoff in handoffs(one.store)] == [1, 2]
    crm.clock.now = NOW + 33 * HOUR
    assert crm.post(path(one, "accept"), {"by": "lou"}).status_code == 200, "each handoff has its own answer"


def test_engagement_under_another_id_of_the_lead_counts(one: Process, crm: Crm) -> None:
    assert crm.post(path(one, "reject"), REJECTION).status_code == 200
    at = NOW + 2 * HOUR
    one.append(
        [
            page_view("visitor", at),
            Event(event_id="same", lead_id="a", type="identify", occurred_at=at, recorded_at=at,
                  properties={"anonymous_id": "visitor"}),
        ]
    )  # fmt: skip
    one.models.scorer.call_on["visitor"] = one.today()
    assert refresh_after(one, 3) == ["rejected", None]


def test_an_answer_stands(one: Process, crm: Crm) -> None:
    where = path(one, "reject")
    assert crm.post(where, REJECTION).json["status"] == "recorded"
    crm.clock.now += HOUR
    again = crm.post(where, REJECTION)
    assert (again.status_code, again.json["status"]) == (200, "duplicate")
    assert again.json["at"] == "2026-11-01T01:00:00Z"
    for other, body in (("accept", {"by": "kim"}), ("reject", {**REJECTION, "reason": "duplicate"}),
                        ("reject", {**REJECTION, "by": "lou"})):  # fmt: skip
        answer = crm.post(path(one, other), body)
        assert (answer.status_code, answer.json["code"]) == (409, "already_answered"), other
        assert "rejected by kim" in answer.json["message"]
    assert len(answers(one.store)) == 1
    assert len(queued(one.store)) == 3


def test_sent_again_with_a_key_it_is_done_once(one: Process, crm: Crm) -> None:
    first, second = (crm.post(path(one, "reject"), REJECTION, Idempotency_Key="k") for _ in range(2))
    assert first.json == second.json
    assert second.headers["Idempotent-Replayed"] == "true"
    assert crm.post(path(one, "reject"), {**REJECTION, "by": "lou"}, Idempotency_Key="k").status_code == 422


@pytest.mark.parametrize(
    ("answer", "body", "field"),
    [
        ("accept", {}, "by"),
        ("accept", {"by": "kim", "reason": "other"}, "reason"),
        ("reject", {"by": "kim"}, "reason"),
        ("reject", {"by": "kim", "reason": "no idea"}, "reason"),
        ("reject", {**REJECTION, "note": "x" * 1001}, "note"),
        ("reject", {**REJECTION, "note": "\x00"}, "note"),
        ("reject", {**REJECTION, "by": "a\nb"}, "by"),
    ],
)
def test_what_cannot_be_taken_is_refused(crm: Crm, one: Process, answer: str, body: Any, field: str) -> None:
    refused = crm.post(path(one, answer), body)
    assert refused.status_code == 422
    assert list(refused.json["detail"]["json"]) == [field]
    assert answers(one.store) == []


def test_unknown_and_erased_handoffs(one: Process, crm: Crm) -> None:
    where = path(one, "reject")
    for unknown in ("nothing", "%00", "a-1"):
        answer = crm.post(f"/v1/handoffs/{unknown}/accept", {"by": "kim"})
        assert (answer.status_code, answer.json["code"]) == (404, "unknown_handoff")
    assert crm.post(where, REJECTION, Idempotency_Key="k").status_code == 200
    Erasures(one.store).erase("a", NOW + 2 * HOUR)
    for key in ("k", "new"):
        answer = crm.post(where, REJECTION, Idempotency_Key=key)
        assert (answer.status_code, answer.json["code"]) == (410, "erased_lead")
    assert answers(one.store) == []
    assert queued(one.store) == []


def test_nobody_answers_for_the_holdout(store: Store) -> None:
    held = process(store, handoff_holdout=1.0)
    held.append([page_view("a", held.clock.now - DAY)])
    held.models.scorer.call_on["a"] = held.today()
    held.refresh()
    crm = open_crm(store.engine.url.render_as_string(hide_password=False))
    answer = crm.post(path(held, "accept"), {"by": "kim"})
    assert (answer.status_code, answer.json["code"]) == (409, "held_out")
    crm.running.store.close()


def test_a_window_that_closed_by_itself_can_still_be_answered(one: Process, crm: Crm) -> None:
    one.models.scorer.call_on["a"] = None
    one.append([page_view("a", NOW + 1)])
    assert refresh_after(one, 1) == ["no_call_expected"]
    assert crm.post(path(one, "reject"), REJECTION).status_code == 200
    assert [handoff["closed_because"] for handoff in handoffs(one.store)] == ["no_call_expected"]
    assert ("lead.handoff_rejected", "a") in queued(one.store)


def test_workers_that_race_record_one_answer(one: Process, crm: Crm) -> None:
    accept, reject = path(one, "accept"), path(one, "reject")
    asked = [(accept, {"by": "kim"}), (reject, REJECTION), (accept, {"by": "lou"})] * 4
    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(lambda each: crm.post(*each).status_code, asked))
    (event,) = answers(one.store)
    assert codes.count(200) == 4
    assert set(codes) == {200, 409}
    closed = ["rejected"] if event["type"] == "handoff_rejected" else [None]
    assert [handoff["closed_because"] for handoff in handoffs(one.store)] == closed


def test_rejection_and_refresh_race_without_a_second_handoff(one: Process, crm: Crm) -> None:
    """Scores computed before a rejection are judged after it."""
    where, history = path(one, "reject"), one.store.history

    def reads(*given: Any, **more: Any) -> History:
        found = history(*given, **more)
        assert crm.post(where, REJECTION).status_code == 200
        return found

    one.append([page_view("a", NOW + 1)])
    one.clock.now = NOW + 2 * HOUR
    one.refresher._store.history = reads  # type: ignore[method-assign]
    one.refresh()
    del one.refresher._store.history
    assert refresh_after(one, 3) == ["rejected"]


def test_buttons_on_the_page_of_the_lead(one: Process, crm: Crm) -> None:
    running = crm.running
    (handoff,) = handoffs(one.store)
    target = f"/handoffs/{handoff['handoff_id']}/answer"

    def browser(*scopes: str) -> Any:
        key, _ = Keys(running.store).create("person", scopes, NOW)
        token = SignIn(signing_secret(running.store, NOW)).token(key.key_id, running.clock() + HOUR)
        client = running.client
        client.get("/login", query_string={"token": token, "next": "/"})
        return client

    reader, writer = browser("read"), browser("read", "write")
    assert target not in reader.get("/leads/a").get_data(as_text=True)
    page = writer.get("/leads/a").get_data(as_text=True)
    assert target in page
    assert "<script" not in page
    form = {"form_token": form_token(writer, "/leads/a"), "answer": "rejected", "by": "kim", "reason": "no_capacity"}
    assert reader.post(target, data=form | {"form_token": form_token(reader, "/leads/a")}).status_code == 403
    assert writer.post(target, data=form | {"form_token": "x"}).status_code == 400
    assert writer.post(target, data=form | {"by": " "}).status_code == 422
    assert answers(one.store) == []
    answer = writer.post(target, data=form | {"note": ""})
    assert (answer.status_code, answer.location) == (303, "/leads/a")
    page = writer.get("/leads/a").get_data(as_text=True)
    assert "Rejected by kim" in page
    assert target not in page
    assert writer.post(target, data=form | {"answer": "accepted"}).status_code == 409
    assert running.client.post(target, data=form).location == "/login"
    actions = [entry.action for _, entry in running.app.extensions["leadtime"].audit.read(lead_ids=["a"])]
    assert "POST /handoffs/{handoff_id}/answer" in actions, "on disk before it is answered"
