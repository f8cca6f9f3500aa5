"""The HTTP API of the CRM under /v1: what it tells, and what it reads back."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, TypeAdapter, ValidationError, create_model

from features.errors import ErasedLead
from features.store.transaction import transaction
from serving.access import SECURITY, needs
from serving.audit.requests import concerns
from serving.crm import payloads, read, take
from serving.crm.idempotency import once, takes_key
from serving.crm.payloads import FeedQuery, LeadsQuery, ManyTaken, Page, Taken
from serving.etags import conditional
from serving.headers import json_answer
from serving.payloads import Name
from serving.problems import field_errors, invalid, problem
from serving.service import Service

READ = [304, 401, 403, 429, 503]
WRITE = [400, 401, 403, 410, 413, 415, 429, 503]
POSTED = [*WRITE, 409]

_name = TypeAdapter(Name)


def crm(service: Service) -> APIBlueprint:
    bp = APIBlueprint("crm", __name__, url_prefix="/v1", tag="CRM")
    _reading(bp, service)
    _telling(bp, service)
    _telling_many(bp, service)
    return bp


def _reading(bp: APIBlueprint, service: Service) -> None:
    reads = needs(service, "read")

    @bp.get("/leads")
    @reads
    @bp.doc(responses=READ, security=SECURITY, operation_id="list_leads")
    @bp.input(LeadsQuery, location="query")
    @bp.output(payloads.LeadPage)
    def list_leads(query_data: LeadsQuery) -> Response:
        """List leads as known now

        In the order of their ids. Go on with `next_cursor` until it is null; a page may hold fewer than `limit`.
        """
        answer = read.leads(service.store, query_data, service.clock())
        concerns(lead["lead_id"] for lead in answer["leads"])
        return conditional(answer)

    @bp.get("/leads/<lead_alone:lead_id>")
    @reads
    @bp.doc(responses=[*READ, 404, 410], security=SECURITY, operation_id="read_lead")
    @bp.input(payloads.NoQuery, location="query")
    @bp.output(payloads.Lead)
    def read_lead(lead_id: str, query_data: payloads.NoQuery) -> Response:  # noqa: ARG001 - it only refuses
        """Read a lead as known now"""
        _refuse_erased(service, lead_id)
        return conditional(read.lead(service.store, lead_id, service.clock()))

    @bp.get("/leads/<lead:lead_id>/events")
    @reads
    @bp.doc(responses=[*READ, 404, 410], security=SECURITY, operation_id="read_timeline")
    @bp.input(Page, location="query")
    @bp.output(payloads.Timeline)
    def read_timeline(lead_id: str, query_data: Page) -> Response:
        """Read what happened to a lead, the latest first"""
        _refuse_erased(service, lead_id)
        answer = read.timeline(service.store, lead_id, query_data)
        # the cursor tells up to where the log was read: another one goes on in the same place
        return conditional(answer, over=answer["events"])

    @bp.get("/calls")
    @reads
    @bp.doc(responses=READ, security=SECURITY, operation_id="list_calls")
    @bp.input(FeedQuery, location="query")
    @bp.output(create_model("CallsPage", **payloads.feed_model("calls")))
    def list_calls(query_data: FeedQuery) -> Response:
        """List sales calls as they were recorded, the first one first

        Ask again with `next_cursor`, also later: it goes on with what was recorded since.
        """
        return _feed(service, "calls", query_data)

    @bp.get("/outcomes")
    @reads
    @bp.doc(responses=READ, security=SECURITY, operation_id="list_outcomes")
    @bp.input(FeedQuery, location="query")
    @bp.output(create_model("OutcomesPage", **payloads.feed_model("outcomes")))
    def list_outcomes(query_data: FeedQuery) -> Response:
        """List outcomes as they were recorded, the first one first

        Ask again with `next_cursor`, also later: it goes on with what was recorded since.
        """
        return _feed(service, "outcomes", query_data)


def _telling(bp: APIBlueprint, service: Service) -> None:
    writes, idempotent = needs(service, "write"), takes_key(bp)

    @bp.post("/leads/<lead:lead_id>/outcome")
    @writes
    @bp.doc(responses=POSTED, security=SECURITY, operation_id="tell_outcome")
    @idempotent
    @bp.input(payloads.Outcome)
    @bp.output(Taken)
    def tell_outcome(lead_id: str, json_data: payloads.Outcome) -> Response:
        """Tell how a lead ended

        A lead ends once: another ending than the known one is 422. The same again may bring more, such as the
        satisfaction.
        """
        return _told(service, lead_id, json_data)

    @bp.post("/leads/<lead:lead_id>/calls")
    @writes
    @bp.doc(responses=POSTED, security=SECURITY, operation_id="tell_call")
    @idempotent
    @bp.input(payloads.Call)
    @bp.output(Taken)
    def tell_call(lead_id: str, json_data: payloads.Call) -> Response:
        """Tell of a sales call, and whether it came at the right time"""
        return _told(service, lead_id, json_data)

    @bp.put("/leads/<lead:lead_id>/owner")
    @writes
    @bp.doc(responses=WRITE, security=SECURITY, operation_id="put_owner")
    @bp.input(payloads.Owner)
    @bp.output(Taken)
    def put_owner(lead_id: str, json_data: payloads.Owner) -> Response:
        """Give a lead to a salesperson"""
        return _put(service, lead_id, json_data)

    @bp.put("/leads/<lead_alone:lead_id>")
    @writes
    @bp.doc(responses=WRITE, security=SECURITY, operation_id="put_lead")
    @bp.input(payloads.Traits)
    @bp.output(Taken)
    def put_lead(lead_id: str, json_data: payloads.Traits) -> Response:
        """Tell what is known of a lead

        What is absent stays as it was. Only what is new is added to the log, as known from now on.
        """
        return _put(service, lead_id, json_data)


def _telling_many(bp: APIBlueprint, service: Service) -> None:
    writes, idempotent = needs(service, "write"), takes_key(bp)

    @bp.post("/outcomes")
    @writes
    @bp.doc(responses=POSTED, security=SECURITY, operation_id="tell_outcomes")
    @idempotent
    @bp.input(payloads.Outcomes)
    @bp.output(ManyTaken)
    def tell_outcomes(json_data: payloads.Outcomes) -> Response:
        """Tell how many leads ended

        Each is judged by itself: a rejected one says why and does not keep the others from being stored.
        """
        return _told_many(service, json_data.outcomes, payloads.LeadOutcome)

    @bp.post("/calls")
    @writes
    @bp.doc(responses=POSTED, security=SECURITY, operation_id="tell_calls")
    @idempotent
    @bp.input(payloads.Calls)
    @bp.output(ManyTaken)
    def tell_calls(json_data: payloads.Calls) -> Response:
        """Tell of many sales calls

        Each is judged by itself: a rejected one says why and does not keep the others from being stored.
        """
        return _told_many(service, json_data.calls, payloads.LeadCall)

    @bp.post("/leads")
    @writes
    @bp.doc(responses=POSTED, security=SECURITY, operation_id="tell_leads")
    @idempotent
    @bp.input(payloads.Leads)
    @bp.output(ManyTaken)
    def tell_leads(json_data: payloads.Leads) -> Response:
        """Tell what is known of many leads

        Each is judged by itself: a rejected one says why and does not keep the others from being stored.
        """
        return _told_many(service, json_data.leads, payloads.LeadRow)


def _feed(service: Service, name: str, query: FeedQuery) -> Response:
    answer = read.feed(service.store, name, query)
    concerns(entry["lead_id"] for entry in answer[name])
    return conditional(answer)


def _told(service: Service, lead_id: str, said: BaseModel) -> Response:
    name = _not_erased(service, lead_id)
    return once(service, lambda log: _whole(take.one(log, name, said, service.clock())))


def _put(service: Service, lead_id: str, said: BaseModel) -> Response:
    name = _not_erased(service, lead_id)
    with transaction(service.store) as log:
        answer = _whole(take.one(log, name, said, service.clock()))
    return json_answer(answer)


def _told_many(service: Service, items: list[dict[str, Any]], model: type[BaseModel]) -> Response:
    concerns(lead for item in items if isinstance(lead := item.get("lead_id"), str))
    return once(service, lambda log: take.many(log, items, model, service.clock()))


def _not_erased(service: Service, lead_id: str) -> str:
    try:
        name = _name.validate_python(lead_id)
    except ValidationError as error:
        raise invalid("path", {"lead_id": field_errors(error)["body"]}) from None
    _refuse_erased(service, name)
    return name


def _refuse_erased(service: Service, lead_id: str) -> None:
    gone = service.erasures.of([lead_id])
    if gone:
        raise ErasedLead(lead_id, gone[lead_id])


def _whole(result: dict[str, Any]) -> dict[str, Any]:
    """One thing that is rejected is an error."""
    if result["status"] == "rejected":
        raise problem(422, str(result["reason"]), code="invalid", detail={"json": {"body": [result["reason"]]}})
    return result
