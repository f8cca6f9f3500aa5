"""What a CRM may send, and what it is answered."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, WithJsonSchema

from features.business_settings import Disposition
from features.events import EARLIEST, parse_time
from features.sources.cells import Moment
from serving.payloads import Name, Properties, Strict, Time

MAX_ITEMS = 1_000  # of one request
MAX_PAGE = 500
MAX_NOTE = 2_000  # characters

_DAY_LENGTH = len("2026-03-01")


def _moment(value: Any) -> Moment:
    if not isinstance(value, str):
        raise ValueError(f"expected an ISO 8601 date or time such as 2026-03-01T09:30:00Z, got {value!r}")
    moment = Moment(parse_time(value, where=""), day=len(value.strip()) == _DAY_LENGTH)
    if moment.at < EARLIEST:
        raise ValueError(f"expected a time from 1900 on, got {value!r}")
    return moment


# A date alone is the first moment of that day, and for an ending on the day of creation the moment of creation.
When = Annotated[
    Moment,
    BeforeValidator(_moment),
    WithJsonSchema(
        {"type": "string", "description": "ISO 8601; no zone means UTC", "examples": ["2026-03-01T09:30:00Z"]}
    ),
]
_Text = Annotated[str, Field(max_length=MAX_NOTE, json_schema_extra={"pattern": r"^[^\u0000]*$"})]


class Outcome(Strict):
    """How a lead ended. The same ending again may bring what was not known before, such as the satisfaction."""

    outcome: Literal["purchased", "lost"]
    at: When
    value: float | None = Field(None, ge=0, allow_inf_nan=False, strict=True)
    reason: Name | None = None
    owner: Name | None = None
    satisfaction: float | None = Field(None, ge=0, le=10, allow_inf_nan=False, strict=True)


class LeadOutcome(Outcome):
    lead_id: Name


class Call(Strict):
    """A sales call. Without ``event_id`` equal calls are one."""

    event_id: Name | None = Field(None, description="your id of the call: sent again, it is not counted again")
    at: When
    disposition: Disposition
    minutes: float | None = Field(None, ge=0, allow_inf_nan=False, strict=True)
    owner: Name | None = None
    note: _Text | None = None


class LeadCall(Call):
    lead_id: Name


class Owner(Strict):
    owner: Name


class Traits(Strict):
    """What is known of a lead from now on; what is absent stays as it was."""

    created_at: Time | None = Field(None, description="when the lead came; only of a lead that is new")
    account_id: Name | None = None
    source: Name | None = None
    owner: Name | None = None
    value: float | None = Field(None, ge=0, allow_inf_nan=False, strict=True)
    need_by: Time | None = Field(None, description="the date by which the lead says it needs the product")
    attributes: Properties = Field(default_factory=dict, description="any other traits")


class LeadRow(Traits):
    lead_id: Name


Items = Annotated[list[dict[str, Any]], Field(min_length=1, max_length=MAX_ITEMS)]


class Outcomes(Strict):
    outcomes: Items = Field(description="each as in POST /v1/leads/{lead_id}/outcome, with its `lead_id`")


class Calls(Strict):
    calls: Items = Field(description="each as in POST /v1/leads/{lead_id}/calls, with its `lead_id`")


class Leads(Strict):
    leads: Items = Field(description="each as in PUT /v1/leads/{lead_id}, with its `lead_id`")


class Taken(BaseModel):
    """What became of one item. ``duplicate``: known already, nothing was added."""

    model_config = ConfigDict(extra="forbid")

    lead_id: str | None
    status: Literal["accepted", "duplicate", "rejected"]
    event_ids: list[str] = Field(description="of the log, for what was accepted or known")
    reason: str | None = Field(description="why it was rejected")


class ManyTaken(BaseModel):
    """One answer for each item, in order. Rejected ones do not keep the others from being stored."""

    model_config = ConfigDict(extra="forbid")

    accepted: int
    duplicate: int
    rejected: int
    items: list[Taken]


class NoQuery(Strict):
    pass


class Page(Strict):
    cursor: str | None = Field(None, max_length=2_000, description="next_cursor of the page before")
    limit: int = Field(100, ge=1, le=MAX_PAGE)


class LeadsQuery(Page):
    owner: Name | None = None
    account: Name | None = Field(None, description="leads that have this account_id now")
    status: Literal["open", "purchased", "lost"] | None = None


class FeedQuery(Page):
    since: Time | None = Field(None, description="only what was recorded at this time or later")


class Lead(BaseModel):
    """A lead as known now."""

    model_config = ConfigDict(extra="forbid")

    lead_id: str
    status: Literal["open", "purchased", "lost"]
    ended_at: str | None
    owner: str | None
    source: str | None
    account_id: str | None
    value: JsonValue
    need_by: str | None = Field(description="the date it declared last")
    first_seen: str
    last_event: str = Field(description="when the latest event occurred")
    traits: dict[str, JsonValue] = Field(description="all that was told of it")


class LeadPage(BaseModel):
    """Leads in the order of their ids. A page may hold fewer than `limit`: the walk ends where next_cursor is null."""

    model_config = ConfigDict(extra="forbid")

    leads: list[Lead]
    next_cursor: str | None


class TimelineEvent(BaseModel):
    model_config = ConfigDict(extra="forbid")

    event_id: str
    type: str
    occurred_at: str
    recorded_at: str
    channel: str | None
    campaign: str | None
    bot: bool
    properties: dict[str, JsonValue]


class Timeline(BaseModel):
    """The events of a lead, the latest first; next_cursor is null on the last page."""

    model_config = ConfigDict(extra="forbid")

    lead_id: str
    events: list[TimelineEvent]
    next_cursor: str | None


class FeedEntry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    event_id: str
    lead_id: str
    type: str
    at: str
    recorded_at: str
    properties: dict[str, JsonValue]


def feed_model(name: str) -> dict[str, Any]:
    """The fields of a page of calls or outcomes."""
    return {
        name: (list[FeedEntry], ...),
        "more": (bool, Field(description="whether more are there already")),
        "next_cursor": (str | None, Field(description="ask with it for what comes after these, now or later")),
    }
