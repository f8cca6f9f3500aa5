"""GET /v1/leads/{lead_id}/dossier."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response

from serving.access import SECURITY, needs
from serving.answers import score_model
from serving.audit.requests import concerns
from serving.dossier.assemble import Dossiers, named
from serving.dossier.known import Answer
from serving.dossier.payloads import DossierQuery, dossier_model
from serving.etags import as_shown, conditional
from serving.service import Service


def dossier(service: Service, dossiers: Dossiers) -> APIBlueprint:
    bp = APIBlueprint("dossier", __name__, url_prefix="/v1", tag="Dossier")

    @bp.get("/leads/<lead:lead_id>/dossier")
    @needs(service, "read")
    @bp.doc(responses=[304, 401, 403, 404, 410, 429, 503], security=SECURITY, operation_id="lead_dossier")
    @bp.input(DossierQuery, location="query")
    @bp.output(dossier_model(score_model(service.settings.horizons)))
    def lead_dossier(lead_id: str, query_data: DossierQuery) -> Response:
        """All that is known about a lead

        For the salesperson who is to call it: score, handoff, deadline, what it read and asked, its journey, earlier
        calls, colleagues of the account, and won deals that went the same way. As of now, or exactly as it was known
        at a past time.
        """
        as_of = service.moment(query_data.as_of)
        answer = dossiers.of(lead_id, as_of, service.models.current())
        concerns(named(answer))
        return conditional(answer, over=_as_read(answer))

    return bp


def _as_read(answer: Answer) -> Answer:
    """What people see of it: a score as of now differs with every second in digits that nobody looks at.

    Its dates, words and readiness say what there is to say; chances and costs follow them.
    """
    shown = as_shown(answer)
    score = {name: value for name, value in shown["score"].items() if not isinstance(value, float)}
    readiness = answer["score"]["readiness"]
    score["readiness"] = None if readiness is None else round(readiness)
    return {**shown, "score": score, "read": [{**row, "weight": None} for row in shown["read"]]}
