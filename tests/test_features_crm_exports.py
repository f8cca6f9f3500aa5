"""Exports of CRMs become events: by their column names, each row by itself, the same rows once."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.business_settings import CrmSettings
from features.errors import InputError
from features.events import DAY, parse_time
from features.load import main
from features.sources.exports import Found, csv_rows, json_rows
from features.sources.imports import OBJECTS, append_export, read_export, terms
from features.sources.salesforce import long_id
from features.store import Store
from features.store.transaction import transaction

NOW = parse_time("2026-11-01")
TERMS = terms(CrmSettings(), NOW)
LEAD, CONTACT, ACCOUNT, OWNER = "00QD000000uzUQq", "003D000001aXyZa", "001D000000IqhSL", "005D0000001a2B3"
KINDS = [(crm, kind) for crm, kinds in OBJECTS.items() for kind in kinds]


def read(crm: str, kind: str, *rows: dict, **changes: object) -> Found:
    return read_export(crm, kind, json_rows(rows, f"{crm}/{kind}"), replace(TERMS, **changes))


def told(found: Found) -> list[tuple]:
    assert found.rejects == []
    return [(c.event.lead_id, c.event.type, dict(c.event.properties)) for c in found.candidates]


def why(found: Found) -> str:
    assert (len(found.rejects), found.candidates) == (1, [])
    return f"{found.rejects[0].column}: {found.rejects[0].reason}"


CONTACT_ROW = {
    "hs_object_id": "101", "createdate": "2026-03-01T09:30:00Z", "lastmodifieddate": "2026-10-01T10:00:00Z",
    "hs_analytics_source": "ORGANIC_SEARCH", "hubspot_owner_id": "77", "associatedcompanyid": "900",
    "lifecyclestage": "customer", "firstname": "A", "email": "a@example.org", "phone": "1", "city": "Bonn",
}  # fmt: skip


def test_a_contact_is_created_with_its_source_alone() -> None:
    found = read("hubspot", "contacts", CONTACT_ROW)
    assert told(found) == [
        ("101", "identify", {"source": "ORGANIC_SEARCH"}),
        ("101", "identify", {"owner": "77", "account_id": "900", "lifecyclestage": "customer", "city": "Bonn"}),
    ]
    times = [(c.event.occurred_at, c.event.recorded_at) for c in found.candidates]
    assert times == [(parse_time(CONTACT_ROW[name]),) * 2 for name in ("createdate", "lastmodifieddate")], (
        "the stage of today is known since the last change, not since the creation"
    )


def test_headings_of_exports_mean_the_same_as_names_of_properties() -> None:
    heads = {"Record ID": "101", "Create Date": "2026-03-01 09:30", "Last Modified Date": "2026-10-01 10:00",
             "Original Source": "ORGANIC_SEARCH", "Contact owner": "77", "Primary Associated Company ID": "900",
             "lifecyclestage": "customer", "First Name": "A", "Email": "a@example.org", "City": "Bonn"}  # fmt: skip
    by_heading, by_name = read("hubspot", "contacts", heads), read("hubspot", "contacts", CONTACT_ROW)
    for one, other in zip(by_heading.candidates, by_name.candidates, strict=True):
        assert (one.event.occurred_at, one.event.event_id[:12]) == (other.event.occurred_at, other.event.event_id[:12])


def test_who_a_person_is_is_not_kept() -> None:
    text = repr(read("hubspot", "contacts", CONTACT_ROW).candidates)
    assert "example.org" not in text
    assert "firstname" not in text


def test_hubspots_api_nests_its_properties() -> None:
    nested = {"id": "101", "properties": {k: v for k, v in CONTACT_ROW.items() if k != "hs_object_id"}}
    assert told(read("hubspot", "contacts", nested)) == told(read("hubspot", "contacts", CONTACT_ROW))


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({"dealstage": "closedwon"}, "purchased"),
        ({"Deal Stage": "Closed Won (Sales Pipeline)"}, "purchased"),
        ({"dealstage": "1234", "hs_is_closed_won": "true"}, "purchased"),
        ({"dealstage": "closedlost"}, "lost"),
        ({"dealstage": "1234", "hs_is_closed_lost": True}, "lost"),
        ({"dealstage": "appointmentscheduled"}, None),
        ({}, None),
    ],
)
def test_a_deal_that_was_closed_is_an_ending(row: dict, kind: str | None) -> None:
    deal = {"hs_object_id": "7", "closedate": "2026-05-02T11:00:00Z", "amount": "1250.5", "contact_id": "101;102",
            "closed_lost_reason": "price", "hubspot_owner_id": "77"}  # fmt: skip
    found = read("hubspot", "deals", deal | row)
    if kind is None:
        assert (told(found), found.ignored) == ([], 1)
        return
    said = {"deal_id": "7", "owner": "77"}
    one = said | ({"value": 1250.5} if kind == "purchased" else {"reason": "price"})
    other = {name: value for name, value in one.items() if name != "value"}
    assert told(found) == [("101", kind, one), ("102", kind, other)], "the value counts once"


@pytest.mark.parametrize(
    ("disposition", "ours"),
    [
        ("73a0d17f-1163-4015-bdd5-ec830791da20", "no_answer"),
        ("Left voicemail", "no_answer"),
        ("Too early", "too_early"),
        ("too_late", "too_late"),
        ("NOT INTERESTED", "not_a_buyer"),
        ("f240bbac-87c9-4f6e-bf70-924b57d47db7", None),
        ("Asked for a brochure", None),
    ],
)
def test_a_disposition_that_is_not_mapped_is_kept_as_it_is(disposition: str, ours: str | None) -> None:
    row = {"id": "5", "hs_timestamp": "1777000000000", "hs_call_disposition": disposition, "contact_id": "101",
           "hs_call_duration": "90000", "hs_call_direction": "OUTBOUND"}  # fmt: skip
    [(lead, kind, said)] = told(read("hubspot", "calls", row))
    assert (lead, kind, said["crm_disposition"], said["minutes"]) == ("101", "sales_call", disposition, 1.5)
    assert said.get("disposition") == ours


@pytest.mark.parametrize(("status", "read_as"), [("SCHEDULED", None), ("NO_ANSWER", "no_answer"), ("COMPLETED", "")])
def test_a_call_that_was_not_made_tells_nothing(status: str, read_as: str | None) -> None:
    row = {"id": "5", "hs_timestamp": "2026-05-01T10:00:00Z", "hs_call_status": status, "contact_id": "101"}
    found = told(read("hubspot", "calls", row))
    assert [said.get("disposition", "") for _, _, said in found] == ([] if read_as is None else [read_as])


def test_ids_of_salesforce_have_18_characters() -> None:
    assert long_id("001D000000IqhSL", "Id") == "001D000000IqhSLIAZ"
    assert long_id("001D000000IqhSLIAZ", "Id") == "001D000000IqhSLIAZ"
    for wrong in ("001d000000iqhslIAZ", "001D000000IqhS", "001D000000IqhSLIA", "001D000000IqhS-", ""):
        with pytest.raises(InputError):
            long_id(wrong, "Id")


@given(st.text("abcXYZ019", min_size=15, max_size=15))
def test_both_forms_of_an_id_are_one(short: str) -> None:
    assert long_id(long_id(short, "Id"), "Id") == long_id(short, "Id")
    assert long_id(short, "Id").startswith(short)


@given(st.text("abXY1", min_size=15, max_size=15), st.text("abXY1", min_size=15, max_size=15))
def test_ids_that_differ_by_case_alone_stay_apart_where_case_is_lost(one: str, other: str) -> None:
    if one != other:
        assert long_id(one, "Id").lower() != long_id(other, "Id").lower()


def test_a_lead_that_was_converted_is_its_contact() -> None:
    row = {"attributes": {"type": "Lead"}, "Id": LEAD, "CreatedDate": "2026-03-01T09:30:00.000+0000",
           "LastModifiedDate": "2026-06-01T00:00:00.000+0000", "LeadSource": "Web", "OwnerId": OWNER,
           "IsConverted": True, "ConvertedContactId": CONTACT, "ConvertedAccountId": ACCOUNT, "Rating": "Hot",
           "Name": "A B", "Email": "a@example.org"}  # fmt: skip
    contact, owner = long_id(CONTACT, ""), OWNER
    assert told(read("salesforce", "leads", row)) == [
        (contact, "identify", {"source": "Web"}),
        (contact, "identify", {"Rating": "Hot", "owner": owner, "account_id": long_id(ACCOUNT, ""),
                               "previous_id": long_id(LEAD, "")}),
    ]  # fmt: skip
    assert told(read("salesforce", "leads", row | {"IsDeleted": "true"})) == []


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({"IsClosed": True, "IsWon": True}, "purchased"),
        ({"IsClosed": "true", "IsWon": "false"}, "lost"),
        ({"StageName": "Closed Won"}, "purchased"),
        ({"Stage": "Closed Lost"}, "lost"),
        ({"IsClosed": False, "IsWon": False, "CloseDate": "2031-01-01"}, None),
    ],
)
def test_an_opportunity_that_was_closed_is_an_ending(row: dict, kind: str | None) -> None:
    deal = {"Id": "006D000000uzUQq", "CloseDate": "2026-05-02", "Amount": 100, "ContactId": CONTACT} | row
    found = told(read("salesforce", "opportunities", deal))
    assert [(lead, ending) for lead, ending, _ in found] == ([] if kind is None else [(long_id(CONTACT, ""), kind)])


def test_only_completed_calls_of_all_tasks_count() -> None:
    task = {"Id": "00TD000000uzUQq", "WhoId": LEAD, "ActivityDate": "2026-05-01", "Status": "Completed",
            "Subject": "Call A B"}  # fmt: skip
    call = {**task, "CallDurationInSeconds": 90, "CallDisposition": "Call back later", "CallType": "Outbound"}
    [(lead, kind, said)] = told(read("salesforce", "tasks", call))
    assert (lead, kind) == (long_id(LEAD, ""), "sales_call")
    assert said == {"disposition": "too_early", "crm_disposition": "Call back later", "minutes": 1.5,
                    "direction": "Outbound"}  # fmt: skip
    for other in (task, {**call, "Status": "Not Started"}, {**task, "TaskSubtype": "Email"}):
        assert read("salesforce", "tasks", other).ignored == 1
    assert len(told(read("salesforce", "tasks", {**task, "TaskSubtype": "Call"}))) == 1


def test_a_response_to_a_campaign_is_engagement() -> None:
    member = {"Id": "00vD000000uzUQq", "CampaignId": "701D000000uzUQq", "LeadId": LEAD, "HasResponded": True,
              "FirstRespondedDate": "2026-05-10", "Campaign.Type": "Webinar", "Status": "Registered"}  # fmt: skip
    [candidate] = read("salesforce", "campaign-members", member).candidates
    assert (candidate.event.type, candidate.event.channel) == ("campaign_response", "webinar")
    assert candidate.event.campaign == long_id("701D000000uzUQq", "")
    assert read("salesforce", "campaign-members", member | {"HasResponded": False}).ignored == 1


def test_a_date_is_its_first_moment_and_known_when_it_is_over() -> None:
    [deal] = read("salesforce", "opportunities", {"Id": "006D000000uzUQq", "IsClosed": 1, "IsWon": 1,
                  "CloseDate": "2026-05-02", "ContactId": CONTACT}).candidates  # fmt: skip
    assert (deal.event.occurred_at, deal.event.recorded_at) == (parse_time("2026-05-02"), parse_time("2026-05-03"))


def test_times_without_a_zone_are_in_the_zone_of_the_export() -> None:
    row = {"id": "5", "Activity date": "2026-07-01 10:00", "contact_id": "101"}
    [call] = read("hubspot", "calls", row, zone=ZoneInfo("Europe/Berlin")).candidates
    assert call.event.occurred_at == parse_time("2026-07-01T08:00:00Z")
    [call] = read("hubspot", "calls", row | {"Activity date": "2026-07-01T10:00:00Z"}).candidates
    assert call.event.occurred_at == parse_time("2026-07-01T10:00:00Z")


def test_what_is_learned_now_is_recorded_now() -> None:
    found = read("hubspot", "contacts", CONTACT_ROW, as_history=False)
    assert {c.event.recorded_at for c in found.candidates} == {NOW}


@pytest.mark.parametrize(
    ("kind", "row", "said"),
    [
        ("contacts", {"createdate": "2026-03-01"}, "an id in the column hs_object_id"),
        ("contacts", {"id": "1"}, "when the contact was created"),
        ("contacts", {"id": "1", "createdate": "03/01/2026"}, "createdate: expected an ISO 8601"),
        ("contacts", {"id": "1", "createdate": "20260301"}, "createdate: expected an ISO 8601"),
        ("contacts", {"id": "1", "createdate": "2031-03-01"}, "a time from 1900 to"),
        ("contacts", {"id": "x" * 65, "createdate": "2026-03-01"}, "the id of a record"),
        ("deals", {"id": "1", "dealstage": "closedwon", "contact_id": "1"}, "when the deal was closed"),
        ("deals", {"id": "1", "dealstage": "closedwon", "closedate": "2026-03-01"}, "the contact or the company"),
        ("deals", {"id": "1", "dealstage": "closedwon", "closedate": "2026-03-01", "contact_id": "1",
                   "amount": "1.250,50"}, "amount: expected a number of at least 0"),
        ("calls", {"id": "1", "hs_timestamp": "2026-03-01"}, "the contact that was called"),
        ("calls", {"id": "1", "contact_id": "1", "hs_timestamp": "2026-03-01", "hs_call_duration": -4}, "at least 0"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_used_is_refused_with_its_reason(kind: str, row: dict, said: str) -> None:
    assert said in why(read("hubspot", kind, row))


CELL = st.one_of(
    st.none(), st.text(max_size=20), st.integers(), st.floats(allow_nan=False), st.booleans(),
    st.sampled_from(["2026-03-01", "2026-03-01T09:30:00Z", "1777000000000", LEAD, CONTACT, "true", "closedwon", "9.5"]),
    st.lists(st.text(max_size=3), max_size=2), st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2),
)  # fmt: skip
COLUMN = st.sampled_from(
    ["id", "hs_object_id", "Record ID", "createdate", "lastmodifieddate", "hubspot_owner_id", "associatedcompanyid",
     "dealstage", "closedate", "amount", "hs_timestamp", "hs_call_duration", "hs_call_disposition", "contact_id", "Id",
     "CreatedDate", "LastModifiedDate", "OwnerId", "AccountId", "ContactId", "IsClosed", "IsWon", "CloseDate", "WhoId",
     "ActivityDate", "CallDurationInSeconds", "CallType", "Status", "HasResponded", "CampaignId", "FirstRespondedDate",
     "IsDeleted", "ConvertedContactId", "properties", "free", "\x00", ""]
)  # fmt: skip


@given(kind=st.sampled_from(KINDS), rows=st.lists(st.dictionaries(COLUMN, CELL, max_size=9), max_size=4))
def test_whatever_stands_in_a_row_it_is_taken_refused_or_ignored(kind: tuple[str, str], rows: list[dict]) -> None:
    found = read(*kind, *rows)
    assert found.read == len(rows)
    lines = {c.line for c in found.candidates} | {r.line for r in found.rejects}
    assert len(lines) + found.ignored == len(rows)
    assert not {c.line for c in found.candidates} & {r.line for r in found.rejects}
    assert [c.event.event_id for c in found.candidates] == [c.event.event_id for c in read(*kind, *rows).candidates]
    for candidate in found.candidates:
        event = candidate.event
        assert event.occurred_at <= NOW + DAY
        assert event.occurred_at <= event.recorded_at or event.occurred_at > NOW
        assert len(event.event_id) <= 255


@given(kind=st.sampled_from(KINDS), text=st.one_of(st.binary(max_size=200), st.text('"\n\r,a1;', max_size=80)))
def test_any_bytes_are_rows_rejects_or_one_error(kind: tuple[str, str], text: bytes | str) -> None:
    raw = text if isinstance(text, bytes) else ("Record ID,createdate\n" + text).encode()
    with suppress(InputError):  # of the header
        read_export(*kind, csv_rows(raw, "file"), TERMS)


EXPORTS = {
    "contacts": "Record ID,Create Date,Original Source,Contact owner,Associated Company IDs,Lifecycle Stage\n"
    "101,2026-03-01 09:30,Web,Kim,900,Lead\n102,2026-03-02,,Kim,900,Lead\n,2026-01-01,,,,\n",
    "deals": "Record ID,Deal Stage,Close Date,Amount,Associated Contact IDs,Associated Company IDs\n"
    "7,Closed Won,2026-05-02 11:00,50,101,\n8,Closed Lost,2026-06-01,,,900\n9,Closed Lost,2026-06-01,,,901\n",
    "calls": "Record ID,Activity date,Call outcome,Associated Contact IDs\n5,2026-04-01 10:00,Busy,101;102\n",
}


def import_all(store: Store, now: int = NOW) -> dict[str, tuple[int, int, list[int]]]:
    """By kind: accepted, known, and the lines that were refused."""
    done = {}
    for kind, text in EXPORTS.items():
        how = replace(TERMS, now=now)
        found = read_export("hubspot", kind, csv_rows(text.encode(), kind), how)
        with transaction(store) as log:
            result = append_export(found, log, now=now)
        done[kind] = (result.accepted, result.known, [reject.line for reject in result.rejects])
    return done


def test_the_same_export_twice_adds_nothing(store: Store) -> None:
    # 102 ends with the deal of its company; 101 has ended already, and nobody is of the company 901
    assert import_all(store) == {"contacts": (4, 0, [4]), "deals": (2, 0, [3, 4]), "calls": (2, 0, [])}
    position = store.position()
    assert import_all(store, NOW + DAY) == {"contacts": (0, 4, [4]), "deals": (0, 2, [3, 4]), "calls": (0, 2, [])}
    assert store.position() == position


def test_a_trait_that_changed_is_told_alone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    import_all(store)
    monkeypatch.setitem(EXPORTS, "contacts", EXPORTS["contacts"].replace("Web,Kim,900,Lead", "Web,Lou,900,Lead"))
    assert import_all(store, NOW + DAY)["contacts"] == (1, 3, [4])
    newest = store.statements(["101"]).to_pylist()[-1]
    assert (newest["properties"], newest["occurred_at"]) == ('{"owner":"Lou"}', NOW + DAY)


def test_exports_are_loaded_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for kind, text in EXPORTS.items():
        (tmp_path / f"hubspot-crm-exports-all-{kind}.csv").write_text(text)
    url = f"sqlite:///{tmp_path}/leadtime.db"
    for new in (8, 0):
        assert main(["--format", "hubspot", str(tmp_path), "--database", url]) == 0
        out = capsys.readouterr().out
        assert sum(int(line.split()[3]) for line in out.splitlines() if line.startswith(tuple(EXPORTS))) == new
        assert "3 rows were refused" in out
    rejects = (tmp_path / "rejects.csv").read_text().splitlines()
    assert len(rejects) == 1 + 3
    assert rejects[1].startswith("hubspot-crm-exports-all-contacts.csv,4,")
    one = tmp_path / "hubspot-crm-exports-all-calls.csv"
    assert main(["--format", "hubspot", str(one), "--database", url]) == 0
    for wrong in (tmp_path / "nothing", tmp_path / "leadtime.db"):
        assert main(["--format", "hubspot", str(wrong), "--database", url]) == 2
        assert "named after contacts, deals, calls" in capsys.readouterr().err
