"""The watch as a page for people who signed in. Server-rendered, no script."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import render_template
from flask.typing import ResponseReturnValue

from serving.access import signed_in
from serving.monitor.api import monitor_answer
from serving.monitor.chart import draw_weeks
from serving.service import Service

RUNS = 60
WORDS = {"fine": "Fine", "watch": "Look at this", "retrain": "Retrain now", "unknown": "not known yet"}
BADGES = {"fine": "soon", "watch": "today", "retrain": "overdue", "unknown": ""}  # the colours of the call list


def monitor_pages(service: Service) -> APIBlueprint:
    bp = APIBlueprint("monitor_pages", __name__, enable_openapi=False)

    @bp.get("/monitor")
    @signed_in(service)
    def watched() -> ResponseReturnValue:
        answer = monitor_answer(service, RUNS)
        latest = answer["latest"]
        return render_template(
            "monitor.html",
            latest=latest,
            history=answer["history"],
            chart=None if latest is None else draw_weeks(latest["weeks"]),
            words=WORDS,
            badges=BADGES,
        )

    return bp
