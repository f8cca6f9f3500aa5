"""What handing over brings, as the service answers it: from openings that the background work drew."""

from __future__ import annotations

import csv
import io

import pytest
from measurement_log import Log
from serving_world import NOW, NoModel, Running, run
from test_serving_pages import sign_in

from features.events import DAY, events_table
from features.store import Store
from serving.handoffs.holdout import Holdout
from serving.measurement.lift_payloads import LiftReport

N = 400


def openings(share: float = 0.3) -> Log:
    """Leads drawn as the service draws; of those handed over every second one buys, of the others every fifth."""
    log, holdout = Log(), Holdout(share, "x")
    for i in range(N):
        lead, at = f"lead-{i}", NOW - (100 + i % 60) * DAY
        out = holdout.holds(lead)
        log.add(lead, "page_view", at - DAY, "ads")
        log.handoff(lead, at, held_out=out, holdout_share=share)
        if i % (5 if out else 2) == 0:
            log.add(lead, "purchased", at + 20 * DAY, value=10)
    return log


@pytest.fixture
def experiment(sqlite_store: Store) -> Running:
    running = run(str(sqlite_store.engine.url), NoModel())
    running.store.append(events_table(openings().events))
    return running


def ask(running: Running, **query: object) -> dict:
    answer = running.client.get("/v1/reports/lift", query_string=query, headers=running.key)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    LiftReport.model_validate(answer.json)
    return answer.json


def test_both_arms_and_what_lies_between_them(experiment: Running) -> None:
    answer = ask(experiment)
    assert answer["said"] is None
    assert answer["leads_handed_over"] + answer["leads_held_out"] == N
    assert 90 < answer["leads_held_out"] < 150
    rows = {(row["measure"], row["horizon"]): row for row in answer["rows"]}
    month = rows["purchases", 30]
    assert (month["handed_over"], month["held_out"]) == (pytest.approx(0.5, abs=0.07), pytest.approx(0.2, abs=0.09))
    assert 0.1 < month["difference_low"] < 0.3 < month["difference_high"] < 0.5
    assert month["ratio_low"] > 1
    assert month["p"] < 0.01
    assert rows["purchases", 7]["difference"] == 0
    assert rows["value", 90]["difference"] == pytest.approx(10 * rows["purchases", 90]["difference"], abs=0.01)
    assert rows["days", 90]["difference"] < 0 < 90 - rows["days", 90]["handed_over"]


def test_how_many_windows_it_still_takes(experiment: Running) -> None:
    small, large = ask(experiment, hoped=0.1)["plan"], ask(experiment, hoped=2)["plan"]
    assert small["openings_needed"] > 3_000
    assert large["openings_needed"] < 400
    assert (small["openings_followed"], small["horizon"], small["share"]) == (N, 90, 0.3)
    assert large["openings_still_needed"] == 0
    assert large["weeks"] == 0
    assert small["weeks"] > 100
    refused = experiment.client.get("/v1/reports/lift", query_string={"hoped": 0}, headers=experiment.key)
    assert refused.status_code == 422


def test_the_file_and_the_page(experiment: Running) -> None:
    text = experiment.client.get("/v1/reports/lift?format=csv", headers=experiment.key).get_data(as_text=True)
    read = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["measure"] for row in read] == ["purchases"] * 3 + ["value", "days"]
    page = sign_in(experiment).get("/reports/lift?hoped=0.5").get_data(as_text=True)
    assert "Held out and called" not in page
    assert "held out and called" in page
    assert '<option value="0.5" selected>' in page


def test_nothing_held_out_says_what_to_set(sqlite_store: Store) -> None:
    running = run(str(sqlite_store.engine.url), NoModel())
    assert "set handoff_holdout" in ask(running)["said"]
    assert "Nothing held out yet: set handoff_holdout" in sign_in(running).get("/reports/lift").get_data(as_text=True)
    running.store.append(events_table(openings(0.0).events))
    running.clock.now += DAY
    answer = ask(running)
    assert (answer["rows"], answer["leads_handed_over"], answer["plan"]) == ([], 0, None)
    running.store.close()
