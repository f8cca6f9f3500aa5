"""How much worse than the serving model a new one may be: the settings of the gate."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class GateSettings(BaseModel):
    """A new model is refused where it is shown to be worse, and not shown to be within these margins."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    brier_margin: float = Field(0.02, ge=0, description="integrated Brier score, as a share of the serving model's")
    ici_margin: float = Field(0.02, ge=0, description="calibration index (ICI), mean over the horizons")
    ratio_margin: float = Field(0.1, ge=0, description="distance of ln(expected / observed) from 0, mean likewise")
    coverage_margin: float = Field(0.04, ge=0, description="distance of the windows' coverage from what was asked")
    window_margin: float = Field(0.05, ge=0, description="interval score of the windows, as a share")
    cost_margin: float = Field(0.05, ge=0, description="cost of the call dates, as a share")
    segment_margin: float = Field(0.05, ge=0, description="integrated Brier score within a segment, as a share")
    segment_leads: int = Field(150, ge=2, description="segments of so many leads are looked at")
    segment_purchases: int = Field(30, ge=1, description="if so many of them bought")
    chance: float = Field(
        0.025, gt=0, lt=0.5, description="how often, at most, chance refuses a model as good in each family of checks"
    )
