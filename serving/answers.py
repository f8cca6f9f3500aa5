"""What the API answers: the score columns (docs/interchange-tables.md) plus where the lead stands."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, create_model

from model.curves import Curves
from serving.problems import Error

OPEN, PURCHASED, LOST, NOT_SCORABLE, UNKNOWN, ERASED, INVALID = (
    "open", "purchased", "lost", "not_scorable", "unknown", "erased", "invalid",
)  # fmt: skip
Status = Literal["open", "purchased", "lost", "not_scorable", "unknown", "erased", "invalid"]


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a lead can be scored at a moment, and if not, why."""

    status: str
    reason: str | None = None
    missing: tuple[Mapping[str, Any], ...] = ()


class Curve(BaseModel):
    """Cumulative incidence over the days after ``as_of``: linear between the days given, each from 0 to 1."""

    model_config = ConfigDict(extra="forbid")

    days: list[float]
    purchased: list[float]
    lost: list[float]


class Missing(BaseModel):
    """Something of which there is too little to score."""

    model_config = ConfigDict(extra="forbid")

    what: str
    have: int = Field(ge=0)
    need: int = Field(ge=1)


class _Score(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Health(BaseModel):
    """The process is alive."""

    status: Literal["ok"]


class Readiness(BaseModel):
    """The service can score."""

    status: Literal["ready"]
    checks: dict[str, str]


_COSTS = {
    "cost_today": "expected cost of a call today, in the currency of the costs in leadtime.toml",
    "cost_best": "of a call on `call_on`",
    "cost_week_later": "of a call seven days after `call_on`",
    "cost_never": "of no call at all",
}


def score_model(horizons: Sequence[int]) -> type[BaseModel]:
    """The answer about one lead. Numbers and dates are null unless ``status`` is open."""
    probability = (float | None, Field(ge=0, le=1))
    fields: dict[str, Any] = {
        "lead_id": (str, ...),
        "as_of": (str, Field(description="ISO 8601, UTC")),
        "status": (Status, Field(description="open: scored. Else `reason` says why there is no score")),
        "reason": (str | None, ...),
        "readiness": (float | None, Field(ge=0, le=100)),
        **{f"p_{h}": probability for h in horizons},
        **{f"p_lost_{h}": probability for h in horizons},
        "window_start": (date | None, ...),
        "window_end": (date | None, ...),
        "window_coverage": (float | None, Field(ge=0, le=1)),
        "median_date": (date | None, ...),
        "call_on": (date | None, ...),
        "priority": (float | None, ...),
        "reasons": (list[str], ...),
        "model_version": (str | None, ...),
        **{name: (float | None, Field(description=text)) for name, text in _COSTS.items()},
        "handoff_on": (
            date | None,
            Field(
                None, description="from when on waiting costs more than a call, if nothing happens; a handoff is due"
            ),
        ),
        "basis": (
            Literal["model", "baseline"] | None,
            Field(description="baseline: a curve that knows nothing of the lead, or its age alone, has answered"),
        ),
        "basis_why": (str | None, Field(description="what training found on the newest block")),
        "missing": (list[Missing], Field([], description="what it takes for a score, and how much of it is there")),
        "curve": (Curve | None, Field(None, description="only when asked for")),
        "merged_into": (
            str | None,
            Field(None, description="only when the id asked about turned out to be this lead: the answer is about it"),
        ),
        "error": (Error | None, Field(None, description="only with status invalid")),
    }
    return create_model("Score", __base__=_Score, __doc__=score_model.__doc__, **fields)


def scores_model(score: type[BaseModel]) -> type[BaseModel]:
    return create_model(
        "Scores",
        __base__=_Score,
        __doc__="One score for each lead asked about, in that order.",
        scores=(list[score], ...),  # type: ignore[valid-type]
    )


def call_list_model(score: type[BaseModel]) -> type[BaseModel]:
    traits: dict[str, Any] = dict.fromkeys(("owner", "source", "account_id"), (str | None, ...))
    lead = create_model("CallListLead", __base__=score, **traits, value=(JsonValue, ...))
    return create_model(
        "CallList",
        __base__=_Score,
        __doc__="Open leads, the most urgent first.",
        as_of=(str, ...),
        model_version=(str, ...),
        total=(int, Field(description="open leads that match, of which the first `limit` are given")),
        leads=(list[lead], ...),
    )


def scored(row: Mapping[str, Any], as_of: str) -> dict[str, Any]:
    """One row of the scorer as an answer: missing numbers and dates become null."""
    answer = {"lead_id": row["lead_id"], "as_of": as_of, "status": OPEN, "reason": None}
    for name, value in row.items():
        if name not in answer:
            answer[name] = _plain(value)
    answer["model_version"] = str(answer["model_version"])
    answer["missing"] = []
    return answer


def unscored(
    lead_id: str, as_of: str, standing: Standing, horizons: Sequence[int], version: str | None
) -> dict[str, Any]:
    """The answer about a lead that cannot be scored, with the same fields."""
    return {
        "lead_id": lead_id,
        "as_of": as_of,
        "status": standing.status,
        "reason": standing.reason,
        "readiness": None,
        **{f"p_{h}": None for h in horizons},
        **{f"p_lost_{h}": None for h in horizons},
        **dict.fromkeys(("window_start", "window_end", "window_coverage", "median_date", "call_on", "priority")),
        "reasons": [],
        "model_version": version,
        **dict.fromkeys((*_COSTS, "handoff_on", "basis", "basis_why")),
        "missing": [dict(item) for item in standing.missing],
    }


def curve_answer(curves: Curves, row: int) -> dict[str, list[float]]:
    return {
        "days": curves.days.tolist(),
        "purchased": curves.purchased[row].tolist(),
        "lost": curves.lost[row].tolist(),
    }


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, list)):
        return value
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, datetime):  # pandas' NaT is one too, and not equal to itself
        return value.date().isoformat() if value == value else None  # noqa: PLR0124
    if isinstance(value, date):
        return value.isoformat()
    if hasattr(value, "item"):
        value = value.item()
    return None if isinstance(value, float) and math.isnan(value) else value
