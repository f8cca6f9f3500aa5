"""Blocks of the settings that say how a business works: costs, people, words of its CRM, reports, limits."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator


class Costs(BaseModel):
    """What a badly timed call costs, in any one currency."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    early: float = Field(1.0, gt=0, description="each day that the call comes before the purchase would have")
    late: float = Field(5.0, gt=0, description="each day that the call comes after it")
    wasted_call: float = Field(10.0, ge=0, description="a call to a lead that does not buy within the longest horizon")
    early_cap: float | None = Field(
        None, gt=0, description="what a call costs at most for being too early; never more than wasted_call"
    )
    lead_time: float = Field(0.0, ge=0, le=365, description="days from the first call to the signature")
    deal_lost_after: float | None = Field(
        None,
        gt=0,
        description="a call so many days too late loses the deal, each day its share; `late` is not used then",
    )
    deal_value: float = Field(0.0, ge=0, description="what a deal is worth where the lead's own `value` is not known")
    missed_days: float | None = Field(
        None,
        ge=0,
        description="a purchase before any call costs what a call so many days late does; "
        "deal_lost_after, or else the longest horizon, if not given",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.early_cap is not None and self.early_cap > self.wasted_call:
            raise ValueError(
                f"expected early_cap of at most wasted_call = {self.wasted_call:g}, got {self.early_cap:g}"
            )
        if self.deal_lost_after is not None and self.deal_value == 0:
            raise ValueError("expected deal_value above 0 where deal_lost_after is set, for deals of unknown value")
        return self


class EventRoles(BaseModel):
    """Which event types play a part that the features must know. Every other type needs no entry."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    mail_sent: tuple[str, ...] = ("mail_sent",)
    mail_opened: tuple[str, ...] = ("mail_opened",)
    mail_clicked: tuple[str, ...] = ("mail_clicked",)
    content_properties: tuple[str, ...] = Field(
        ("content", "path", "url"), description="the property that tells what was read: the first that is there"
    )


class Limits(BaseModel):
    """What one key may ask of one worker process of the service in a second; ten times as much at once. 0: no limit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    read: float = Field(2_000, ge=0, description="requests with scope read")
    ingest: float = Field(50_000, ge=0, description="events")
    write: float = Field(500, ge=0, description="requests with scope write")
    admin: float = Field(100, ge=0, description="requests with scope admin")
    sign_in: float = Field(10, ge=0, description="attempts to sign in to the pages, by address and minute")


Disposition = Literal["too_early", "on_time", "too_late", "not_a_buyer", "wrong_person", "no_answer"]


class CrmSettings(BaseModel):
    """What the words of your CRM mean. Capitals do not matter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dispositions: dict[str, Disposition] = Field(
        default={
            "Call back later": "too_early",
            "Already bought elsewhere": "too_late",
            "Not interested": "not_a_buyer",
        },
        description="how a call ended, in the CRM's words and in ours",
    )
    won_stages: tuple[str, ...] = Field(("closedwon", "closed won"), description="deals in these stages are purchases")
    lost_stages: tuple[str, ...] = Field(("closedlost", "closed lost"), description="deals in these stages are lost")
    hubspot_secret: SecretStr | None = Field(None, description="client secret of the app that sends HubSpot's webhooks")


def _a_week(value: tuple[int, ...]) -> tuple[int, ...]:
    if not set(value) <= set(range(7)):
        raise ValueError(f"expected days of the week from 0 (Monday) to 6, got {list(value)}")
    return value


def _from_to(value: tuple[int, int]) -> tuple[int, int]:
    if not 0 <= value[0] < value[1] <= 24:
        raise ValueError(f"expected hours such as [8, 18], got {list(value)}")
    return value


def _a_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError):
        raise ValueError(f"expected a time zone such as Europe/Berlin, got {value!r}") from None
    return value


def _an_owner(value: str) -> str:
    if not value or value != value.strip():
        raise ValueError(f"expected the name of a salesperson as leads have it in `owner`, got {value!r}")
    return value


_Capacity = Annotated[int, Field(ge=0, le=1_000)]
_Country = Annotated[str, Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
_Week = Annotated[tuple[int, ...], Field(min_length=1), AfterValidator(_a_week)]
_Hours = Annotated[tuple[int, int], AfterValidator(_from_to)]
_Zone = Annotated[str, AfterValidator(_a_zone)]


class WorkingTime(BaseModel):
    """When a salesperson calls, and how many leads a day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    capacity_per_day: _Capacity = Field(20, description="calls that a salesperson can make on a working day")
    country: _Country | None = Field(None, description="whose holidays are no working days: DE, US, or DE-BY")
    closed: tuple[date, ...] = Field((), description="further days on which nobody calls")
    week: _Week = Field((0, 1, 2, 3, 4), description="working days of the week, 0 is Monday")
    hours: _Hours = Field((8, 18), description="working hours, from and to")
    timezone: _Zone = Field("UTC", description="of the working hours and days, such as Europe/Berlin")


class Salesperson(BaseModel):
    """What is other for one salesperson; what is not given is as for all."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    capacity_per_day: _Capacity | None = None
    country: _Country | None = None
    closed: tuple[date, ...] | None = None
    week: _Week | None = None
    hours: _Hours | None = None
    timezone: _Zone | None = None


class SalesSettings(WorkingTime):
    """The working time of all, and of those for whom it is another."""

    people: dict[Annotated[str, AfterValidator(_an_owner)], Salesperson] = Field(default={}, description="by owner")

    def of(self, owner: str | None) -> WorkingTime:
        """The working time of one salesperson."""
        common = {name: getattr(self, name) for name in WorkingTime.model_fields}
        own = self.people.get(owner or "", Salesperson())
        return WorkingTime(**common | {name: value for name, value in own if value is not None})


class Measurement(BaseModel):
    """Which touches are marketing's, and how attribution weighs them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sales_channels: tuple[str, ...] = Field(("phone", "sales"), description="touches on these channels are sales' own")
    unknown_channels: tuple[str, ...] = Field(
        ("direct", "product"), description="of touches on these it is not known what made the lead come"
    )
    visit_minutes: float = Field(
        30.0, ge=0, description="touches of one channel and campaign that follow within so many minutes are one"
    )
    half_life_days: float = Field(7.0, gt=0, description="time decay: a touch so many days earlier counts half")
    segment: str = Field("industry", min_length=1, description="the trait by which reports split by segment")
    satisfied_from: float = Field(
        9.0, ge=0, le=10, description="customers of this satisfaction or more are the most satisfied"
    )
    audience_traits: tuple[str, ...] = Field(
        ("email", "phone", "firstName", "lastName", "company", "country"),
        description="traits that an audience export holds, each a column",
    )
    audience_refusals: tuple[str, ...] = Field(
        ("unsubscribed", "do_not_contact"), description="leads with one of these traits true are in no audience"
    )


class ContractSettings(BaseModel):
    """What marketing and sales owe each other."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    qualified_per_week: int | None = Field(
        None, ge=1, description="qualified leads that marketing hands over each week; none: no commitment"
    )
    reaction_hours: float = Field(24.0, gt=0, le=1_000, description="within which sales reacts to a handoff")
    hours: Literal["working", "calendar"] = Field(
        "working",
        description="whether these are working hours of who has the lead, as in [sales], or hours of the clock",
    )
