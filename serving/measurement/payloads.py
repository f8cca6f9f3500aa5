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

    @property
    def listed(self) -> str:
        """Which list of the answer is the rows of the file and of the page."""
        return "rows"


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


class ReportRow(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ReportAnswer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    as_of: str = Field(description="what was known then; up to half a minute ago")
    since: str | None
    until: str


class WonCounts(ReportRow):
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


class _Month(ReportRow):
    month: str = Field(description="of the purchase, as in 2026-03 (UTC)")


class WonMonth(WonCounts, _Month):
    """The same of one month; in this order the month is the first column."""


class SourcedReport(ReportAnswer):
    """By month of the purchase. What each figure means: docs/measurement.md."""

    total: WonCounts
    handed_over: int = Field(description="leads handed over in the period, before they ended")
    handed_over_without_window: int = Field(description="of them, with a handoff that tells no purchase window")
    ripe_leads: int = Field(description="leads first handed over ripe in the period")
    computed_afterwards: int = Field(description="of them, by scores that were computed after the handoff")
    rows: list[WonMonth]


class SourceRow(ReportRow):
    channel: str | None = Field(description="through which the leads came; null: not through marketing")
    leads: int = Field(description="first seen in the period")
    ripe_leads: int
    wins: int
    value: float
    ripe_wins: int


class SourcesReport(ReportAnswer):
    """By the channel through which leads came."""

    rows: list[SourceRow]


class AttributionRow(ReportRow):
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


class AttributionReport(ReportAnswer):
    """The rows of each model add up to the totals, to the last digit."""

    by: By
    wins: int
    value: float
    rows: list[AttributionRow]


class ReturnRow(ReportRow):
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


class ReturnsReport(ReportAnswer):
    by: By
    model: AttributionModel
    spend: float
    ripe_leads: int
    wins: int
    value: float
    rows: list[ReturnRow]


class SalespersonRow(ReportRow):
    """``_low``, ``_high``: 95 % intervals. What each figure means: docs/measurement.md."""

    owner: str | None = Field(description="who owned the leads at the handoff; null: nobody known")
    handed_over: int
    leads: int = Field(description="handed over with a score, each once")
    computed_afterwards: int = Field(description="of them, with a score that was computed after the handoff")
    wins: int
    expected_wins: float = Field(description="by the probabilities at the handoffs, for as long as they were followed")
    ratio: float | None = Field(description="wins over expected ones")
    shrunk_ratio: float | None = Field(description="the same, what may be luck taken off")
    shrunk_ratio_low: float | None
    shrunk_ratio_high: float | None
    limit_low_998: float | None = Field(description="funnel limits around the ratio of the whole team")
    limit_low_95: float | None
    limit_high_95: float | None
    limit_high_998: float | None
    outside: Literal["above", "below"] | None = Field(description="of the 99.8 % limits")
    minutes: float | None = Field(description="of calls in 30 days from the handoff, for a lead like the whole team's")
    minutes_low: float | None
    minutes_high: float | None
    minutes_leads: int = Field(description="leads of which the minutes are known")
    reaction_hours: float | None = Field(description="median from the handoff to the first call; null: most not called")
    reaction_hours_low: float | None
    reaction_hours_high: float | None = Field(description="null beside a median: may be never, or too few leads")
    called_within_day: float | None = Field(description="share of handed over leads called within 24 hours")
    called_within_day_low: float | None
    called_within_day_high: float | None


class SalespeopleReport(ReportAnswer):
    """Handoffs of the period, followed until now."""

    leads: int
    wins: int
    expected_wins: float
    ratio: float | None = Field(description="of all together: the middle of the funnel")
    computed_afterwards: int = Field(description="of the leads, by scores that were computed after the handoff")
    without_score: int = Field(description="leads whose handoffs tell no probability; they count for reactions alone")
    rows: list[SalespersonRow]


class WindowsRow(ReportRow):
    group: str | None
    handoffs: int
    kept: int = Field(description="bought within the window")
    early: int
    late: int
    lost: int
    not_bought: int = Field(description="the longest horizon has passed")
    open: int = Field(description="still open, within the longest horizon: nothing is said about them yet")
    computed_afterwards: int = Field(description="of the handoffs, with a score that was computed after the handoff")
    promised: float | None = Field(description="the share of purchasers who were to buy within their window")
    kept_share: float | None = Field(description="who did, open ones censored; null until it can be told")
    kept_share_low: float | None
    kept_share_high: float | None


class WindowsReport(ReportAnswer):
    by: Literal["month", "channel", "segment"]
    trait: str | None = Field(description="which trait is the segment")
    computed_afterwards: int = Field(description="of the handoffs, by scores that were computed after the handoff")
    total: WindowsRow
    rows: list[WindowsRow]


class CalibrationRow(ReportRow):
    group: str | None
    horizon: int = Field(description="days from the handoff")
    handoffs: int
    seen: int = Field(description="handoffs so long ago")
    computed_afterwards: int = Field(description="of the handoffs, with a score that was computed after the handoff")
    predicted: float = Field(description="mean probability at the handoff of having bought by then")
    happened: float | None = Field(description="the share that had, open ones censored; null until it can be told")
    happened_low: float | None
    happened_high: float | None


class CalibrationReport(ReportAnswer):
    by: Literal["month", "channel", "segment"]
    trait: str | None = Field(description="which trait is the segment")
    computed_afterwards: int = Field(description="of the handoffs, by scores that were computed after the handoff")
    total: list[CalibrationRow]
    rows: list[CalibrationRow]


class BaseRateRow(ReportRow):
    month: str = Field(description="in which the leads were first seen")
    horizon: int = Field(description="days from then")
    leads: int
    seen: int = Field(description="leads first seen so long ago")
    rate: float | None = Field(description="the share that had bought by then, open ones censored")
    rate_low: float | None
    rate_high: float | None
    all_months: float | None = Field(description="the rate of all months of the period together")
    drifted: bool | None = Field(description="the interval of this month does not hold that of all months")


class BaseRatesReport(ReportAnswer):
    rows: list[BaseRateRow]
