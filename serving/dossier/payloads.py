"""What the dossier looks like in the API's document."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from serving.payloads import Strict, Time


class DossierQuery(Strict):
    """As known when."""

    as_of: Time | None = Field(None, description="a moment in the past, with what was recorded by then; now if absent")


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DossierHandoff(_Answer):
    """The latest opening of the purchase window, and what was told then."""

    handoff_id: str
    number: int = Field(ge=1)
    opened_at: str
    closed_at: str | None
    closed_because: str | None
    held_out: bool = Field(description="in the random holdout: nobody was told")
    readiness: float | None
    window_start: str | None
    window_end: str | None
    call_on: str | None
    owner: str | None
    model_version: str | None


class DeclaredDeadline(_Answer):
    """A date by which the lead said that it needs the product."""

    declared_at: str
    recorded_at: str
    need_by: date
    source: str | None = Field(description="its property `source`, else the channel of the declaration")
    moved_days: int | None = Field(description="against the declaration before; above 0: put off")


class UsualSlip(_Answer):
    """Of `leads` with a declared deadline `moved` have put it off, by `days` in the median."""

    source: str | None = Field(description="of leads of this source; null: of all")
    leads: int
    moved: int
    days: float


class DossierDeadline(_Answer):
    """Declared deadlines in their order."""

    need_by: date | None
    declared: list[DeclaredDeadline] = Field(description="the latest 20, the oldest first")
    revisions: int = Field(ge=0)
    contradiction: str | None = Field(description="where it lies outside of the window, or no purchase is expected")
    usual_slip: UsualSlip | None


class ReadContent(_Answer):
    """Something that the lead read."""

    content: str
    section: str | None
    times: int = Field(ge=1)
    first: str
    last: str
    minutes: float | None = Field(description="the properties `minutes` or `seconds` of its events in sum")
    weight: float = Field(description="what reading this section adds to the log odds of a purchase, by the model")


class AskedFor(_Answer):
    """A form, a question, an answered mail."""

    at: str
    type: str
    form: str | None
    text: str | None = Field(description="at most 280 characters")
    channel: str | None


class Touch(_Answer):
    """Something that the lead did."""

    at: str
    channel: str | None
    campaign: str | None


class ChannelTouches(_Answer):
    """What came over a channel and campaign."""

    channel: str | None
    campaign: str | None
    visits: int = Field(ge=0)
    first: str
    last: str


class VisitsOfWeek(_Answer):
    """A week from Monday on, UTC."""

    week: date
    visits: int = Field(ge=0)


class JourneyEvent(_Answer):
    """An event in plain words."""

    at: str
    type: str
    text: str
    channel: str | None
    campaign: str | None


class Journey(_Answer):
    """How the lead came here."""

    touches: list[ChannelTouches] = Field(description="most visits first, at most 20")
    first_touch: Touch | None
    last_touch: Touch | None
    visits: int = Field(ge=0, description="touches of one channel and campaign shortly after each other are one")
    weeks: list[VisitsOfWeek] = Field(description="since the first visit, at most the latest 26")
    events: list[JourneyEvent] = Field(description="the latest 50, the latest first")
    n_events: int = Field(ge=0)


class DossierCall(_Answer):
    """An earlier sales call."""

    at: str
    disposition: str | None
    minutes: float | None
    owner: str | None
    note: str | None


class Colleague(_Answer):
    """Another lead of the same account."""

    lead_id: str
    status: Literal["open", "purchased", "lost"]
    ended_at: str | None
    last_activity: str
    owner: str | None
    read: list[str] = Field(description="the last three things, the latest first")


class Colleagues(_Answer):
    """The last active first."""

    account_id: str | None
    total: int = Field(ge=0)
    leads: list[Colleague] = Field(description="at most 20")


class ComparableDeal(_Answer):
    """A won deal that stood much as this lead does when it was as old."""

    lead_id: str
    value: float | None
    won_at: str
    days_first_touch_to_purchase: float | None
    days_from_here: float = Field(ge=0, description="from where this lead stands to that purchase")
    channel: str | None = Field(description="of the first touch")
    read_last: list[str] = Field(description="the last three things before the purchase, the latest first")
    likeness: float = Field(ge=0, le=1, description="share of the model's purchase trees in which both share a leaf")
    nearer_than: float = Field(ge=0, le=1, description="share of pairs of won deals of that age that are less alike")
    compared_at_days: int = Field(ge=0, description="the age, in days, at which the deal was looked at")


class Comparable(_Answer):
    """Won deals, the nearest first; only those nearer than 95 % of pairs of won deals are to each other."""

    compared_with: int = Field(ge=0, description="won deals that were still open at this age")
    reason: str | None = Field(description="why there is none")
    deals: list[ComparableDeal] = Field(description="at most five")


class _Dossier(_Answer):
    """All that is known about a lead, for whoever is to call it."""

    lead_id: str
    as_of: str
    handoff: DossierHandoff | None
    deadline: DossierDeadline
    read: list[ReadContent] = Field(description="the most telling first, at most 20")
    asked: list[AskedFor] = Field(description="the latest first, at most 20")
    journey: Journey
    calls: list[DossierCall] = Field(description="the latest first, at most 20")
    colleagues: Colleagues
    comparable: Comparable


def dossier_model(score: type[BaseModel]) -> type[BaseModel]:
    return create_model("Dossier", __base__=_Dossier, __doc__=_Dossier.__doc__, score=(score, ...))
