"""The HTTP API under /v1, and what a load balancer asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

import sqlalchemy.exc
from apiflask import APIBlueprint
from flask import Response, g
from pydantic import BaseModel

from features.errors import ModelUnavailable, StoreUnavailable
from features.events import to_iso
from features.store.migrate import require_current
from serving import scoring
from serving.access import SECURITY, needs
from serving.answers import Health, Readiness, call_list_model, score_model, scores_model
from serving.audit.requests import concerns
from serving.checks import faults
from serving.etags import answered, as_shown, conditional
from serving.headers import json_answer
from serving.measurement.tables import csv_answer, flat
from serving.payloads import MAX_LEAD_IDS, CallListQuery, ScoreQuery, ScoreRequest, ScoresQuery, ScoresRequest
from serving.problems import invalid, problem
from serving.registry import Registry
from serving.service import Service

_KEY = [401, 403, 429]
_CALL_LIST: dict[int, Any] = {
    200: {"content": {"text/csv": {"schema": {"type": "string", "description": "the leads, under a header"}}}},
    304: "Not Modified",
    401: "Unauthorized",
    403: "Forbidden",
    429: "Too Many Requests",
    503: "Service Unavailable",
}


def api(service: Service) -> APIBlueprint:
    """Every answer names the model version; without a model they are 503."""
    bp = APIBlueprint("api", __name__, url_prefix="/v1", tag="Scores")
    read = needs(service, "read")
    score: type[BaseModel] = score_model(service.settings.horizons)
    scores = scores_model(score)
    listed = call_list_model(score)

    @bp.get("/leads/<lead:lead_id>/score")
    @read
    @bp.doc(responses=[304, *_KEY, 404, 503], security=SECURITY, operation_id="score_lead")
    @bp.input(ScoreQuery, location="query")
    @bp.output(score)
    def score_lead(lead_id: str, query_data: ScoreQuery) -> Response:
        """Score a stored lead

        As of now, or as of a past time with the data that was recorded by then. As of now `as_of` tells when the score
        was computed: when something happened that it rests on, or else earlier on the same day (UTC). A lead that has
        ended, or of which nothing was known at that time, says so in `status` and `reason`.
        """
        as_of = service.moment(query_data.as_of)
        served = service.models.current()

        def compute() -> scoring.Answer:
            return scoring.score_stored(service.store, lead_id, as_of, served, curve=query_data.curve)

        if query_data.as_of is not None:
            score = compute()
            return conditional(score, over=as_shown(score))
        kept = service.kept_scores
        return answered(kept.read(lead_id, as_of, served.key, compute, curve=query_data.curve, version=g.version))

    @bp.get("/scores")
    @read
    @bp.doc(responses=[304, *_KEY, 503], security=SECURITY, operation_id="score_leads")
    @bp.input(ScoresQuery, location="query")
    @bp.output(scores)
    def score_leads(query_data: ScoresQuery) -> Response:
        """Score many stored leads

        In the order asked about, each once; an unknown lead has the status `unknown`.
        """
        lead_ids = list(dict.fromkeys(part.strip() for part in query_data.lead_ids.split(",") if part.strip()))
        if not 1 <= len(lead_ids) <= MAX_LEAD_IDS:
            got = f"expected 1 to {MAX_LEAD_IDS} lead ids, got {len(lead_ids)}"
            raise invalid("query", {"lead_ids": [got]})
        concerns(lead_ids)
        as_of = service.moment(query_data.as_of)
        served = service.models.current()
        found = scoring.score_many_stored(service.store, lead_ids, as_of, served, curve=query_data.curve)
        return conditional({"scores": found}, over=as_shown(found))

    @bp.post("/score")
    @read
    @bp.doc(responses=[400, *_KEY, 413, 415, 503], security=SECURITY, operation_id="score_history")
    @bp.input(ScoreRequest)
    @bp.output(score)
    def score_history(json_data: ScoreRequest) -> Response:
        """Score a posted history

        Nothing is stored. Fields and rules are those of the tables `leads` and `events`. Engagement of colleagues
        of the same account is known of stored leads only.
        """
        as_of = service.moment(json_data.as_of, "json")
        wrong = faults(json_data, service.clock())
        if wrong:
            raise invalid("json", wrong)
        served = service.models.current()
        return json_answer(scoring.score_posted([json_data], as_of, served, curve=json_data.curve)[0])

    @bp.post("/scores")
    @read
    @bp.doc(responses=[400, *_KEY, 413, 415, 503], security=SECURITY, operation_id="score_histories")
    @bp.input(ScoresRequest)
    @bp.output(scores)
    def score_histories(json_data: ScoresRequest) -> Response:
        """Score many posted histories

        One score for each history, in order, the same as if it had been posted alone. One that cannot be used has
        the status `invalid` and says why in `error`; the others are scored.
        """
        as_of = service.moment(json_data.as_of, "json")
        served = service.models.current()
        found = scoring.score_each(json_data.histories, as_of, service.clock(), served, curve=json_data.curve)
        return json_answer({"scores": found})

    @bp.get("/call-list")
    @read
    @bp.doc(responses=_CALL_LIST, security=SECURITY, operation_id="call_list")
    @bp.input(CallListQuery, location="query")
    @bp.output(listed)
    def call_list(query_data: CallListQuery) -> Response:
        """The ranked call list

        Open leads, the highest `priority` first. As of now it may be some seconds behind the log: `as_of` tells by
        when all was recorded that is in it. The `as_of` of a lead tells when its score was computed: when something
        happened to it, or else earlier on the same day (UTC).
        """
        as_of = None if query_data.as_of is None else service.moment(query_data.as_of)
        found = service.call_list.read(query_data.owner, query_data.limit, as_of=as_of)
        concerns(lead["lead_id"] for lead in found.leads)
        answer = {
            "as_of": to_iso(found.as_of),
            "model_version": found.model_version,
            "total": found.total,
            "leads": found.leads,
        }
        csv = query_data.format == "csv"
        return _as_csv(listed, found.leads) if csv else conditional(answer, over=as_shown(answer))

    return bp


def _as_csv(listed: type[BaseModel], leads: Sequence[scoring.Answer]) -> Response:
    """The leads of the call list as a file, without what no lead on it has."""
    given = get_args(listed.model_fields["leads"].annotation)[0].model_fields
    columns = [name for name in given if name not in ("curve", "error", "merged_into")]
    return csv_answer("call-list", columns, [flat({name: lead.get(name) for name in columns}) for lead in leads])


def health(service: Service) -> APIBlueprint:
    """Answered without a key: they tell nothing but whether the service works."""
    bp = APIBlueprint("health", __name__, tag="Health")

    @bp.get("/healthz")
    @bp.doc(operation_id="health")
    @bp.output(Health)
    def healthz() -> Response:
        """The process is alive"""
        return json_answer({"status": "ok"})

    @bp.get("/readyz")
    @bp.doc(responses=[503], operation_id="readiness")
    @bp.output(Readiness)
    def readyz() -> Response:
        """Database, schema and model are there

        Else 503, with the reason for each under `detail.checks`.
        """
        checks = {"database": _database(service), "model": _model(service)}
        wrong = [f"{name}: {text}" for name, text in checks.items() if not text.startswith("ok")]
        if wrong:
            raise problem(503, "; ".join(wrong), code="not_ready", detail={"checks": checks})
        return json_answer({"status": "ready", "checks": checks})

    return bp


def _database(service: Service) -> str:
    try:
        with service.store.reading() as connection:
            require_current(connection)
    except StoreUnavailable as error:
        return str(error)
    except sqlalchemy.exc.SQLAlchemyError as error:
        return f"cannot be reached ({type(error).__name__})"
    return "ok"


def _model(service: Service) -> str:
    try:
        served = service.models.current()
    except ModelUnavailable as error:
        return str(error)
    said = f"ok, version {served.version} (number {served.registered} in the registry)"
    refused = service.models.refused if isinstance(service.models, Registry) else None
    return said if refused is None else f"{said}; a newer one is refused: {refused}"
