"""Exports of HubSpot and Salesforce, posted under their own column names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from apiflask import APIBlueprint
from flask import Response, request
from pydantic import BaseModel, ConfigDict, Field, field_validator

from features.sources.exports import ExportRow, csv_rows, json_rows
from features.sources.imports import IDS, OBJECTS, append_export, read_export, terms
from features.tables.sources import Reject
from serving.access import SECURITY, needs
from serving.crm.idempotency import once, takes_key
from serving.headers import reads_types
from serving.payloads import Strict
from serving.problems import invalid
from serving.service import Service

MAX_EXPORT = 32 * 2**20  # bytes
_BODY = {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "object"}}]}
SHOWN = 100  # rejected rows in an answer


class ImportQuery(Strict):
    time_zone: str = Field("UTC", max_length=64, description="of times that name none, such as Europe/Berlin")
    recorded: Literal["then", "now"] = Field(
        "then",
        description="then: rows count as known since they happened, as for a first import of history; now: since now, "
        "so that no past score changes",
    )

    @field_validator("time_zone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"expected the name of a time zone such as Europe/Berlin, got {value!r}") from None
        return value


class RejectedRow(BaseModel):
    model_config = ConfigDict(extra="forbid")

    line: int = Field(description="of the CSV text, its header being line 1; in JSON the place in the list, from 1")
    column: str
    reason: str


class Import(BaseModel):
    """What became of the rows. The same export again adds nothing: then all of it is `known`."""

    model_config = ConfigDict(extra="forbid")

    rows: int
    accepted: int = Field(description="events that were new")
    known: int = Field(description="events that were known")
    ignored: int = Field(description="rows that tell nothing, such as open deals")
    rejected: int = Field(description="rows that could not be used")
    rejects: list[RejectedRow] = Field(description=f"the first {SHOWN} of them")


def imports(service: Service) -> APIBlueprint:
    bp = APIBlueprint("imports", __name__, url_prefix="/v1/import", tag="CRM exports")
    for crm, kinds in OBJECTS.items():
        for kind in kinds:
            _route(bp, service, crm, kind)
    return bp


def _route(bp: APIBlueprint, service: Service, crm: str, kind: str) -> None:
    name = f"import_{crm}_{kind.replace('-', '_')}"

    @bp.post(f"/{crm}/{kind}", endpoint=name)
    @needs(service, "write")
    @bp.doc(
        summary=f"Import {kind.replace('-', ' ')} that {'HubSpot' if crm == 'hubspot' else 'Salesforce'} exported",
        description="CSV with a header, or a JSON list of objects; columns have the names of the CRM. Each row is "
        "judged by itself.",
        responses=[400, 401, 403, 409, 413, 415, 429, 503],
        security=SECURITY,
        operation_id=name,
    )
    @takes_key(bp)
    @bp.input(ImportQuery, location="query")
    @bp.output(Import)
    @reads_types("text/csv", "application/json", schema=_BODY)
    def take_export(query_data: ImportQuery) -> Response:
        return _imported(service, crm, kind, query_data)


def _imported(service: Service, crm: str, kind: str, query: ImportQuery) -> Response:
    request.max_content_length = MAX_EXPORT
    now = service.clock()
    how = terms(service.settings.crm, now, zone=ZoneInfo(query.time_zone), as_history=query.recorded == "then")
    found = read_export(crm, kind, _rows(crm, kind), how)

    def work(log: Any) -> dict[str, Any]:
        done = append_export(found, log, now=now)
        rejects = [{"line": r.line, "column": r.column, "reason": r.reason} for r in done.rejects]
        return {
            "rows": done.read,
            "accepted": done.accepted,
            "known": done.known,
            "ignored": done.ignored,
            "rejected": len(rejects),
            "rejects": rejects[:SHOWN],
        }

    return once(service, work)


def _rows(crm: str, kind: str) -> Iterable[ExportRow | Reject]:
    where = f"{crm}/{kind}"
    if request.mimetype == "text/csv":
        return csv_rows(request.get_data(), where, needed=IDS[crm][kind])
    body = request.get_json()
    if not isinstance(body, list):
        raise invalid("json", {"body": [f"expected a list of objects, got {type(body).__name__}"]})
    return json_rows(body, where)
