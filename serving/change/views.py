"""GET /v1/leads/{lead_id}/change."""

from __future__ import annotations

from datetime import date
from typing import Literal

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, ConfigDict, Field

from features.events import DAY, to_iso
from serving.access import SECURITY, needs
from serving.change.compare import compare
from serving.headers import json_answer
from serving.payloads import Strict, Time
from serving.problems import invalid
from serving.service import Service


class ChangeQuery(Strict):
    """Since when."""

    since: Time | None = Field(None, description="a moment in the past; a day ago if not given")


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ScoredState(_Answer):
    """The score at one end. ``best_day``: to call on if there is a call at all; ``call_on``: null where none is worth
    it.
    """

    as_of: str
    readiness: float = Field(ge=0, le=100)
    best_day: date
    call_on: date | None
    model_version: str


class Difference(_Answer):
    """``days``: above 0, the best day has moved away."""

    readiness: float = Field(ge=-100, le=100)
    days: int


class ChangePart(Difference):
    """What one cause did, the causes before it being up to date."""

    part: Literal["time", "events", "model"]
    text: str


class NewEvent(_Answer):
    """An event that was not known before."""

    type: str
    channel: str | None
    occurred_at: str


class Change(_Answer):
    """Parts in their order; in sum they are the change."""

    lead_id: str
    since: str
    as_of: str
    comparable: bool = Field(description="false: there was no score at one of the two moments, and `reason` says why")
    reason: str | None
    before: ScoredState | None
    now: ScoredState | None
    change: Difference | None
    parts: list[ChangePart]
    events: list[NewEvent] = Field(description="the latest 50 new events of the lead, the latest first")
    new_events: int = Field(ge=0)


def change(service: Service) -> APIBlueprint:
    bp = APIBlueprint("change", __name__, url_prefix="/v1", tag="Changes")

    @bp.get("/leads/<lead:lead_id>/change")
    @needs(service, "read")
    @bp.doc(responses=[401, 403, 404, 429, 503], security=SECURITY, operation_id="lead_change")
    @bp.input(ChangeQuery, location="query")
    @bp.output(Change)
    def lead_change(lead_id: str, query_data: ChangeQuery) -> Response:
        """What changed about a lead

        Readiness and date then and now, and what time, new events and a new model did to them. The parts add up to the
        change.
        """
        now = service.clock()
        since = now - DAY if query_data.since is None else query_data.since
        if since >= now:
            raise invalid("query", {"since": [f"expected a time before now, {to_iso(now)}, got {to_iso(since)}"]})
        return json_answer(compare(service.store, service.models, lead_id, since, now))

    return bp
