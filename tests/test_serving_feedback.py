"""The reports back to marketing over HTTP, as CSV and as pages."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from serving_world import NoModel, Running, run
from test_model_measurement_feedback import crowd, returned
from test_serving_pages import sign_in

from features.events import events_table
from features.store import Store
from serving.measurement.feedback_payloads import FeedbackReport, PathsReport, ReasonsReport, SatisfiedReport


@pytest.fixture
def filled(sqlite_store: Store) -> Iterator[Running]:
    running = run(str(sqlite_store.engine.url), NoModel())
    running.store.append(events_table(crowd().events))
    yield running
    running.store.close()


def ask(running: Running, name: str, **query: object) -> Any:
    answer = running.client.get(f"/v1/reports/{name}", query_string=query, headers=running.key)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.json if answer.mimetype == "application/json" else answer.get_data(as_text=True)


def test_the_profile_of_the_most_satisfied(filled: Running) -> None:
    answer = ask(filled, "satisfied")
    SatisfiedReport.model_validate(answer)
    assert (answer["satisfied"], answer["others"], answer["satisfied_from"]) == (20, 40, 9)
    assert answer["compared"] == len(answer["rows"])
    (guide,) = (row for row in answer["rows"] if row["value"] == "guide")
    assert (guide["kind"], guide["satisfied_share"], guide["others_share"], guide["lift"]) == ("section", 1, 0.1, 10)
    (webinar,) = (row for row in answer["rows"] if row["value"] == "webinar")
    assert (webinar["lift"], webinar["lift_high"]) == (None, None), "none of the others: no finite ratio"
    assert webinar["lift_low"] > 3
    assert ask(filled, "satisfied", against="lost")["others"] == 30
    assert ask(filled, "satisfied", until="2020-01-01")["rows"] == []
    rows = list(csv.DictReader(io.StringIO(ask(filled, "satisfied", format="csv"), newline="")))
    assert [row["value"] for row in rows] == [row["value"] for row in answer["rows"]]


def test_their_paths(filled: Running) -> None:
    answer = ask(filled, "satisfied-paths", against="rated")
    PathsReport.model_validate(answer)
    assert answer["rows"][0] == {
        "kind": "channel", "first": "webinar", "middle": None, "last": None,
        "satisfied": 20, "satisfied_share": 1, "others": 0, "others_share": 0,
    }  # fmt: skip
    assert [(row["first"], row["last"], row["satisfied"]) for row in answer["rows"][1:]] == [
        ("/home", "/guide/0", 10), ("/home", "/guide/1", 10),
    ]  # fmt: skip


def test_what_came_back_from_sales(sqlite_store: Store) -> None:
    running = run(str(sqlite_store.engine.url), NoModel())
    running.store.append(events_table(returned().events))
    answer = ask(running, "feedback", by="campaign")
    FeedbackReport.model_validate(answer)
    assert (answer["total"]["calls"], answer["total"]["rejected_share"]) == (6, 0.5)
    assert [(row["campaign"], row["too_early"], row["satisfaction"]) for row in answer["rows"]] == [
        ("spring", 1, 8.0), (None, 0, None),
    ]  # fmt: skip
    found = ask(running, "reasons")
    ReasonsReport.model_validate(found)
    assert {row["reason"]: row["leads"] for row in found["rows"] if row["outcome"] == "lost"} == {"no_budget": 1}
    running.store.close()


@pytest.mark.parametrize("against", ["customers", "rated", "lost"])
def test_pages_tell_whom_they_compare_and_how_sure_that_is(filled: Running, against: str) -> None:
    client = sign_in(filled)
    text = client.get(f"/reports/satisfied?against={against}").get_data(as_text=True)
    assert "<td>guide</td>" in text
    assert f'<option value="{against}" selected>' in text
    assert "facts compared" in text
    assert client.get(f"/reports/satisfied-paths?against={against}&format=csv").mimetype == "text/csv"
