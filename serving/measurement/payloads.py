"""What reports are asked and answered."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.payloads import Name, Strict, Time

By = Literal["channel", "campaign"]
AttributionModel = Literal["first", "last", "linear", "time_decay", "u_shaped", "w_shaped", "markov", "shapley"]


class PeriodQuery(Strict):
    since: Time | None = Field(None, description="from this time on; from the beginning if absent")
    until: Time | None = Field(None, description="before this time; until now if absent")
    format: Literal["json", "csv"] = Field("json", description="csv: the rows alone, as a file")


class AttributionQuery(PeriodQuery):
    by: By = "channel"
    model: AttributionModel | None = Field(None, description="all of them if absent")


class ReturnsQuery(PeriodQuery):
    by: By = "channel"
    model: AttributionModel = Field("linear", description="by which wins, value and ripe leads are credited")


class SplitQuery(PeriodQuery):
    by: Literal["month", "channel", "segment"] = Field(
        "month", description="month of the handoff, channel through which the lead came, or its segment"
    )
    trait: Name | None = Field(None, description="which trait is the segment; that of the settings if absent")


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Report(BaseModel):
    model_config = ConfigDict(extra="forbid")

    as_of: str = Field(description="what was known then; up to half a minute ago")
    since: str | None
    until: str


class WonCounts(_Row):
    """Purchases, and which of them came through marketing (sourced), were influenced by it, were handed over ripe."""

    wins: int
    value: float = Field(description="unknown values count as 0")
    wins_without_value: int
    sourced_wins: int
    sourced_value: float
    influenced_wins: int
    influenced_value: float
    ripe_wins: int
    ripe_value: float


class WonMonth(WonCounts):
    month: str = Field(description="of the purchase, as in 2026-03 (UTC)")


class SourcedReport(_Report):
    """By month of the purchase. What each figure means: docs/measurement.md."""

    total: WonCounts
    handed_over: int = Field(description="leads handed over in the period, before they ended")
    handed_over_without_window: int = Field(description="of them, with a handoff that tells no purchase window")
    ripe_leads: int = Field(description="leads first handed over ripe in the period")
    rows: list[WonMonth]


class SourceRow(_Row):
    channel: str | None = Field(description="through which the leads came; null: not through marketing")
    leads: int = Field(description="first seen in the period")
    ripe_leads: int
    wins: int
    value: float
    ripe_wins: int


class SourcesReport(_Report):
    """By the channel through which leads came."""

    rows: list[SourceRow]


class AttributionRow(_Row):
    """What one model credits one channel or campaign with. ``_low``, ``_high``: 95 % interval, by bootstrap."""

    model: str
    channel: str | None = Field(description="null: purchases without any marketing touch")
    campaign: str | None
    wins: float
    wins_low: float | None
    wins_high: float | None
    value: float
    value_low: float | None
    value_high: float | None
    removal_effect: float | None = Field(description="of Markov's model: the share of all wins lost without it")
    removal_effect_low: float | None
    removal_effect_high: float | None


class AttributionReport(_Report):
    """The rows of each model add up to the totals, to the last digit."""

    by: By
    wins: int
    value: float
    rows: list[AttributionRow]


class ReturnRow(_Row):
    channel: str | None
    campaign: str | None
    month: str | None = Field(description="null: the whole period")
    spend: float
    ripe_leads: float
    wins: float
    value: float
    cost_per_ripe_lead: float | None
    cost_per_ripe_lead_low: float | None
    cost_per_ripe_lead_high: float | None
    cost_per_win: float | None
    return_on_spend: float | None = Field(description="value over spend: 1 is as much as was spent")
    return_on_spend_low: float | None
    return_on_spend_high: float | None


class ReturnsReport(_Report):
    by: By
    model: AttributionModel
    spend: float
    ripe_leads: int
    wins: int
    value: float
    rows: list[ReturnRow]
