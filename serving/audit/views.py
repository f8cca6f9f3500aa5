"""``GET /v1/audit``: the audit log over HTTP."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, ConfigDict, Field

from features.events import to_iso
from features.store.schema import MAX_NAME
from serving.access import SECURITY, needs
from serving.audit.log import Entry
from serving.headers import json_answer
from serving.payloads import Name, Strict
from serving.service import Service

MAX_LIMIT = 1_000


class AuditQuery(Strict):
    lead_id: Name | None = Field(None, description="only what concerned this lead; works for erased ones as well")
    who: str | None = Field(None, max_length=MAX_NAME, pattern=r"^[a-z0-9 ]+$", description="only this key's")
    cursor: str | None = Field(None, pattern=r"^[0-9]{1,18}$", description="`next` of the page before")
    limit: int = Field(100, ge=1, le=MAX_LIMIT)


class AuditEntry(BaseModel):
    """One change, or the reads of one kind within a second."""

    model_config = ConfigDict(extra="forbid")

    at: str = Field(description="ISO 8601, UTC")
    who: str = Field(description="the id of a key, `command line`, or `hubspot`")
    via: str = Field(description="key, session, command or webhook")
    action: str = Field(description="method and route, or the command")
    result: int = Field(description="the HTTP status; 0 for a command")
    requests: int
    leads: int = Field(description="how many leads were concerned, over all requests")
    lead_ids: list[str] = Field(description="which; erased ones by a pseudonym that begins with `erased:`")
    detail: dict[str, Any]


class AuditPage(BaseModel):
    """Entries, the newest first."""

    model_config = ConfigDict(extra="forbid")

    entries: list[AuditEntry]
    next: str | None = Field(description="the `cursor` of the next page; null on the last one")


def entry_answer(entry: Entry) -> dict[str, Any]:
    return {
        "at": to_iso(entry.at),
        "who": entry.who,
        "via": entry.via,
        "action": entry.action,
        "result": entry.result,
        "requests": entry.requests,
        "leads": entry.leads,
        "lead_ids": list(entry.lead_ids),
        "detail": entry.detail,
    }


def audit(service: Service) -> APIBlueprint:
    bp = APIBlueprint("audit", __name__, url_prefix="/v1", tag="Audit log")

    @bp.get("/audit")
    @needs(service, "admin")
    @bp.doc(responses=[401, 403, 429, 503], security=SECURITY, operation_id="audit_log")
    @bp.input(AuditQuery, location="query")
    @bp.output(AuditPage)
    def audit_log(query_data: AuditQuery) -> Response:
        """Who read or changed what

        Every change of data, and every read of a lead's data; the newest first. Reads are shown within a second or two.
        """
        service.audit.flush()
        found = service.audit.read(
            lead_ids=[] if query_data.lead_id is None else [query_data.lead_id],
            who=query_data.who,
            before=None if query_data.cursor is None else int(query_data.cursor),
            limit=query_data.limit + 1,
        )
        page = found[: query_data.limit]
        return json_answer(
            {
                "entries": [entry_answer(entry) for _, entry in page],
                "next": str(page[-1][0]) if len(found) > len(page) else None,
            }
        )

    return bp
