"""The call plan as a page and as CSV: the same leads and days as the API's answer."""

from __future__ import annotations

import csv
import io
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from serving_world import FixedModel, NoModel, Running, World, run
from test_serving_pages import sign_in

from features.events import Event, events_table, parse_time
from features.store import Store
from model.decision import CallCosts
from serving.call_plan.views import PlannedLead
from serving.registry import Served

pytest_plugins = ("serving_fixtures",)

MONDAY = parse_time("2026-11-02T09:00:00Z")


@pytest.fixture(scope="module")
def urgent(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service whose costs make many calls due at once."""
    folder = tmp_path_factory.mktemp("plan")
    scorer = replace(world.scorer, costs=CallCosts(early=1, late=60, wasted_call=0))
    running = run(f"sqlite:///{shutil.copy(world.file, folder)}", FixedModel(Served(scorer, "7")))
    running.clock.now = MONDAY
    at = {"occurred_at": MONDAY - 1, "recorded_at": MONDAY - 1}
    odd = {"owner": "=cmd()", "value": {"amount": 1}}
    events = [Event(event_id="odd", lead_id="odd", type="identify", properties=odd, **at),
              Event(event_id="look", lead_id="odd", type="page_view", **at)]  # fmt: skip
    running.store.append(events_table(events))
    yield running
    running.store.close()


def planned(service: Running, **query: object) -> dict[str, Any]:
    return service.client.get("/v1/call-plan", query_string=query, headers=service.key).get_json()


def test_the_file_holds_the_leads_of_the_answer(urgent: Running) -> None:
    leads = planned(urgent, days=3)["leads"]
    answer = urgent.client.get("/v1/call-plan", query_string={"days": 3, "format": "csv"}, headers=urgent.key)
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="call-plan.csv"'
    read = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True), newline="")))
    assert list(read[0]) == list(PlannedLead.model_fields)
    assert [row["lead_id"] for row in read] == [lead["lead_id"] for lead in leads]
    assert [row["planned_on"] for row in read] == [lead["planned_on"] or "" for lead in leads]
    assert read[0]["reasons"] == "; ".join(leads[0]["reasons"])
    odd = next(row for row in read if row["lead_id"] == "odd")
    assert (odd["owner"], odd["value"]) == ("'=cmd()", '{"amount":1}')


def test_the_page_shows_each_day_with_its_calls(urgent: Running) -> None:
    plan = planned(urgent, days=2)
    text = sign_in(urgent, "/call-plan").get("/call-plan?days=2&owner=").get_data(as_text=True)
    assert "<script" not in text
    assert "style=" not in text
    for heading, day in (("Monday, 2 Nov 2026", "2026-11-02"), ("Tuesday, 3 Nov 2026", "2026-11-03")):
        after = text[text.index(heading) :]
        shown = after[: after.index("</table>")]
        mine = [lead["lead_id"] for lead in plan["leads"] if lead["planned_on"] == day]
        assert re.findall(r'href="/leads/([^"]+)"', shown) == mine
        assert f"{len(mine)} call" in shown
    assert ">due today<" in text
    rest = [lead for lead in plan["leads"] if lead["planned_on"] is None and lead["state"] in ("coming", "no_call")]
    assert (f"{len(rest)} more lead" in text) == bool(rest)


def test_one_salesperson_and_the_file_of_what_is_shown(urgent: Running) -> None:
    client = sign_in(urgent, "/call-plan")
    owner = next(lead["owner"] for lead in planned(urgent)["leads"] if lead["owner"])
    text = client.get("/call-plan", query_string={"owner": owner}).get_data(as_text=True)
    assert f"<option selected>{owner}</option>" in text
    link = re.search(r'href="(/call-plan[^"]+format=csv[^"]*)"', text)[1].replace("&amp;", "&")
    rows = list(csv.DictReader(io.StringIO(client.get(link).get_data(as_text=True), newline="")))
    assert {row["owner"] for row in rows} == {owner}
    assert client.get("/").get_data(as_text=True).count('href="/call-plan"') >= 1


def test_what_cannot_be_asked_is_refused_on_the_page_too(urgent: Running) -> None:
    client = sign_in(urgent, "/call-plan")
    for query in ("days=0", "days=99", "format=xlsx", "colour=red"):
        assert client.get(f"/call-plan?{query}", headers={"Accept": "text/html"}).status_code == 422


def test_the_page_without_leads_and_without_a_model(empty_service: Running, sqlite_store: Store) -> None:
    assert "Nobody to call" in sign_in(empty_service, "/call-plan").get("/call-plan").get_data(as_text=True)
    running = run(str(sqlite_store.engine.url), NoModel())
    assert "No model yet" in sign_in(running, "/call-plan").get("/call-plan").get_data(as_text=True)
    running.store.close()
