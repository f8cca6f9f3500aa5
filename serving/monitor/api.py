"""GET /v1/monitor: is the serving model still right?"""

from __future__ import annotations

from typing import Any, Literal

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, ConfigDict, Field

from features.events import to_iso
from features.store.monitoring import newest_results
from serving.access import SECURITY, needs
from serving.headers import json_answer
from serving.payloads import Strict
from serving.service import Service

Verdict = Literal["fine", "watch", "retrain"]


class MonitorQuery(Strict):
    limit: int = Field(30, ge=1, le=366, description="how many earlier runs are told of at most")


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class MonitorCheck(_Answer):
    """One check of a run. What each looks at: docs/watching.md."""

    name: str
    status: Literal["fine", "watch", "retrain", "unknown"] = Field(description="unknown: too little to tell")
    expected: str
    came: str
    remedy: str = Field(description="empty where nothing is to be done")
    figures: dict[str, float]


class MonitorWeek(_Answer):
    """Purchases of the leads that were open when the week began."""

    begins: str = Field(description="date (UTC)")
    leads: int
    expected: float = Field(description="by the model that served then, or replayed as of then")
    bought: int
    log10_evidence: float = Field(description="of the sequential test, after this week")


class MonitorResult(_Answer):
    at: str = Field(description="ISO 8601, UTC")
    model_version: str
    verdict: Verdict
    why: str
    checks: list[MonitorCheck]
    replayed_weeks: int
    reference: str | None = Field(
        None, description="ISO 8601, UTC: features and deadlines are compared with the market until then"
    )
    reference_taken: str | None = Field(None, description="by the run at this time")
    learned_until: str | None = Field(None, description="the newest that the model can have learned from")
    weeks: list[MonitorWeek]


class MonitorRun(_Answer):
    at: str
    model_version: str
    verdict: Verdict
    why: str


class MonitorAnswer(_Answer):
    latest: MonitorResult | None = Field(description="null: python -m training.monitor has not run yet")
    history: list[MonitorRun] = Field(description="the newest first, the latest included")


def monitor_answer(service: Service, limit: int) -> dict[str, Any]:
    with service.store.reading() as connection:
        found = newest_results(connection, limit)
    return {
        "latest": found[0].result if found else None,
        "history": [
            {
                "at": to_iso(one.at),
                "model_version": one.model_version,
                "verdict": one.verdict,
                "why": one.result["why"],
            }
            for one in found
        ],
    }


def monitor(service: Service) -> APIBlueprint:
    bp = APIBlueprint("monitor", __name__, url_prefix="/v1", tag="Monitor")

    @bp.get("/monitor")
    @needs(service, "read")
    @bp.doc(
        responses={401: "Unauthorized", 403: "Forbidden", 429: "Too Many Requests", 503: "Service Unavailable"},
        security=SECURITY,
        operation_id="monitor",
    )
    @bp.input(MonitorQuery, location="query")
    @bp.output(MonitorAnswer)
    def read_monitor(query_data: MonitorQuery) -> Response:
        """Whether the serving model is still right, by the newest run of the watch, and how earlier ones ended"""
        return json_answer(monitor_answer(service, query_data.limit))

    return bp
