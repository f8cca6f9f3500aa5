"""Settings of python -m training.monitor."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class MonitorSettings(BaseModel):
    """From when on the watch speaks up. What each figure means: docs/watching.md."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    false_alarm_years: float = Field(
        5.0, gt=0, le=1_000, description="each test gives a false alarm once in so many years, or less often"
    )
    tolerance: float = Field(
        0.25, ge=0, le=10, description="odds of a purchase, or of a put-off deadline, off by this share are no change"
    )
    drift: float = Field(0.25, gt=0, description="population stability index from which on features or scores drift")
    windows: float = Field(0.1, ge=0, le=1, description="how far the share of windows kept may lie below the promise")
    channel_share: float = Field(
        0.5, gt=0, lt=1, description="a channel that reaches less than this share of what is usual dies"
    )
    event_days: float = Field(2.0, gt=0, description="days without any event")
    outcome_days: float = Field(14.0, gt=0, description="days without any purchase or loss")
    model_days: float = Field(60.0, gt=0, description="age of the model, by the data that it has learned from")
    weeks: int = Field(52, ge=4, le=520, description="how many weeks of forecasts are looked at, and of the reference")
