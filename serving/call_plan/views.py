"""GET /v1/call-plan, as JSON or CSV."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from features.events import to_datetime
from serving.access import SECURITY, needs
from serving.audit.requests import concerns
from serving.call_plan.assemble import call_plan
from serving.call_plan.closed_days import closed_days
from serving.headers import json_answer
from serving.measurement.tables import csv_answer, flat
from serving.payloads import Name, Strict
from serving.service import Service


class CallPlanQuery(Strict):
    """Whose, and for how long."""

    owner: Name | None = Field(None, description="only the leads of this salesperson")
    days: int = Field(5, ge=1, le=15, description="working days that are planned")
    format: Literal["json", "csv"] = Field("json", description="csv: the leads alone, as a file")


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PlannedLead(_Answer):
    """A lead and the day on which to call it."""

    lead_id: str
    owner: str | None
    value: JsonValue
    readiness: float | None = Field(ge=0, le=100)
    call_on: date | None = Field(description="the date of least expected cost")
    handoff_on: date | None = Field(description="the best day by what waiting costs, were there no other leads")
    reasons: list[str]
    planned_on: date | None = Field(description="the day in the plan; null: not within these days")
    state: Literal["overdue", "due_today", "coming", "no_call", "called", "held_out"] = Field(
        description="overdue: the window opened on a day before and no call was made since; called: the buyer was "
        "reached, sales is at it; held_out: in the random holdout, not to be called. The last two are never planned"
    )
    due: date | None = Field(description="the date that was or is to be kept; null: called, held out, or no call")
    cost_of_delay: float = Field(description="expected loss if the call is not made on the planned day but later")
    called_today: bool
    best_weekday: int = Field(ge=0, le=6, description="0 is Monday; by when it has reacted, shrunk to all leads")
    best_hour: int = Field(ge=0, le=23, description="the hour that begins then, in `timezone`")
    timezone: str = Field(description="of the working day of the lead's salesperson")
    reactions: int = Field(ge=0, description="of this lead, on which hour and weekday rest")


class CallPlan(_Answer):
    """The calls of the coming working days, with the least expected loss that the capacities allow."""

    as_of: str
    model_version: str
    days: list[date] = Field(description="on which any of the salespeople works")
    capacities: dict[str, int] = Field(description="calls a working day of each salesperson")
    total: int = Field(description="open leads that match; the 500 most urgent that may be called are planned")
    leads: list[PlannedLead]


RESPONSES: dict[int, Any] = {
    200: {"content": {"text/csv": {"schema": {"type": "string", "description": "the leads, under a header"}}}},
    401: "Unauthorized",
    403: "Forbidden",
    429: "Too Many Requests",
    503: "Service Unavailable",
}


def call_plans(service: Service) -> APIBlueprint:
    """InputError where the holidays of the country in the settings are not known: at the start, not at a request."""
    year, sales = to_datetime(service.clock()).year, service.settings.sales
    closed_days(sales, range(year, year + 1))
    for name in sales.people:
        closed_days(sales.of(name), range(year, year + 1), where=f'sales.people."{name}"')
    bp = APIBlueprint("call_plan", __name__, url_prefix="/v1", tag="Call plan")

    @bp.get("/call-plan")
    @needs(service, "read")
    @bp.doc(responses=RESPONSES, security=SECURITY, operation_id="call_plan")
    @bp.input(CallPlanQuery, location="query")
    @bp.output(CallPlan)
    def plan_calls(query_data: CallPlanQuery) -> Response:
        """Whom to call on which day

        By what waiting costs, not by readiness: who loses least by waiting gives way. Capacity, working days and
        holidays are in leadtime.toml under `[sales]` and, for one salesperson, `[sales.people."NAME"]`.
        """
        answer = call_plan(service, query_data.owner, query_data.days, service.clock())
        concerns(lead["lead_id"] for lead in answer["leads"])
        return json_answer(answer) if query_data.format == "json" else as_csv(answer)

    return bp


def as_csv(answer: dict[str, Any]) -> Response:
    """The leads of a plan as a file; reasons in one cell."""
    return csv_answer("call-plan", list(PlannedLead.model_fields), [flat(lead) for lead in answer["leads"]])
