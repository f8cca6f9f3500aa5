"""Exports of CRMs are posted as CSV or JSON; HubSpot's webhooks come signed, repeated and out of order."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest
from crm_client import Crm, NoModel, open_crm
from serving_world import NOW, Clock

from features.business_settings import CrmSettings
from features.events import DAY, to_iso
from features.settings import Settings
from features.store import Erasures, Store
from serving.app import create_app

CONTACTS = """Record ID,Create Date,Original Source,Contact owner,Last Modified Date
101,2026-03-01 09:30,Web,Kim,2026-10-01 10:00
102,03/02/2026,Web,Kim,
"""
CALLS = [{"id": "5", "properties": {"hs_timestamp": "2026-05-01T10:00:00Z", "hs_call_disposition": "x"},
          "contact_id": "101"}]  # fmt: skip


@pytest.fixture
def crm(database_url: str) -> Iterator[Crm]:
    found = open_crm(database_url)
    yield found
    found.running.store.close()


def test_an_export_in_csv_is_taken_once(crm: Crm) -> None:
    first = crm.csv("/v1/import/hubspot/contacts", CONTACTS)
    assert first.status_code == 200
    reason = "expected an ISO 8601 date or time such as 2026-03-01 or 2026-03-01T09:30:00Z, got '03/02/2026'"
    counts = {"rows": 2, "accepted": 2, "known": 0, "ignored": 0, "rejected": 1,
              "rejects": [{"line": 3, "column": "Create Date", "reason": reason}]}  # fmt: skip
    assert first.json == counts
    assert crm.csv("/v1/import/hubspot/contacts", CONTACTS).json == {**counts, "accepted": 0, "known": 2}
    lead = crm.get("/v1/leads/101").json
    assert (lead["owner"], lead["source"], lead["first_seen"]) == ("Kim", "Web", "2026-03-01T09:30:00Z")


def test_an_export_in_json_is_taken_as_well(crm: Crm) -> None:
    assert crm.post("/v1/import/hubspot/calls", CALLS).json["accepted"] == 1
    call = crm.get("/v1/leads/101/events").json["events"][0]
    assert call["properties"] == {"crm_disposition": "x"}
    assert call["recorded_at"] == "2026-05-01T10:00:00Z"


def test_what_is_learned_now_changes_no_past(crm: Crm) -> None:
    assert crm.post("/v1/import/hubspot/calls?recorded=now", CALLS).json["accepted"] == 1
    assert crm.get("/v1/calls").json["calls"][0]["recorded_at"] == to_iso(NOW)


def test_times_are_read_in_the_zone_that_is_named(crm: Crm) -> None:
    assert crm.csv("/v1/import/hubspot/contacts", CONTACTS, time_zone="Europe/Berlin").json["accepted"] == 2
    assert crm.get("/v1/leads/101").json["first_seen"] == "2026-03-01T08:30:00Z"


@pytest.mark.parametrize(
    "path", [f"/v1/import/salesforce/{kind}" for kind in ("leads", "contacts", "opportunities", "tasks")]
    + ["/v1/import/salesforce/campaign-members", "/v1/import/hubspot/deals"],
)  # fmt: skip
def test_every_kind_has_its_endpoint(crm: Crm, path: str) -> None:
    assert crm.post(path, [{"Id": "short"}]).json["rows"] == 1


def test_what_is_no_export_is_refused_as_a_whole(crm: Crm) -> None:
    path = "/v1/import/hubspot/contacts"
    assert crm.post(path, {"id": 1}).status_code == 422
    assert crm.csv(path, "").status_code == 422
    assert crm.csv(path, "a,a\n1,2\n").status_code == 422
    other = crm.csv(path, "lead_id,created_at\n1,2026-03-01\n")
    assert other.status_code == 422
    assert "Record ID" in other.json["message"]
    assert crm.csv(path, CONTACTS, time_zone="Mars/Olympus").status_code == 422
    assert crm.csv(path, CONTACTS, time_zone="../etc/passwd").status_code == 422
    assert crm.csv(path, CONTACTS, recorded="later").status_code == 422
    answer = crm.running.client.post(path, data="a=1", headers=crm.running.key)
    assert answer.status_code == 415
    assert "text/csv or application/json" in answer.json["message"]
    assert crm.running.store.position() == 0


def test_an_export_may_be_larger_than_other_bodies(crm: Crm) -> None:
    row = f"9,2026-03-01,Web,{'k' * 100_000},\n"
    large = crm.csv("/v1/import/hubspot/contacts", CONTACTS + row * 90)
    assert (large.status_code, large.json["accepted"], large.json["rejected"]) == (200, 2, 91)
    assert len(large.json["rejects"]) == 91
    assert crm.csv("/v1/import/hubspot/contacts", CONTACTS + row * 340).status_code == 413


SECRET = "client-secret"


@pytest.fixture
def hubspot(database_url: str) -> Iterator[tuple[Any, Store, Clock]]:
    settings = Settings(database_url=database_url, crm=CrmSettings(hubspot_secret=SECRET))
    clock = Clock()
    with Store.open(database_url) as store:
        yield create_app(settings, store, NoModel(), clock).test_client(), store, clock


def change(name: str = "", value: str = "", *, contact: int = 101, kind: str = "propertyChange", ago: int = 0) -> dict:
    return {"eventId": 1, "subscriptionId": 2, "portalId": 3, "appId": 4, "occurredAt": NOW // 1000 - ago * 1000,
            "subscriptionType": f"contact.{kind}", "attemptNumber": 0, "objectId": contact, "propertyName": name,
            "propertyValue": value, "changeSource": "CRM"}  # fmt: skip


def send(client: Any, changes: Any, *, secret: str = SECRET, late: int = 0, clock: int = NOW, **headers: str) -> Any:
    body, stamp = json.dumps(changes), str(clock // 1000 - late * 1000)
    url = "http://localhost/v1/hubspot/webhook"
    digest = hmac.digest(secret.encode(), f"POST{url}{body}{stamp}".encode(), hashlib.sha256)
    signed = {"X-HubSpot-Signature-v3": base64.b64encode(digest).decode(), "X-HubSpot-Request-Timestamp": stamp}
    return client.post("/v1/hubspot/webhook", data=body, content_type="application/json", headers=signed | headers)


def traits(store: Store) -> dict[str, Any]:
    from features.traits import known_traits

    return known_traits(store.history(), NOW + DAY).get("101", {})


def test_changes_become_traits_whatever_their_order(hubspot: tuple[Any, Store, Clock]) -> None:
    client, store, _ = hubspot
    changes = [
        change("lifecyclestage", "opportunity", ago=5),
        change(kind="creation", ago=100),
        change("hubspot_owner_id", "77", ago=9),
        change("lifecyclestage", "lead", ago=50),
        change("email", "a@example.org"),
        change("hubspot_owner_id", ""),
        {**change("name", "x"), "subscriptionType": "company.propertyChange"},
        {**change("city", "Bonn"), "occurredAt": "soon"},
        "nonsense",
    ]
    answer = send(client, changes)
    assert (answer.status_code, answer.json) == (200, {"accepted": 4, "known": 0, "ignored": 3, "rejected": 2})
    assert traits(store) == {"lifecyclestage": "opportunity", "owner": "77"}
    again = [{**one, "attemptNumber": 1} for one in reversed(changes[:4])]
    assert send(client, again).json == {"accepted": 0, "known": 4, "ignored": 0, "rejected": 0}


def test_a_contact_deleted_for_privacy_is_erased(hubspot: tuple[Any, Store, Clock]) -> None:
    client, store, _ = hubspot
    deletion = change(kind="privacyDeletion")
    assert send(client, [change(kind="creation", ago=9), deletion]).json["accepted"] == 2
    assert store.events(["101"]).num_rows == 0
    assert Erasures(store).of(["101"]) == {"101": NOW}
    late = {"accepted": 0, "known": 1, "ignored": 1, "rejected": 0}
    assert send(client, [change("city", "Bonn"), deletion]).json == late, "what still comes of it is dropped"


def test_only_what_hubspot_signed_just_now_is_heard(hubspot: tuple[Any, Store, Clock]) -> None:
    client, store, _ = hubspot
    body = [change("city", "Bonn")]
    for wrong in (
        send(client, body, secret="another"),
        send(client, body, late=301),
        send(client, body, late=-301),
        send(client, body, **{"X-HubSpot-Signature-v3": "é".encode().decode("latin-1")}),
        send(client, body, **{"X-HubSpot-Request-Timestamp": "1" * 400}),
        client.post("/v1/hubspot/webhook", json=body),
    ):
        assert (wrong.status_code, wrong.json["code"]) == (401, "unauthorized")
    assert store.position() == 0
    assert send(client, body, late=299).status_code == 200
    assert send(client, {"no": "list"}).status_code == 422


def test_without_a_secret_nothing_is_heard(crm: Crm) -> None:
    answer = send(crm.running.client, [change("city", "Bonn")])
    assert answer.status_code == 403
    assert "LEADTIME_CRM__HUBSPOT_SECRET" in answer.json["message"]
