"""The rights of a person: ``DELETE /v1/leads/{lead_id}`` and ``GET /v1/leads/{lead_id}/export``."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response, g
from pydantic import BaseModel, ConfigDict, Field

from features.events import to_iso
from features.store.erasure import COMPACT_UP_TO
from serving.access import SECURITY, needs
from serving.audit.log import Entry, write
from serving.audit.requests import recorded
from serving.audit.views import AuditEntry
from serving.headers import json_answer
from serving.privacy.export import export
from serving.service import Service


class Erasure(BaseModel):
    """What an erasure did."""

    model_config = ConfigDict(extra="forbid")

    erased_at: str = Field(description="ISO 8601, UTC; of the first time, when asked again")
    removed: dict[str, int] = Field(description="rows by table; nothing when it was erased before")
    overwritten: bool = Field(
        description="whether the bytes are gone from the database file as well; docs/operations.md tells what to do"
    )


class LeadExport(BaseModel):
    """All that is known about a lead."""

    model_config = ConfigDict(extra="forbid")

    lead_id: str
    exported_at: str
    ids: list[str] = Field(description="the lead's id and those that lead to it")
    traits: dict[str, Any]
    score: dict[str, Any] | None = Field(description="with the whole curve; null without a model")
    events: list[dict[str, Any]] = Field(
        description="in log order, with the times when they occurred and were recorded"
    )
    tables: dict[str, list[dict[str, Any]]] = Field(description="its rows in every other table that names leads")
    audit: list[AuditEntry] = Field(description="who read or changed its data, the newest first")


def privacy(service: Service) -> APIBlueprint:
    bp = APIBlueprint("privacy", __name__, url_prefix="/v1", tag="Personal data")
    admin = needs(service, "admin")

    @bp.delete("/leads/<lead_alone:lead_id>")
    @admin
    @bp.doc(responses=[401, 403, 404, 429, 503], security=SECURITY, operation_id="erase_lead")
    @bp.output(Erasure)
    def erase_lead(lead_id: str) -> Response:
        """Erase a lead

        From the log and everything derived from it, for good; what still comes of it is dropped. There is no way back.
        """
        now = service.clock()
        service.audit.flush()  # or reads of it that wait there would be told from those that do not

        def on_record(connection: Any, done: Any) -> None:
            detail = {"removed": done.removed}
            write(connection, [Entry(now, g.key.key_id, "key", "DELETE /v1/leads/{lead_id}", 200, [lead_id],
                                     detail=detail)])  # fmt: skip

        done = service.erasures.erase(lead_id, now, up_to=COMPACT_UP_TO, also=on_record)
        recorded()
        return json_answer(
            {"erased_at": to_iso(done.erased_at), "removed": done.removed, "overwritten": done.overwritten}
        )

    @bp.get("/leads/<lead:lead_id>/export")
    @admin
    @bp.doc(responses=[401, 403, 404, 410, 429, 503], security=SECURITY, operation_id="export_lead")
    @bp.output(LeadExport)
    def export_lead(lead_id: str) -> Response:
        """All that is known about a lead

        Events with their times, traits, score, its rows in every table, and who read or changed its data.
        """
        return json_answer(export(service, lead_id))

    return bp
