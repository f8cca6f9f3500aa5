"""The audiences as a page: sizes for everybody who signed in, files for those who did so with a key of scope admin."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response, g, render_template, request
from pydantic import ValidationError

from serving.access import signed_in
from serving.audiences import members
from serving.audiences.api import cursor_after, given_out
from serving.audiences.payloads import AudienceQuery, Name
from serving.audit.log import MAX_NAMED
from serving.measurement.inputs import Inputs
from serving.problems import field_errors, invalid, problem
from serving.service import Service


def audience_pages(service: Service, inputs: Inputs) -> APIBlueprint:
    bp = APIBlueprint("audience_pages", __name__, enable_openapi=False)

    @bp.get("/audiences")
    @signed_in(service)
    def overview() -> str:
        data = inputs.journeys(service.clock())
        files = g.key.allows("admin")
        rows = []
        for name in members.NAMES:
            ids = members.members(name, data, service)
            parts = _parts(name, ids) if files and ids else []
            size = None if ids is None else len(ids)
            rows.append({"name": name, "about": members.DESCRIPTIONS[name], "size": size, "parts": parts})
        return render_template("audiences.html", audiences=rows, files=files, part=MAX_NAMED)

    @bp.get("/audiences/<audience>")
    @signed_in(service)
    def download(audience: str) -> Response:
        if not g.key.allows("admin"):
            raise problem(403, "expected a session opened with a key of scope admin; sign in with such a key")
        try:
            query = AudienceQuery.model_validate({"format": "csv", **request.args})
        except ValidationError as error:
            raise invalid("query", field_errors(error)) from None
        return given_out(service, inputs, audience, query)

    return bp


def _parts(name: Name, ids: list[str]) -> list[dict[str, Any]]:
    """The addresses of the files, each with as many leads as one entry of the audit log names."""
    ends = [ids[i - 1] for i in range(MAX_NAMED, len(ids), MAX_NAMED)]
    return [{}, *({"cursor": cursor_after(name, AudienceQuery(), lead_id)} for lead_id in ends)]
