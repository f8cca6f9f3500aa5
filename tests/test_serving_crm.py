"""What a CRM tells is in the log at once, judged item by item, and can be read back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from crm_client import Crm, open_crm
from serving_world import NOW, Running, World

from features.builder import Requests, build_matrix
from features.events import DAY, Event, events_table, to_iso
from serving.keys import Keys

pytest_plugins = ("serving_fixtures",)

AT = "2026-10-30T10:00:00Z"
CALL = {"at": AT, "disposition": "too_early", "minutes": 12, "owner": "kim", "note": "asked for May"}


@pytest.fixture
def crm(database_url: str) -> Iterator[Crm]:
    found = open_crm(database_url)
    yield found
    found.running.store.close()


def visit(crm: Crm, lead_id: str, *, days_ago: int = 5, name: str = "") -> None:
    at = NOW - days_ago * DAY
    event = Event(event_id=name or f"{lead_id}-{days_ago}", lead_id=lead_id, type="page_view", occurred_at=at,
                  recorded_at=at)  # fmt: skip
    crm.running.store.append(events_table([event]))


def test_a_call_is_in_the_timeline_and_among_the_calls(crm: Crm) -> None:
    visit(crm, "L1")
    told = crm.post("/v1/leads/L1/calls", CALL)
    assert (told.status_code, told.json["status"]) == (200, "accepted")
    newest = crm.get("/v1/leads/L1/events").json["events"][0]
    assert (newest["event_id"], newest["type"], newest["occurred_at"]) == (told.json["event_ids"][0], "sales_call", AT)
    assert newest["recorded_at"] == to_iso(NOW), "known since it was told, not since it happened"
    assert newest["properties"] == {"disposition": "too_early", "minutes": 12, "owner": "kim", "note": "asked for May"}
    listed = crm.get("/v1/calls").json["calls"]
    assert [(call["lead_id"], call["at"]) for call in listed] == [("L1", AT)]


def test_the_same_call_again_is_a_duplicate(crm: Crm) -> None:
    first = crm.post("/v1/leads/L1/calls", CALL).json
    assert crm.post("/v1/leads/L1/calls", CALL).json == {**first, "status": "duplicate"}
    named = {**CALL, "event_id": "crm-1"}
    assert crm.post("/v1/leads/L1/calls", named).json["status"] == "accepted"
    assert crm.post("/v1/leads/L1/calls", {**named, "minutes": 3}).json["status"] == "duplicate", "the id counts"


def test_an_outcome_ends_the_lead_at_once(crm: Crm) -> None:
    visit(crm, "L1")
    assert crm.get("/v1/leads/L1").json["status"] == "open"
    assert crm.post("/v1/leads/L1/outcome", {"outcome": "purchased", "at": AT, "value": 900}).status_code == 200
    lead = crm.get("/v1/leads/L1").json
    assert (lead["status"], lead["ended_at"]) == ("purchased", AT)
    assert [o["properties"] for o in crm.get("/v1/outcomes").json["outcomes"]] == [{"value": 900}]


def test_a_lead_ends_once_but_more_may_be_told_of_its_ending(crm: Crm) -> None:
    visit(crm, "L1")
    ending = {"outcome": "purchased", "at": AT}
    assert crm.post("/v1/leads/L1/outcome", ending).json["status"] == "accepted"
    assert crm.post("/v1/leads/L1/outcome", ending).json["status"] == "duplicate"
    assert crm.post("/v1/leads/L1/outcome", {**ending, "satisfaction": 9}).json["status"] == "accepted"
    for other in ({**ending, "outcome": "lost"}, {**ending, "at": "2026-10-31"}):
        refused = crm.post("/v1/leads/L1/outcome", other)
        assert (refused.status_code, refused.json["code"]) == (422, "invalid")
        assert "expected one ending" in refused.json["message"]


def test_an_ending_may_be_a_date_but_not_one_before_the_lead(crm: Crm) -> None:
    crm.put("/v1/leads/L1", {"created_at": "2026-10-30T09:00:00Z"})
    early = crm.post("/v1/leads/L1/outcome", {"outcome": "lost", "at": "2026-10-29"})
    assert early.status_code == 422
    assert "after the lead's creation" in early.json["message"]
    assert crm.post("/v1/leads/L1/outcome", {"outcome": "lost", "at": "2026-10-30"}).json["status"] == "accepted"
    assert crm.get("/v1/leads/L1").json["ended_at"] == "2026-10-30T09:00:00Z", "on the day of creation: its moment"


def test_an_owner_is_told_once_and_stays(crm: Crm) -> None:
    visit(crm, "L1")
    assert crm.put("/v1/leads/L1/owner", {"owner": "kim"}).json["status"] == "accepted"
    assert crm.put("/v1/leads/L1/owner", {"owner": "kim"}).json == {
        "lead_id": "L1", "status": "duplicate", "event_ids": [], "reason": None,
    }  # fmt: skip
    crm.clock.now += 1
    crm.put("/v1/leads/L1/owner", {"owner": "lou"})
    assert crm.get("/v1/leads/L1").json["owner"] == "lou"


def test_traits_and_needs_are_told_as_known_now(crm: Crm) -> None:
    told = {"created_at": "2026-05-01", "source": "fair", "account_id": "A1", "value": 5, "need_by": "2027-01-01",
            "attributes": {"plan": "gold", "empty": None}}  # fmt: skip
    assert len(crm.put("/v1/leads/L1", told).json["event_ids"]) == 2
    assert crm.put("/v1/leads/L1", told).json["status"] == "duplicate"
    crm.clock.now += DAY
    assert len(crm.put("/v1/leads/L1", {"need_by": "2027-03-01", "value": 5}).json["event_ids"]) == 1
    assert crm.get("/v1/leads/L1").json == {
        "lead_id": "L1", "status": "open", "ended_at": None, "owner": None, "source": "fair", "account_id": "A1",
        "value": 5.0, "need_by": "2027-03-01", "first_seen": "2026-05-01T00:00:00Z",
        "last_event": to_iso(NOW + DAY), "traits": {"source": "fair", "account_id": "A1", "value": 5.0, "plan": "gold"},
    }  # fmt: skip
    newest = crm.get("/v1/leads/L1/events").json["events"][-1]
    assert (newest["occurred_at"], newest["recorded_at"]) == ("2026-05-01T00:00:00Z", to_iso(NOW))


@pytest.mark.parametrize(
    ("path", "field", "good", "bad"),
    [
        ("/v1/calls", "calls", {"lead_id": "L1", **CALL}, {"lead_id": "L2", **CALL, "disposition": "bored"}),
        ("/v1/calls", "calls", {"lead_id": "L1", **CALL}, {"lead_id": "L2", **CALL, "at": "2027-10-30"}),
        ("/v1/calls", "calls", {"lead_id": "L1", **CALL}, {**CALL}),
        ("/v1/outcomes", "outcomes", {"lead_id": "L1", "outcome": "lost", "at": AT}, {"lead_id": "L2", "outcome": "x"}),
        ("/v1/outcomes", "outcomes", {"lead_id": "L1", "outcome": "lost", "at": AT},
         {"lead_id": "L1", "outcome": "purchased", "at": AT}),
        ("/v1/leads", "leads", {"lead_id": "L1", "source": "fair"}, {"lead_id": "L2", "colour": "red"}),
        ("/v1/leads", "leads", {"lead_id": "L1", "source": "fair"}, {"lead_id": "L2", "need_by": "2126-01-01"}),
    ],
)  # fmt: skip
def test_a_bad_item_does_not_keep_the_others_out(crm: Crm, path: str, field: str, good: Any, bad: Any) -> None:
    answer = crm.post(path, {field: [good, bad, good, {**good, "lead_id": "L3"}]})
    assert answer.status_code == 200, answer.json
    assert [item["status"] for item in answer.json["items"]] == ["accepted", "rejected", "duplicate", "accepted"]
    assert {name: answer.json[name] for name in ("accepted", "duplicate", "rejected")} == {
        "accepted": 2, "duplicate": 1, "rejected": 1,
    }  # fmt: skip
    assert answer.json["items"][1]["reason"]
    assert [lead["lead_id"] for lead in crm.get("/v1/leads").json["leads"]] == ["L1", "L3"]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/leads/L1/calls", {**CALL, "disposition": "bored"}, "disposition"),
        ("/v1/leads/L1/calls", {**CALL, "minutes": -1}, "minutes"),
        ("/v1/leads/L1/calls", {**CALL, "at": 1761955200}, "at"),
        ("/v1/leads/L1/calls", {**CALL, "colour": "red"}, "colour"),
        ("/v1/leads/L1/outcome", {"outcome": "lost", "at": AT, "satisfaction": 11}, "satisfaction"),
        ("/v1/leads/L1/outcome", {"outcome": "won", "at": AT}, "outcome"),
        ("/v1/calls", {"calls": []}, "calls"),
    ],
)
def test_what_cannot_be_used_is_422_with_its_field(crm: Crm, path: str, body: Any, field: str) -> None:
    answer = crm.post(path, body)
    assert answer.status_code == 422
    assert field in answer.json["detail"]["json"]
    assert crm.running.store.position() == 0


@pytest.mark.parametrize("lead_id", ["x" * 256, "a\x00b", "a\tb"])
def test_a_lead_id_that_cannot_be_kept_is_422(crm: Crm, lead_id: str) -> None:
    answer = crm.put(f"/v1/leads/{quote(lead_id, safe='')}/owner", {"owner": "kim"})
    assert answer.status_code == 422
    assert "lead_id" in answer.json["detail"]["path"]


def test_an_unknown_lead_is_404(crm: Crm) -> None:
    for path in ("/v1/leads/nobody", "/v1/leads/nobody/events", "/v1/leads/%00", "/v1/leads/%00/events"):
        answer = crm.get(path)
        assert (answer.status_code, answer.json["code"]) == (404, "unknown_lead"), path


@pytest.mark.parametrize("lead_id", ["a/b", "ü ö", "50%", "a,b"])
def test_a_lead_can_have_any_name(crm: Crm, lead_id: str) -> None:
    path = f"/v1/leads/{quote(lead_id, safe='')}"
    assert crm.post(f"{path}/calls", CALL).json["lead_id"] == lead_id
    assert crm.get(path).json["lead_id"] == lead_id
    assert crm.get(f"{path}/events").json["lead_id"] == lead_id


@pytest.mark.parametrize("path", ["events", "outcome", "calls", "owner", "score"])
def test_a_wrong_method_is_not_taken_for_a_lead_of_another_name(crm: Crm, path: str) -> None:
    visit(crm, "L1")
    wrong = crm.put(f"/v1/leads/L1/{path}", {"source": "fair"})
    assert wrong.status_code == (422 if path == "owner" else 405)
    assert [lead["lead_id"] for lead in crm.get("/v1/leads").json["leads"]] == ["L1"]


def test_leads_are_found_by_owner_account_and_status(crm: Crm) -> None:
    rows = [
        {"lead_id": f"L{i}", "created_at": "2026-10-01", "owner": "kim" if i % 2 else "lou", "account_id": f"A{i % 3}"}
        for i in range(12)
    ]
    crm.post("/v1/leads", {"leads": rows})
    crm.post("/v1/leads/L1/outcome", {"outcome": "lost", "at": AT})
    crm.clock.now += 1
    crm.put("/v1/leads/L3", {"account_id": "A9"})

    def found(**query: str) -> list[str]:
        return [lead["lead_id"] for lead in crm.get("/v1/leads", **query).json["leads"]]

    assert found(owner="kim") == ["L1", "L11", "L3", "L5", "L7", "L9"]
    assert found(owner="kim", status="open") == ["L11", "L3", "L5", "L7", "L9"]
    assert found(status="lost") == ["L1"]
    assert found(account="A0") == ["L0", "L6", "L9"], "L3 has moved"
    assert found(account="A9") == ["L3"]
    assert found(account="nobody") == []


def test_what_bots_do_makes_no_lead(crm: Crm) -> None:
    bot = Event(event_id="b", lead_id="robot", type="page_view", occurred_at=NOW - DAY, recorded_at=NOW, bot=True)
    crm.running.store.append(events_table([bot]))
    assert crm.get("/v1/leads").json["leads"] == []
    assert crm.get("/v1/leads/robot").status_code == 404
    assert crm.get("/v1/leads/robot/events").json["events"][0]["bot"] is True, "what was there can be seen"


def test_telling_needs_the_scope_write_and_reading_the_scope_read(sqlite_store) -> None:
    crm = open_crm(str(sqlite_store.engine.url), "read")
    assert crm.post("/v1/leads/L1/calls", CALL).status_code == 403
    assert crm.get("/v1/calls").status_code == 200
    writer = open_crm(str(sqlite_store.engine.url), "write")
    assert writer.post("/v1/leads/L1/calls", CALL).status_code == 200
    assert writer.get("/v1/calls").status_code == 403
    for one in (crm, writer):
        one.running.store.close()


def test_what_is_told_counts_in_the_next_score(own_service: Running, world: World) -> None:
    key = {"Authorization": f"Bearer {Keys(own_service.store).create('crm', ['read', 'write'], NOW)[1]}"}
    client, lead = own_service.client, world.open_lead

    def features() -> dict[str, float]:
        import numpy as np

        catalogue = world.scorer.catalogue
        times = np.array([own_service.clock.now], dtype=np.int64)
        row = build_matrix(own_service.store.history([lead]), Requests([lead], times), catalogue)[0]
        return dict(zip(catalogue.names, row.tolist(), strict=True))

    before = features()
    assert client.get(f"/v1/leads/{lead}/score", headers=key).json["status"] == "open"
    assert client.post(f"/v1/leads/{lead}/calls", json=CALL, headers=key).status_code == 200
    after = features()
    assert after["calls_all"] == before["calls_all"] + 1
    assert after["days_since_call"] == pytest.approx(38 / 24)
    client.post(f"/v1/leads/{lead}/outcome", json={"outcome": "purchased", "at": AT}, headers=key)
    ended = client.get(f"/v1/leads/{lead}/score", headers=key).json
    assert (ended["status"], ended["p_30"], ended["model_version"]) == ("purchased", None, "7")
    past = client.get(f"/v1/leads/{lead}/score?as_of={to_iso(NOW - 1)}", headers=key).json
    assert past["status"] == "open", "nobody knew then"
