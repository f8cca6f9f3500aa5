"""HubSpot's webhooks: what changed in a contact, told as it happens.

They come signed, repeated and out of order: the same change counts once, and of two values of a property the one that
was set later.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any

from apiflask import APIBlueprint
from flask import Response, request
from pydantic import BaseModel, ConfigDict, Field

from features.errors import InputError
from features.events import ERASED, IDENTIFY, SECOND, Event, content_id, events_table
from features.sources.cells import Cells
from features.sources.hubspot import webhook_traits
from features.store.erasure import COMPACT_UP_TO, erase_in, overwrite
from features.store.transaction import transaction
from serving.audit.log import Entry, write
from serving.headers import json_answer, reads_types
from serving.problems import invalid, problem
from serving.service import Service

SIGNATURE, TIMESTAMP = "X-HubSpot-Signature-v3", "X-HubSpot-Request-Timestamp"
TOLERANCE = 300 * SECOND
SECURITY: list[str | dict[str, list[Any]]] = [{"hubspot": []}]
SCHEME = {
    "type": "apiKey",
    "in": "header",
    "name": SIGNATURE,
    "description": f"HubSpot's signature of the request, with {TIMESTAMP}",
}
MAX_CHANGES = 1_000
ACTION = "POST /v1/hubspot/webhook"  # in the audit log


class Heard(BaseModel):
    """How many changes were new, known, of no use here, or could not be read."""

    model_config = ConfigDict(extra="forbid")

    accepted: int
    known: int
    ignored: int = Field(description="such as changes of companies, and of who a person is")
    rejected: int


def hubspot_webhook(service: Service) -> APIBlueprint:
    bp = APIBlueprint("hubspot", __name__, url_prefix="/v1/hubspot", tag="HubSpot")

    @bp.post("/webhook")
    @bp.doc(responses=[400, 401, 403, 413, 415, 422, 429, 503], security=SECURITY, operation_id="hubspot_webhook")
    @bp.output(Heard)
    @reads_types("application/json", schema={"type": "array", "items": {"type": "object"}, "maxItems": MAX_CHANGES})
    def hear() -> Response:
        """Take HubSpot's webhooks

        New contacts and changed properties become traits of the lead with the contact's id; a contact that was deleted
        for privacy is erased. The app's client secret is the setting LEADTIME_CRM__HUBSPOT_SECRET.
        """
        now = service.clock()
        _verify(service, now)
        changes = request.get_json()
        if not isinstance(changes, list) or len(changes) > MAX_CHANGES:
            raise invalid("json", {"body": [f"expected a list of at most {MAX_CHANGES} changes"]})
        events, deleted, ignored, rejected = _read(changes, now)
        if deleted:
            service.audit.flush()  # or reads of them that wait there would be told from those that do not
        with transaction(service.store) as log:
            done = log.append(events_table(events))
            known = done.duplicates
            for lead_id in deleted:
                erased = erase_in(log.connection, lead_id, now)
                known += erased.was_known and not erased.removed
                write(log.connection, [Entry(now, "hubspot", "webhook", ACTION, 200, [lead_id],
                                             detail={"removed": erased.removed})])  # fmt: skip
        if deleted:
            overwrite(service.store.engine, up_to=COMPACT_UP_TO)
        return json_answer(
            {
                "accepted": len(events) + len(deleted) - known - done.erased,
                "known": known,
                "ignored": ignored + done.erased,
                "rejected": rejected,
            }
        )

    hear.scope = "signature"  # type: ignore[attr-defined]
    return bp


def _verify(service: Service, now: int) -> None:
    """403 without a client secret, 401 unless HubSpot signed this request within the last five minutes."""
    secret = service.settings.crm.hubspot_secret
    if secret is None:
        raise problem(403, "webhooks of HubSpot are not set up; set LEADTIME_CRM__HUBSPOT_SECRET")
    if request.mimetype != "application/json":
        raise problem(415, f"expected the content type application/json, got {request.mimetype or 'none'}")
    sent = request.headers.get(TIMESTAMP, "")
    fresh = sent.isascii() and sent.isdecimal() and abs(int(sent[:16]) * 1_000 - now) <= TOLERANCE
    signed = request.method.encode() + request.url.encode() + request.get_data() + sent.encode()
    digest = hmac.digest(secret.get_secret_value().encode(), signed, hashlib.sha256)
    given = request.headers.get(SIGNATURE, "")
    if not fresh or not hmac.compare_digest(base64.b64encode(digest), given.encode()):
        raise problem(401, f"expected {SIGNATURE} of this request, signed within the last five minutes")


def _read(changes: Sequence[Any], now: int) -> tuple[list[Event], list[str], int, int]:
    """Events, contacts to be forgotten, and how many changes were ignored and rejected."""
    events, deleted, ignored, rejected = [], [], 0, 0
    for line, change in enumerate(changes, 1):
        try:
            event = _event(line, change, now)
        except InputError:
            rejected += 1
            continue
        if event is None:
            ignored += 1
        elif event.type == ERASED:
            deleted.append(event.lead_id)
        else:
            events.append(event)
    return events, list(dict.fromkeys(deleted)), ignored, rejected


def _event(line: int, change: Any, now: int) -> Event | None:
    """What one change tells; InputError when it cannot be read."""
    if not isinstance(change, Mapping):
        raise InputError(expected="an object", got=type(change).__name__)
    cells = Cells(line, change, now, UTC)
    what = cells.text("subscriptionType", "eventType") or ""
    known = {"contact.creation", "contact.propertyChange", "contact.privacyDeletion"}
    if what not in known:
        return None
    lead_id, when = cells.required("objectId"), cells.moment("occurredAt")
    if when is None:
        raise InputError(where="occurredAt", expected="when it happened", got="nothing")
    traits: dict[str, Any] = {}
    if what == "contact.propertyChange":
        traits = webhook_traits(cells, now)
        if not traits:
            return None
    parts = (what, change.get("portalId"), lead_id, when.at, sorted(traits.items()))
    return Event(
        event_id=f"hubspot:{lead_id}:{content_id(*parts)}",
        lead_id=lead_id,
        type=ERASED if what == "contact.privacyDeletion" else IDENTIFY,
        occurred_at=when.at,
        recorded_at=now,
        properties=traits,
    )
