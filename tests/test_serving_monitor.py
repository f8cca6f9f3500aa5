"""What the watch found, as the service shows it: JSON, page and Prometheus, on both databases."""

from __future__ import annotations

import re

import pytest
from serving_world import NOW, Clock, FixedModel, Running, World, run

from features.events import DAY, to_iso
from features.store import Store
from features.store.monitoring import Result, put_result
from serving.keys import Keys
from serving.monitor.chart import draw_weeks
from serving.registry import Served

pytest_plugins = ("serving_fixtures",)

WEEKS = [
    {"begins": "2026-10-18", "leads": 40, "expected": 2.5, "bought": 2, "log10_evidence": 0.1},
    {"begins": "2026-10-25", "leads": 44, "expected": 3.0, "bought": 14, "log10_evidence": 3.2},
]


def result(at: int, verdict: str) -> Result:
    check = {"name": "purchases", "status": verdict, "expected": "5.5 of the leads open then", "came": "16",
             "remedy": "Train anew: python -m training.train", "figures": {"log10_evidence": 3.2}}  # fmt: skip
    idle = {
        "name": "windows",
        "status": "unknown",
        "expected": "something",
        "came": "none",
        "remedy": "",
        "figures": {},
    }
    why = f"purchases: expected 5.5, got 16 <{verdict}>"
    told = {"at": to_iso(at), "model_version": "7", "verdict": verdict, "why": why, "checks": [check, idle],
            "replayed_weeks": 1, "weeks": WEEKS, "reference": to_iso(at - DAY), "reference_taken": to_iso(at),
            "learned_until": to_iso(at - DAY)}  # fmt: skip
    return Result(at, "3", "7", verdict, told)


def put(store: Store, *found: Result) -> None:
    with store.writing() as connection:
        for one in found:
            put_result(connection, one)


def page(running: Running, path: str) -> str:
    key = Keys(running.store).all()[0]
    token = running.app.extensions["leadtime"].sign_in.token(key.key_id, running.clock() + DAY)
    client = running.client
    client.get("/login", query_string={"token": token})
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


@pytest.fixture
def own(database_url: str, world: World) -> Running:
    """A service on each database, without leads."""
    running = run(database_url, FixedModel(Served(world.scorer, "7")), clock=Clock())
    yield running
    running.store.close()


def test_nothing_is_shown_until_somebody_has_looked(own: Running) -> None:
    assert own.client.get("/v1/monitor", headers=own.key).json == {"latest": None, "history": []}
    assert "leadtime_monitor" not in own.client.get("/metrics", headers=own.key).get_data(as_text=True)
    assert "python -m training.monitor" in page(own, "/monitor")


def test_the_newest_look_is_shown_with_those_before(own: Running) -> None:
    put(own.store, result(NOW - DAY, "fine"), result(NOW - DAY // 2, "retrain"))
    answer = own.client.get("/v1/monitor", headers=own.key).json
    assert answer["latest"]["verdict"] == "retrain"
    assert answer["latest"]["weeks"] == WEEKS
    assert [one["verdict"] for one in answer["history"]] == ["retrain", "fine"]
    assert len(own.client.get("/v1/monitor?limit=1", headers=own.key).json["history"]) == 1
    assert own.client.get("/v1/monitor?limit=0", headers=own.key).status_code == 422
    shown = page(own, "/monitor")
    assert "Retrain now" in shown
    assert "&lt;retrain&gt;" in shown
    assert "week of 2026-10-25: 14 purchases, 3.0 expected" in shown
    assert "<script" not in shown


def test_prometheus_is_told(own: Running) -> None:
    put(own.store, result(NOW - DAY // 2, "retrain"))
    text = own.client.get("/metrics", headers=own.key).get_data(as_text=True)
    assert "leadtime_monitor_verdict 2.0" in text
    assert 'leadtime_monitor_check{check="purchases"} 2.0' in text
    assert 'check="windows"' not in text, "what is unknown has no status"
    assert 'leadtime_monitor_figure{check="purchases",figure="log10_evidence"} 3.2' in text
    assert re.search(r"leadtime_monitor_age_seconds 43200\.0", text)


def test_the_picture_of_the_weeks() -> None:
    assert draw_weeks([]) is None
    chart = draw_weeks(WEEKS)
    assert chart is not None
    assert len(chart.bars) == 2
    assert chart.bars[1].height > 6 * chart.bars[0].height
    assert all(0 <= bar.x <= chart.width and 0 <= bar.y <= chart.height for bar in chart.bars)
    many = draw_weeks(WEEKS * 30)
    assert many is not None
    assert len(many.x_ticks) <= 6
