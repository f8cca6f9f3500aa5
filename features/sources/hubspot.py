"""What the rows of HubSpot exports tell: contacts, deals and calls.

Columns have the internal names of HubSpot's properties (``hs_timestamp``) or the headings of its own exports ("Record
ID"). A contact is a lead; its record id is the lead's id.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any

from features.errors import InputError
from features.events import LOST, PURCHASED
from features.sources.cells import Cells, keys
from features.sources.exports import Mapped, Mapping_, Terms
from features.sources.records import call, ending, lead

_ID = ("hs_object_id", "Record ID", "id", "vid")
_CONTACT_ID = (*_ID, "Record ID - Contact", "Contact ID")
_DEAL_ID, _CALL_ID = (*_ID, "Record ID - Deal", "Deal ID"), (*_ID, "Record ID - Call", "Call ID")
_CREATED = ("createdate", "hs_createdate", "Create Date", "createdAt")
_CHANGED = ("lastmodifieddate", "hs_lastmodifieddate", "Last Modified Date", "updatedAt")
_OWNER = ("hubspot_owner_id", "Contact owner", "Deal owner", "Activity assigned to", "HubSpot Owner", "Owner")
_COMPANY = ("associatedcompanyid", "Primary Associated Company ID", "Associated Company IDs", "Associated Company ID")
_SOURCE = ("hs_analytics_source", "Original Source", "Original Traffic Source")
_CONTACTS = ("Associated Contact IDs", "Associated Contact ID", "associated_contact_ids", "contact_id")
_REST = ("archived", "properties", "associations", "associated contact", "associated company")
_USED = keys(_CONTACT_ID, _CREATED, _CHANGED, _OWNER, _COMPANY, _SOURCE, _CONTACTS, _REST)

# Statuses of calls that have not taken place, and of those that did not get through.
_NOT_MADE = frozenset({"scheduled", "queued", "canceled", "cancelled", "failed", "missed"})
_UNANSWERED = frozenset({"no_answer", "busy", "no answer"})


def contacts(cells: Cells, terms: Terms) -> Mapped:
    """A contact: created, with its source; its other columns are traits."""
    lead_id = cells.required(*_CONTACT_ID)
    created = cells.moment(*_CREATED)
    if created is None:
        raise InputError(where=_CREATED[0], expected="when the contact was created", got="nothing")
    companies = cells.records(*_COMPANY)
    traits = {
        **cells.others(_USED),
        "owner": cells.text(*_OWNER),
        "account_id": companies[0] if companies else None,
    }
    source = cells.text(*_SOURCE)
    changed = cells.moment(*_CHANGED)
    record = f"hubspot:{lead_id}"
    return lead(cells.line, record, terms, created=created, changed=changed, source=source, traits=traits)


def webhook_traits(cells: Cells, now: int) -> dict[str, Any]:
    """The trait that a webhook tells by ``propertyName`` and ``propertyValue``; none for what is not kept."""
    name, value = cells.text("propertyName"), cells.text("propertyValue")
    if name is None or value is None:
        return {}
    row = Cells(cells.line, {name: value}, now, UTC)
    companies = row.records(*_COMPANY)
    own = {"owner": row.text(*_OWNER), "source": row.text(*_SOURCE), "account_id": companies[0] if companies else None}
    return {**row.others(_USED), **{trait: text for trait, text in own.items() if text is not None}}


def deals(cells: Cells, terms: Terms) -> Mapped:
    """A deal that was closed is the ending of its contacts, or of its company's leads; an open one tells nothing."""
    deal = cells.required(*_DEAL_ID)
    kind = _ending(cells, terms)
    if kind is None:
        return ()
    when = cells.moment("closedate", "Close Date")
    if when is None:
        raise InputError(where="closedate", expected="when the deal was closed", got="nothing")
    reasons = {
        PURCHASED: ("closed_won_reason", "Closed Won Reason"),
        LOST: ("closed_lost_reason", "Closed Lost Reason"),
    }
    properties = {
        "deal_id": deal,
        "value": cells.number("amount", "Amount") if kind == PURCHASED else None,
        "reason": cells.text(*reasons[kind]),
        "owner": cells.text(*_OWNER),
    }
    people, companies = cells.records(*_CONTACTS), cells.records(*_COMPANY)
    record = f"hubspot:deal:{deal}"
    return ending(
        cells.line, record, kind, terms, when=when, properties=properties, lead_ids=people, accounts=companies
    )


def _ending(cells: Cells, terms: Terms) -> str | None:
    if cells.flag("hs_is_closed_won", "Is Closed Won"):
        return PURCHASED
    if cells.flag("hs_is_closed_lost", "Is closed lost"):
        return LOST
    stage = (cells.text("dealstage", "Deal Stage") or "").lower()
    stage = stage.partition(" (")[0].strip()  # "Closed Won (Sales Pipeline)"
    return PURCHASED if stage in terms.won else LOST if stage in terms.lost else None


def calls(cells: Cells, terms: Terms) -> Mapped:
    """A call that was made, with each of its contacts."""
    record = cells.required(*_CALL_ID)
    status = (cells.text("hs_call_status", "Call status") or "").lower()
    if status in _NOT_MADE:
        return ()
    when = cells.moment("hs_timestamp", "Activity date", "hs_createdate", "Create Date")
    if when is None:
        raise InputError(where="hs_timestamp", expected="when the call took place", got="nothing")
    people = cells.records(*_CONTACTS)
    if not people:
        raise InputError(where=_CONTACTS[0], expected="the contact that was called", got="none")
    milliseconds = cells.number("hs_call_duration")
    disposition = cells.text("hs_call_disposition", "Call outcome")
    return call(
        cells.line,
        f"hubspot:call:{record}",
        terms,
        when=when,
        lead_ids=people,
        disposition=disposition or ("no_answer" if status in _UNANSWERED else None),
        minutes=None if milliseconds is None else milliseconds / 60_000,
        owner=cells.text(*_OWNER),
        direction=cells.text("hs_call_direction", "Call direction"),
    )


# The outcomes that every HubSpot account has: the API gives the id, an export the label. "Connected" and "Wrong number"
# tell nothing about the time of the call.
DISPOSITIONS = {
    "9d9162e7-6cf3-4944-bf63-4dff82258764": "no_answer",
    "busy": "no_answer",
    "73a0d17f-1163-4015-bdd5-ec830791da20": "no_answer",
    "b2cf5968-551e-4856-9783-52b3da59a7d0": "no_answer",
    "left voicemail": "no_answer",
    "a4c4c377-d246-4b32-a13b-75a56a4cd0ff": "no_answer",
    "left live message": "no_answer",
}

OBJECTS: dict[str, Mapping_] = {"contacts": contacts, "deals": deals, "calls": calls}
IDS: dict[str, tuple[str, ...]] = {"contacts": _CONTACT_ID, "deals": _DEAL_ID, "calls": _CALL_ID}
