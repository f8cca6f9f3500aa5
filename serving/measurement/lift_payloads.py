"""What the report on what handing over brings is asked and answered."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from serving.measurement.payloads import PeriodQuery, ReportAnswer, ReportRow


class LiftQuery(PeriodQuery):
    hoped: float = Field(0.2, gt=0, le=100, description="the lift hoped for: 0.2 is a fifth more purchases")


class LiftRow(ReportRow):
    """Handed over against held out, as the draw intended. ``_low``, ``_high``: 95 % intervals."""

    measure: Literal["purchases", "value", "days"] = Field(
        description="purchases: share of leads; value: of their purchases, a lead; days: waited for the purchase, a "
        "lead, the whole horizon where there was none"
    )
    horizon: int = Field(description="days from the opening of the window")
    handed_over: float
    handed_over_low: float | None
    handed_over_high: float | None
    held_out: float
    held_out_low: float | None
    held_out_high: float | None
    difference: float = Field(description="handed over minus held out")
    difference_low: float | None
    difference_high: float | None
    ratio: float | None = Field(description="handed over over held out; null where that is 0")
    ratio_low: float | None
    ratio_high: float | None = Field(description="null beside a ratio: may be anything")
    p: float = Field(description="chance of a difference so large if handing over did nothing, by drawing anew")


class LiftPlan(ReportRow):
    """What it takes to find the lift hoped for four times out of five."""

    hoped: float
    horizon: int
    share: float = Field(description="held out: the latest one, else that of the settings, else 0.1")
    base_rate: float = Field(description="share that buys within the horizon without being handed over")
    openings_needed: int
    openings_followed: int = Field(description="openings under a holdout a whole horizon ago")
    openings_still_needed: int
    weeks: float | None = Field(description="until so many are opened, at the pace so far; the horizon comes on top")


class LiftReport(ReportAnswer):
    """What each row means: docs/measurement.md."""

    said: str | None = Field(description="why there is nothing to compare")
    leads_handed_over: int
    leads_held_out: int
    called_handed_over: int = Field(description="of them, called by sales since")
    called_held_out: int = Field(description="of them, called by sales all the same: they make the lift look smaller")
    plan: LiftPlan | None = Field(description="null until some lead under a holdout was followed for the horizon")
    rows: list[LiftRow]
