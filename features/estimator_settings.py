"""The settings block ``[estimator]``: which estimator answers, and the parameters that it is made with."""

from __future__ import annotations

import json
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

PURCHASE_HAZARD = "model.hazard:PurchaseHazard"
Parameter = bool | int | float | str


def _typed(value: Any) -> Any:
    """The environment knows only texts: ``0.1`` is meant as a number there, and ``true`` as a truth."""
    if not isinstance(value, str):
        return value
    try:
        found = json.loads(value)
    except ValueError:
        return value
    return found if isinstance(found, (bool, int, float)) else value


class HazardParameters(BaseModel):
    """What may be set of model.hazard.PurchaseHazard, whose docstring says what each does, and within which ranges."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_trees: int = Field(400, ge=1, le=5_000)
    learning_rate: float = Field(0.05, gt=0, le=1)
    max_rows: int = Field(250_000, ge=1_000)
    rows_per_lead: int = Field(25, ge=1, le=1_000)
    min_events: int = Field(20, ge=4)
    lead_power: float = Field(0.0, ge=0, le=1)
    leaves: float = Field(1.0, gt=0, le=16)
    leaf_endings: float = Field(2.0, ge=0, le=1_000)
    l2: float = Field(10.0, ge=0, le=10_000)
    columns_per_tree: float = Field(12.0, ge=1, le=1_000)
    row_share: float = Field(0.5, gt=0, le=1)


class Estimator(BaseModel):
    """``class``: an importable ``module:Class``: PurchaseHazard, or a survival estimator of one's own
    (docs/own-features-and-models.md), or a function that returns one. ``parameters``: keyword arguments that it is made
    with; those of PurchaseHazard are checked here, and ``horizons`` and ``seed`` are settings of their own.
    ``trusted``: types beside the class itself and scikit-learn's that a model file may hold.

    From the environment: ``LEADTIME_ESTIMATOR__CLASS``, ``LEADTIME_ESTIMATOR__PARAMETERS__LEARNING_RATE``.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )

    class_: str = Field(PURCHASE_HAZARD, alias="class", pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
    parameters: dict[str, Annotated[Parameter, BeforeValidator(_typed)]] = {}
    trusted: tuple[str, ...] = ()
    max_landmarks: int = Field(
        50_000, ge=100, description="landmarks that an estimator of one's own is fitted on at most"
    )

    @property
    def own(self) -> bool:
        """Whether it is not PurchaseHazard."""
        return self.class_ != PURCHASE_HAZARD

    @property
    def trusts(self) -> tuple[str, ...]:
        """The types that a model file may hold, for ``Scorer.from_files``."""
        return (self.class_, *self.trusted) if self.own else self.trusted

    @model_validator(mode="after")
    def _known(self) -> Self:
        if not self.own:
            HazardParameters.model_validate(self.parameters)
        return self
