"""GET /v1/handoffs."""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue, create_model

from serving.access import SECURITY, needs
from serving.handoffs.answer_views import takes_answers
from serving.handoffs.listing import list_handoffs
from serving.headers import json_answer
from serving.payloads import MAX_LIMIT, Cursor, Name, Strict, Time
from serving.service import Service


class HandoffsQuery(Strict):
    """Which handoffs."""

    since: Time | None = Field(None, description="opened at or after this time")
    owner: Name | None = Field(None, description="of this salesperson's leads, by the owner at that time")
    lead_id: Name | None = Field(None, description="of this lead, also those told of an id that was merged into it")
    cursor: Cursor | None = Field(None, description="`next_cursor` of the answer before")
    limit: int = Field(100, ge=1, le=MAX_LIMIT)


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Handoff(_Answer):
    """What was known when the purchase window opened."""

    handoff_id: str = Field(description="the event of the log, the same in webhooks")
    lead_id: str
    number: int = Field(ge=1, description="1 for the first opening of this lead")
    opened_at: str = Field(description="ISO 8601, UTC")
    closed_at: str | None
    closed_because: str | None = Field(description="purchased, lost, moved_away, no_call_expected, rejected, gone")
    held_out: bool = Field(description="in the random holdout: it was not handed over and nobody was told")
    holdout_share: float = Field(ge=0, le=1, description="the share of all leads that was held out then")
    answer: Literal["accepted", "rejected"] | None = Field(description="what sales said of it")
    answered_at: str | None
    answered_by: str | None
    reject_reason: str | None
    note: str | None
    as_of: str
    readiness: float = Field(ge=0, le=100)
    window_start: date
    window_end: date
    window_coverage: float = Field(ge=0, le=1)
    median_date: date
    call_on: date
    handoff_on: date | None = Field(None, description="from which on waiting costs more than a call")
    priority: float
    reasons: list[str]
    model_version: str
    owner: str | None
    source: str | None
    account_id: str | None
    value: JsonValue


def handoffs_model(horizons: tuple[int, ...]) -> type[BaseModel]:
    # Handoffs of the past keep the horizons that the model had then.
    chances: dict[str, Any] = {
        f"{kind}_{h}": (float | None, Field(None, ge=0, le=1)) for kind in ("p", "p_lost") for h in horizons
    }
    handoff = create_model("Handoff", __base__=_Handoff, __doc__=_Handoff.__doc__, **chances)
    return create_model(
        "Handoffs",
        __base__=_Answer,
        __doc__="Handoffs, the oldest first.",
        handoffs=(list[handoff], ...),
        holdout_share=(float, Field(ge=0, le=1, description="the share of all leads that is held out now")),
        next_cursor=(str | None, Field(description="ask with it for what follows; null: nothing follows yet")),
    )


def handoffs(service: Service) -> APIBlueprint:
    bp = APIBlueprint("handoffs", __name__, url_prefix="/v1", tag="Handoffs")

    @bp.get("/handoffs")
    @needs(service, "read")
    @bp.doc(responses=[401, 403, 429, 503], security=SECURITY, operation_id="handoffs")
    @bp.input(HandoffsQuery, location="query")
    @bp.output(handoffs_model(service.settings.horizons))
    def all_handoffs(query_data: HandoffsQuery) -> Response:
        """The moments at which purchase windows opened

        The oldest first. One for each opening: a window that closed may open again.
        """
        found = list_handoffs(
            service.store,
            after=query_data.cursor or 0,
            limit=query_data.limit + 1,
            since=query_data.since,
            owner=query_data.owner,
            lead_id=query_data.lead_id,
        )
        page = found[: query_data.limit]
        more = str(page[-1][0]) if len(found) > query_data.limit else None
        share = service.settings.handoff_holdout
        return json_answer({"handoffs": [handoff for _, handoff in page], "holdout_share": share, "next_cursor": more})

    takes_answers(bp, service)
    return bp
