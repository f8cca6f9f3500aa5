"""GET /v1/audiences: groups of leads for marketing, as JSON or CSV."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any

from apiflask import APIBlueprint
from flask import Response

from features.events import to_iso
from serving.access import SECURITY, needs
from serving.audiences import members
from serving.audiences.payloads import AudiencePage, AudienceQuery, Audiences, Name
from serving.audit.requests import concerns
from serving.crm import cursors
from serving.headers import json_answer
from serving.measurement.inputs import Inputs
from serving.measurement.tables import to_csv
from serving.problems import invalid, problem
from serving.service import Service

NEXT = "X-Next-Cursor"
RESPONSES: dict[int, Any] = {
    200: {
        "content": {"text/csv": {"schema": {"type": "string", "description": "a column for each trait, a header"}}},
        "headers": {
            NEXT: {"schema": {"type": "string"}, "description": "the cursor of the next page, if there is one"}
        },
    },
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    429: "Too Many Requests",
    503: "Service Unavailable",
}


def audiences(service: Service, inputs: Inputs) -> APIBlueprint:
    bp = APIBlueprint("audiences", __name__, url_prefix="/v1/audiences", tag="Audiences")

    @bp.get("")
    @needs(service, "admin")
    @bp.doc(responses=[401, 403, 429, 503], security=SECURITY, operation_id="audiences")
    @bp.output(Audiences)
    def list_audiences() -> Response:
        """The audiences there are, what each is for, and how many leads are in it"""
        return json_answer(overview(service, inputs))

    @bp.get("/<audience>")
    @needs(service, "admin")
    @bp.doc(responses=RESPONSES, security=SECURITY, operation_id="audience")
    @bp.input(AudienceQuery, location="query")
    @bp.output(AudiencePage)
    def one_audience(audience: str, query_data: AudienceQuery) -> Response:
        """The leads of one audience, a page at a time

        Every lead on a page is named in the audit log.
        """
        return given_out(service, inputs, audience, query_data)

    return bp


def given_out(service: Service, inputs: Inputs, audience: str, query: AudienceQuery) -> Response:
    """One page of leads, each of them on record as given out."""
    answer = page(service, inputs, _known(audience), query)
    concerns(lead["lead_id"] for lead in answer["leads"])
    if query.format == "json":
        return json_answer(answer)
    columns, rows = members.table(answer["leads"], service.settings.measurement.audience_traits)
    response = Response(to_csv(columns, rows), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{audience}.csv"'
    if answer["next_cursor"] is not None:
        response.headers[NEXT] = answer["next_cursor"]
    return response


def overview(service: Service, inputs: Inputs) -> dict[str, Any]:
    data = inputs.journeys(service.clock())
    found = {name: members.members(name, data, service) for name in members.NAMES}
    return {
        "as_of": to_iso(data.known_by),
        "audiences": [
            {"name": name, "description": members.DESCRIPTIONS[name], "size": None if ids is None else len(ids)}
            for name, ids in found.items()
        ],
    }


def page(service: Service, inputs: Inputs, name: Name, query: AudienceQuery) -> dict[str, Any]:
    if query.days is not None and name != "ripening":
        raise invalid("query", {"days": [f"expected only for the audience ripening, got it for {name}. Leave it out"]})
    place = cursors.read("audience", _question(name, query), query.cursor)
    data = inputs.journeys(service.clock())
    ids = members.members(name, data, service, query.days)
    if ids is None:
        raise problem(
            503, "expected scores of the open leads, there are none yet; train a model, or ask again when it has scored"
        )
    begin = 0 if place is None else bisect_right(ids, str(place[0]))
    shown = ids[begin : begin + query.limit]
    more = begin + len(shown) < len(ids)
    return {
        "name": name,
        "description": members.DESCRIPTIONS[name],
        "as_of": to_iso(data.known_by),
        "size": len(ids),
        "leads": members.rows(shown, data, service, hashed=query.hashed),
        "next_cursor": cursor_after(name, query, shown[-1]) if more else None,
    }


def cursor_after(name: Name, query: AudienceQuery, lead_id: str) -> str:
    return cursors.write("audience", _question(name, query), [lead_id])


def _question(name: Name, query: AudienceQuery) -> list[Any]:
    return [name, query.days, query.hashed]


def _known(name: str) -> Name:
    found = next((one for one in members.NAMES if one == name), None)
    if found is None:
        raise problem(404, f"expected an audience ({', '.join(members.NAMES)}), got {name[:80]!r}")
    return found
