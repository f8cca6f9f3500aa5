"""The call plan as a page for people who signed in: whom to call on which of the coming days."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any

from apiflask import APIBlueprint
from flask import render_template, request
from flask.typing import ResponseReturnValue
from pydantic import ValidationError

from features.errors import ModelUnavailable
from serving.access import signed_in
from serving.audit.requests import concerns
from serving.call_plan.assemble import call_plan
from serving.call_plan.standing import CALLED, COMING, DUE, HELD_OUT, NO_CALL, OVERDUE
from serving.call_plan.views import CallPlanQuery, as_csv
from serving.problems import field_errors, invalid
from serving.service import Service

Answer = dict[str, Any]
# What a state is called on the page, and the class of its badge.
STATES = {
    OVERDUE: ("overdue", "overdue"),
    DUE: ("due today", "today"),
    COMING: ("coming", "soon"),
    NO_CALL: ("no call yet", "later"),
    CALLED: ("called", "later"),
    HELD_OUT: ("held out", "later"),
}
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def call_plan_pages(service: Service) -> APIBlueprint:
    bp = APIBlueprint("call_plan_pages", __name__, enable_openapi=False)

    @bp.get("/call-plan")
    @signed_in(service)
    def plan() -> ResponseReturnValue:
        query = _query()
        try:
            answer = call_plan(service, query.owner, query.days, service.clock())
        except ModelUnavailable as error:
            return render_template("no_model.html", reason=str(error), n_leads=len(service.store.lead_ids()))
        concerns(lead["lead_id"] for lead in answer["leads"])
        if query.format == "csv":
            return as_csv(answer)
        states = Counter(lead["state"] for lead in answer["leads"])
        waiting = [lead for lead in answer["leads"] if lead["planned_on"] is None and lead["state"] in (OVERDUE, DUE)]
        return render_template(
            "call_plan.html",
            plan=answer,
            days=[_day(day, answer) for day in answer["days"]],
            waiting=[_shown(lead) for lead in waiting],
            counts=[(label, css, states[state]) for state, (label, css) in STATES.items()],
            not_planned=sum(
                lead["planned_on"] is None and lead["state"] in (COMING, NO_CALL) for lead in answer["leads"]
            ),
            states=states,
            owners=service.call_list.read(None, 1, summary=True).owners,
            owner=query.owner or "",
            n_days=query.days,
            timezones=sorted({lead["timezone"] for lead in answer["leads"]} or {service.settings.sales.timezone}),
            given={name: value for name, value in request.args.items() if value.strip() and name != "format"},
        )

    return bp


def _query() -> CallPlanQuery:
    """From the address; a field of the form that was left empty is absent."""
    try:
        return CallPlanQuery.model_validate({name: value for name, value in request.args.items() if value.strip()})
    except ValidationError as error:
        raise invalid("query", field_errors(error)) from None


def _day(day: str, answer: Answer) -> Answer:
    """A working day: its calls, and how much of each salesperson's room they take."""
    leads = [_shown(lead) for lead in answer["leads"] if lead["planned_on"] == day]
    taken = Counter(lead["owner"] for lead in leads if lead["owner"])
    room = [f"{name} {taken[name]} of {capacity}" for name, capacity in answer["capacities"].items() if taken[name]]
    return {"day": day, "weekday": _WEEKDAYS[date.fromisoformat(day).weekday()], "leads": leads, "room": room}


def _shown(lead: Mapping[str, Any]) -> Answer:
    label, css = STATES[lead["state"]]
    hour = lead["best_hour"]
    return {
        **lead,
        "label": "called today" if lead["called_today"] else label,
        "css": "later" if lead["called_today"] else css,
        "best": f"{_WEEKDAYS[lead['best_weekday']][:3]}, {hour}\N{EN DASH}{hour + 1} h",
    }
