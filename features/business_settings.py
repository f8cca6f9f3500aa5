"""Blocks of the settings that say how a business works: costs, people, words of its CRM, reports, limits."""

from __future__ import annotations

from datetime import date
from typing import Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator


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


class SalesSettings(BaseModel):
    """When salespeople call, and how many leads a day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    capacity_per_day: int = Field(20, ge=0, le=1_000, description="calls that a salesperson can make on a working day")
    capacities: dict[str, int] = Field(default={}, description="the same for salespeople of another capacity, by owner")
    country: str | None = Field(
        None, pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$", description="whose holidays are no working days: DE, US, or DE-BY"
    )
    closed: tuple[date, ...] = Field((), description="further days on which nobody calls")
    week: tuple[int, ...] = Field((0, 1, 2, 3, 4), min_length=1, description="working days of the week, 0 is Monday")
    hours: tuple[int, int] = Field((8, 18), description="working hours, from and to")
    timezone: str = Field("UTC", description="of the working hours and days, such as Europe/Berlin")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not 0 <= self.hours[0] < self.hours[1] <= 24:
            raise ValueError(f"expected hours such as [8, 18], got {list(self.hours)}")
        if not set(self.week) <= set(range(7)):
            raise ValueError(f"expected days of the week from 0 (Monday) to 6, got {list(self.week)}")
        if min(self.capacities.values(), default=0) < 0:
            raise ValueError("expected capacities of 0 calls or more")
        try:
            ZoneInfo(self.timezone)
        except (KeyError, ValueError):
            raise ValueError(f"expected a time zone such as Europe/Berlin, got {self.timezone!r}") from None
        return self

    def capacity(self, owner: str | None) -> int:
        """Calls a working day of one salesperson."""
        return self.capacities.get(owner or "", self.capacity_per_day)


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
        "working", description="whether these are working hours, as in [sales], or hours of the clock"
    )
