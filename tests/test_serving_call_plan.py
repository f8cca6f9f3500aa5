"""Whom to call on which day, as the API answers it."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from serving_world import FixedModel, Running, World, run

from features.business_settings import Salesperson, SalesSettings
from features.errors import InputError
from features.events import DAY, SECOND, Event, content_id, events_table, parse_time
from features.settings import Settings
from features.store import Store
from features.store.schema import events as log
from features.store.work import openings
from model.decision import CallCosts
from serving.app import create_app
from serving.call_plan.closed_days import closed_days
from serving.registry import Served

pytest_plugins = ("serving_fixtures",)

HOUR = 3600 * SECOND
MONDAY = parse_time("2026-11-02T09:00:00Z")  # NOW is a Sunday


@pytest.fixture
def urgent(world: World, tmp_path: Path) -> Iterator[Running]:
    """A service whose costs make many calls due at once."""
    scorer = replace(world.scorer, costs=CallCosts(early=1, late=60, wasted_call=0))
    running = run(f"sqlite:///{shutil.copy(world.file, tmp_path)}", FixedModel(Served(scorer, "7")))
    yield running
    running.store.close()


def planned(service: Running, **query: object) -> dict[str, Any]:
    answer = service.client.get("/v1/call-plan", query_string=query, headers=service.key)
    assert answer.status_code == 200, answer.text
    return answer.get_json()  # type: ignore[no-any-return]


def with_sales(service: Running, **sales: Any) -> Running:
    """The same store with other settings."""
    models = service.app.extensions["leadtime"].models
    settings = Settings(database_url=str(service.store.engine.url), sales=SalesSettings(**sales))
    return Running(
        create_app(settings, service.store, models, service.clock), service.store, service.clock, service.key
    )


def test_nobody_is_called_on_a_weekend_and_never_more_than_there_is_room(urgent: Running) -> None:
    service = with_sales(urgent, capacity_per_day=3, people={"unknown": Salesperson(capacity_per_day=1)})
    plan = planned(service, days=4)
    assert plan["days"] == ["2026-11-02", "2026-11-03", "2026-11-04", "2026-11-05"]
    taken = Counter((lead["owner"], lead["planned_on"]) for lead in plan["leads"] if lead["planned_on"])
    assert taken
    assert max(taken.values()) <= 3
    assert set(plan["capacities"].values()) == {3}
    for lead in plan["leads"]:
        assert lead["planned_on"] is None or lead["planned_on"] in plan["days"]
        assert 0 <= lead["best_weekday"] <= 4
        assert 8 <= lead["best_hour"] < 18
    days = [lead["planned_on"] or "9999" for lead in plan["leads"]]
    assert days == sorted(days)


def test_with_room_for_all_each_is_called_when_waiting_begins_to_cost_more(urgent: Running) -> None:
    urgent.clock.now = MONDAY
    plan = planned(with_sales(urgent, capacity_per_day=500), days=5)
    waiting = [lead for lead in plan["leads"] if lead["due"] and lead["due"] == lead["handoff_on"]]
    at_hand = [lead for lead in waiting if lead["handoff_on"] <= "2026-11-06"]
    assert at_hand
    assert all(lead["planned_on"] == lead["handoff_on"] for lead in at_hand)
    assert all(lead["cost_of_delay"] >= 0 for lead in plan["leads"])


def test_without_room_nobody_is_planned(own_service: Running) -> None:
    plan = planned(with_sales(own_service, capacity_per_day=0))
    assert plan["leads"]
    assert {lead["planned_on"] for lead in plan["leads"]} == {None}


def test_one_salesperson_sees_own_leads(service: Running) -> None:
    everyone = planned(service)
    owner = next(lead["owner"] for lead in everyone["leads"] if lead["owner"])
    plan = planned(service, owner=owner)
    assert {lead["owner"] for lead in plan["leads"]} == {owner}
    own = {lead["lead_id"]: lead["planned_on"] for lead in everyone["leads"] if lead["owner"] == owner}
    if everyone["total"] <= 500:
        assert own == {lead["lead_id"]: lead["planned_on"] for lead in plan["leads"]}


def test_who_was_called_today_is_not_called_again_and_takes_room(urgent: Running) -> None:
    urgent.clock.now = MONDAY
    service = with_sales(urgent, capacity_per_day=1)
    first = next(lead for lead in planned(service)["leads"] if lead["planned_on"] == "2026-11-02")
    urgent.store.append(
        events_table([Event(event_id="c", lead_id=first["lead_id"], type="sales_call", occurred_at=MONDAY - HOUR,
                            recorded_at=MONDAY - HOUR, properties={"disposition": "no_answer"})])
    )  # fmt: skip
    plan = planned(service)
    again = next(lead for lead in plan["leads"] if lead["lead_id"] == first["lead_id"])
    assert again["called_today"]
    assert again["planned_on"] != "2026-11-02"
    today = [lead for lead in plan["leads"] if lead["planned_on"] == "2026-11-02"]
    assert first["owner"] not in {lead["owner"] for lead in today}


def open_window(store: Store, lead: str, at: int, call_on: str, **told: Any) -> None:
    event = Event(event_id=content_id("handoff", lead), lead_id=lead, type="handoff", occurred_at=at, recorded_at=at,
                  properties={"number": 1, "call_on": call_on, **told})  # fmt: skip
    store.append(events_table([event]))
    with store.writing() as connection:
        position = connection.execute(log.select().where(log.c.event_id == event.event_id)).one().position
        row = {"lead_id": lead, "number": 1, "event_id": event.event_id, "position": position, "opened_at": at}
        connection.execute(openings.insert().values(row))


def test_a_date_that_passed_without_a_call_is_overdue(own_service: Running) -> None:
    own_service.clock.now = MONDAY
    leads = [lead["lead_id"] for lead in planned(own_service)["leads"][:3]]
    open_window(own_service.store, leads[0], MONDAY - 3 * DAY, "2026-10-30")
    open_window(own_service.store, leads[1], MONDAY - 3 * DAY, "2026-10-30")
    open_window(own_service.store, leads[2], MONDAY - HOUR, "2026-11-02")
    at = MONDAY - 2 * DAY
    own_service.store.append(
        events_table([Event(event_id="c", lead_id=leads[1], type="sales_call", occurred_at=at, recorded_at=at)])
    )
    found = {lead["lead_id"]: lead for lead in planned(own_service)["leads"]}
    assert (found[leads[0]]["state"], found[leads[0]]["due"]) == ("overdue", "2026-10-30")
    assert found[leads[1]]["state"] != "overdue"
    assert (found[leads[2]]["state"], found[leads[2]]["due"]) == ("due_today", "2026-11-02")


def test_nothing_to_plan(empty_service: Running) -> None:
    plan = planned(empty_service)
    assert (plan["leads"], plan["total"], len(plan["days"])) == ([], 0, 5)


def test_holidays_of_the_country_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {}

    def country_holidays(country: str, *, subdiv: str | None, years: range) -> dict[date, str]:
        if country == "XX":
            raise NotImplementedError("Country XX not available")
        asked.update(country=country, subdiv=subdiv, years=list(years))
        return {date(2026, 11, 2): "a holiday"}

    monkeypatch.setitem(sys.modules, "holidays", SimpleNamespace(country_holidays=country_holidays))
    sales = SalesSettings(country="DE-BY", closed=(date(2026, 11, 3),))
    assert closed_days(sales, range(2026, 2028)) == {date(2026, 11, 2), date(2026, 11, 3)}
    assert asked == {"country": "DE", "subdiv": "BY", "years": [2026, 2027]}
    with pytest.raises(InputError, match="a country such as DE"):
        closed_days(SalesSettings(country="XX"), range(2026, 2027))
    monkeypatch.setitem(sys.modules, "holidays", None)
    with pytest.raises(InputError, match=r"name the days in sales\.closed"):
        closed_days(sales, range(2026, 2027))


def test_an_open_window_is_due_on_the_day_it_opened_or_on_its_call_date_where_settings_say_so(
    own_service: Running,
) -> None:
    own_service.clock.now = MONDAY
    lead = planned(own_service)["leads"][0]["lead_id"]
    open_window(own_service.store, lead, MONDAY - HOUR, "2026-11-12")
    models = own_service.app.extensions["leadtime"].models
    by_date = run(str(own_service.store.engine.url), models, clock=own_service.clock, handoff_days_ahead=21)
    for service, expected in ((own_service, ("due_today", "2026-11-02")), (by_date, ("coming", "2026-11-12"))):
        found = next(one for one in planned(service)["leads"] if one["lead_id"] == lead)
        assert (found["state"], found["due"]) == expected
    own_service.clock.now = MONDAY + DAY
    found = next(one for one in planned(own_service)["leads"] if one["lead_id"] == lead)
    assert found["state"] == "overdue"
    by_date.store.close()
