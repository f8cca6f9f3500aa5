"""What the rows of Salesforce exports tell: leads, contacts, opportunities, tasks and campaign members.

Columns have the API names of the fields (``ActivityDate``), as Data Loader and the weekly export write them, or the
headings of reports ("Lead ID"). Ids of 15 characters become those of 18, so that both are one record. A lead that was
converted is its contact.
"""

from __future__ import annotations

import re

from features.errors import InputError
from features.events import LOST, PURCHASED, Event
from features.sources.cells import Cells, keys
from features.sources.exports import Candidate, Mapped, Mapping_, Terms
from features.sources.records import call, ending, lead

_ID_15, _ID_18 = re.compile(r"[A-Za-z0-9]{15}"), re.compile(r"[A-Za-z0-9]{18}")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"

_CREATED = ("CreatedDate", "Created Date", "Create Date")
_CHANGED = ("LastModifiedDate", "SystemModstamp", "Last Modified Date")
_OWNER = ("OwnerId", "Owner ID", "Lead Owner", "Contact Owner", "Opportunity Owner", "Assigned")
_ACCOUNT = ("AccountId", "ConvertedAccountId", "Account ID")
_SOURCE = ("LeadSource", "Lead Source")
_CONVERTED = ("ConvertedContactId",)
_LEAD = ("Id", "Lead ID", "Contact ID")
_DEAL, _TASK = ("Id", "Opportunity ID"), ("Id", "Activity ID", "Task ID")
_MEMBER = ("Id", "Campaign Member ID")
_REST = (
    "attributes", "IsDeleted", "IsConverted", "ConvertedDate", "ConvertedOpportunityId", "CreatedById",
    "LastModifiedById", "LastViewedDate", "LastReferencedDate", "PhotoUrl", "MasterRecordId", "Company",
)  # fmt: skip
_USED = keys(_LEAD, _CREATED, _CHANGED, _OWNER, _ACCOUNT, _SOURCE, _CONVERTED, _REST)


def long_id(value: str, where: str) -> str:
    """The id of 18 characters: the last three say which of the first fifteen are capitals (ids differ by case)."""
    if not (_ID_15.fullmatch(value) or _ID_18.fullmatch(value)):
        raise InputError(where=where, expected="a Salesforce id of 15 or 18 letters and digits", got=repr(value))
    found = value[:15] + "".join(
        _LETTERS[sum(1 << place for place, letter in enumerate(value[i : i + 5]) if "A" <= letter <= "Z")]
        for i in (0, 5, 10)
    )
    if len(value) == 18 and found != value:
        raise InputError(where=where, expected=f"the id {found}", got=f"{value!r}: its capitals were lost")
    return found


def leads(cells: Cells, terms: Terms) -> Mapped:
    """A lead or a contact: created, with its source; its other columns are traits."""
    if _deleted(cells):
        return ()
    lead_id = _id(cells, *_CONVERTED) or _id(cells, *_LEAD)
    created = cells.moment(*_CREATED)
    if lead_id is None or created is None:
        raise InputError(where=_LEAD[0] if lead_id is None else _CREATED[0], expected="a value", got="none")
    traits = {
        **cells.others(_USED),
        "owner": _reference(cells, *_OWNER),
        "account_id": _id(cells, *_ACCOUNT),
        # what happened to the lead before it was converted is the contact's
        "previous_id": _id(cells, *_LEAD) if _id(cells, *_CONVERTED) else None,
    }
    source, changed = cells.text(*_SOURCE), cells.moment(*_CHANGED)
    record = f"salesforce:{lead_id}"
    return lead(cells.line, record, terms, created=created, changed=changed, source=source, traits=traits)


def opportunities(cells: Cells, terms: Terms) -> Mapped:
    """An opportunity that was closed is the ending of its contact, or of the leads of its account."""
    if _deleted(cells):
        return ()
    deal = long_id(cells.required(*_DEAL), "Id")
    kind = _ending(cells, terms)
    if kind is None:
        return ()
    when = cells.moment("CloseDate", "Close Date")
    if when is None:
        raise InputError(where="CloseDate", expected="when the opportunity was closed", got="nothing")
    properties = {
        "deal_id": deal,
        "value": cells.number("Amount") if kind == PURCHASED else None,
        "reason": cells.text("Loss_Reason__c", "Closed_Reason__c", "Loss Reason") if kind == LOST else None,
        "owner": _reference(cells, *_OWNER),
    }
    person, account = _id(cells, "ContactId", "Contact ID", "LeadId"), _id(cells, *_ACCOUNT)
    return ending(
        cells.line, f"salesforce:opportunity:{deal}", kind, terms, when=when, properties=properties,
        lead_ids=[person] if person else [], accounts=[account] if account else [],
    )  # fmt: skip


def _ending(cells: Cells, terms: Terms) -> str | None:
    closed, won = cells.flag("IsClosed", "Closed"), cells.flag("IsWon", "Won")
    stage = (cells.text("StageName", "Stage") or "").lower()
    if won or (won is None and stage in terms.won):
        return PURCHASED
    if closed and won is None and stage not in terms.lost:
        raise InputError(where="IsWon", expected="whether the opportunity was won", got="neither true nor false")
    lost = closed if closed is not None else stage in terms.lost
    return LOST if lost else None


def tasks(cells: Cells, terms: Terms) -> Mapped:
    """A task that is a call and was completed; other tasks tell nothing.

    Without ``CompletedDateTime`` only the day is known (``ActivityDate``).
    """
    seconds = cells.number("CallDurationInSeconds", "Call Duration")
    disposition = cells.text("CallDisposition", "Call Result")
    direction = cells.text("CallType", "Call Type")
    subtype = (cells.text("TaskSubtype", "Task Subtype") or cells.text("Type") or "").lower()
    is_call = subtype == "call" or seconds is not None or disposition is not None or direction is not None
    made = (cells.text("Status") or "completed").lower() == "completed" and cells.flag("IsClosed") is not False
    if _deleted(cells) or not is_call or not made:
        return ()
    record = long_id(cells.required(*_TASK), "Id")
    when = cells.moment("CompletedDateTime") or cells.moment("ActivityDate", "Date")
    if when is None:
        raise InputError(where="ActivityDate", expected="when the call took place", got="nothing")
    who = _id(cells, "WhoId", "Lead ID", "Contact ID")
    if who is None:
        raise InputError(where="WhoId", expected="the lead or contact that was called", got="none")
    return call(
        cells.line,
        f"salesforce:task:{record}",
        terms,
        when=when,
        lead_ids=[who],
        disposition=disposition,
        minutes=None if seconds is None else seconds / 60,
        owner=_reference(cells, *_OWNER),
        direction=direction,
        deal_id=_id(cells, "WhatId"),
    )


def campaign_members(cells: Cells, terms: Terms) -> Mapped:
    """A member that responded to a campaign: engagement, dated to the day of the first response."""
    if _deleted(cells) or not cells.flag("HasResponded", "Responded"):
        return ()
    record = long_id(cells.required(*_MEMBER), "Id")
    who = _id(cells, "ContactId", "Contact ID") or _id(cells, "LeadId", "Lead ID")
    campaign = _id(cells, "CampaignId", "Campaign ID")
    when = cells.moment("FirstRespondedDate", "First Responded Date")
    for value, column in ((who, "LeadId"), (campaign, "CampaignId"), (when, "FirstRespondedDate")):
        if value is None:
            raise InputError(where=column, expected="a value", got="none")
    assert who is not None and when is not None  # noqa: S101, PT018 - just checked
    properties = {
        "status": cells.text("Status", "Member Status"),
        "campaign_name": cells.text("Campaign.Name", "Campaign Name"),
    }
    channel = cells.text("Campaign.Type", "Campaign Type")
    event = Event(
        event_id=f"salesforce:campaign-member:{record}:responded",
        lead_id=who,
        type="campaign_response",
        occurred_at=when.at,
        recorded_at=terms.recorded(when),
        channel=None if channel is None else channel.lower(),
        campaign=campaign,
        properties={name: value for name, value in properties.items() if value is not None},
    )
    return [Candidate(cells.line, event, when.day)]


def _id(cells: Cells, *names: str) -> str | None:
    value = cells.record(*names)
    return None if value is None else long_id(value, names[0])


def _reference(cells: Cells, *names: str) -> str | None:
    """An id as above, or a name as reports write it."""
    value = cells.text(*names)
    return long_id(value, names[0]) if value is not None and _ID_18.fullmatch(value) else value


def _deleted(cells: Cells) -> bool:
    return bool(cells.flag("IsDeleted"))


OBJECTS: dict[str, Mapping_] = {
    "leads": leads,
    "contacts": leads,
    "opportunities": opportunities,
    "tasks": tasks,
    "campaign-members": campaign_members,
}
IDS: dict[str, tuple[str, ...]] = {
    "leads": _LEAD,
    "contacts": _LEAD,
    "opportunities": _DEAL,
    "tasks": _TASK,
    "campaign-members": _MEMBER,
}
