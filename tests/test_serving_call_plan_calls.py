"""What calls that were made, and the random holdout, do to the call plan."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from serving_world import Clock, FixedModel, Running, run
from small_scorer import small_scorer
from test_serving_call_plan import HOUR, MONDAY, open_window, planned
from test_serving_pages import sign_in

from features.business_settings import Costs, SalesSettings
from features.events import DAY, Event, events_table
from features.store import Store
from model.decision import CallCosts
from serving.call_plan import assemble
from serving.handoffs.holdout import Holdout
from serving.registry import Served

pytest_plugins = ("serving_fixtures",)

TODAY, TOMORROW = "2026-11-02", "2026-11-03"


def event(lead: str, kind: str, at: int, **properties: Any) -> Event:
    given = {name: value for name, value in properties.items() if value is not None}
    name = f"{lead}-{kind}-{at}-{properties.get('owner')}"
    return Event(event_id=name, lead_id=lead, type=kind, occurred_at=at, recorded_at=at, properties=given)


def alike(store: Store, leads: Iterable[str], owner: str = "kim", **settings: Any) -> Running:
    """A service on Monday morning with leads of which each is best called at once."""
    scorer = replace(small_scorer("1"), costs=CallCosts(early=1, late=60, wasted_call=0))
    service = run(str(store.engine.url), FixedModel(Served(scorer, "1")), clock=Clock(MONDAY), **settings)
    for lead in leads:
        told = [event(lead, "identify", MONDAY - 20 * DAY, owner=owner), event(lead, "page_view", MONDAY - 19 * DAY)]
        store.append(events_table(told))
    return service


def call(service: Running, lead: str, at: int, disposition: str | None = "on_time", owner: str | None = "kim") -> None:
    made = event(lead, "sales_call", at, disposition=disposition, owner=owner)
    service.store.append(events_table([made]))


def leads_of(service: Running, day: str, **query: Any) -> list[str]:
    return [lead["lead_id"] for lead in planned(service, **query)["leads"] if lead["planned_on"] == day]


def one_of(service: Running, lead_id: str) -> dict[str, Any]:
    return next(lead for lead in planned(service)["leads"] if lead["lead_id"] == lead_id)


def test_each_lead_is_called_before_one_that_was_reached_comes_again(sqlite_store: Store) -> None:
    service = alike(sqlite_store, ["L0", "L1", "L2", "L3"], sales=SalesSettings(capacity_per_day=1))
    called = []
    for day in range(4):
        service.clock.now = MONDAY + day * DAY
        (lead,) = leads_of(service, f"2026-11-0{2 + day}")
        call(service, lead, service.clock.now + HOUR)
        called.append(lead)
    assert sorted(called) == ["L0", "L1", "L2", "L3"]
    service.clock.now += DAY
    assert {(lead["state"], lead["due"], lead["planned_on"]) for lead in planned(service)["leads"]} == {
        ("called", None, None)
    }
    assert "the buyer was reached" in sign_in(service, "/call-plan").get("/call-plan").get_data(as_text=True)
    service.store.close()


@pytest.mark.parametrize(
    ("disposition", "state"),
    [("on_time", "called"), ("Too_Late", "called"), ("not_a_buyer", "called"), ("busy", "called"), (None, "called"),
     ("no_answer", "due_today"), ("wrong_person", "due_today"), ("too_early", "coming")],
)  # fmt: skip
def test_only_a_call_that_reached_the_buyer_settles_a_lead(
    sqlite_store: Store, disposition: str | None, state: str
) -> None:
    service = alike(sqlite_store, ["L"])
    open_window(sqlite_store, "L", MONDAY - DAY, "2026-11-02")
    call(service, "L", MONDAY, disposition)
    service.clock.now = MONDAY + DAY
    found = one_of(service, "L")
    assert found["state"] == state
    assert found["planned_on"] == {"called": None, "due_today": TOMORROW, "coming": "2026-11-09"}[state]
    service.store.close()


def test_a_try_in_vain_after_a_call_that_reached_the_buyer_changes_nothing(sqlite_store: Store) -> None:
    service = alike(sqlite_store, ["L"])
    call(service, "L", MONDAY - 3 * DAY)
    call(service, "L", MONDAY - 2 * DAY, "no_answer")
    assert one_of(service, "L")["state"] == "called"
    service.store.close()


def test_who_was_called_too_early_comes_back_by_its_date_after_a_pause(sqlite_store: Store) -> None:
    service = alike(sqlite_store, ["L"], handoff_close_days=3)
    call(service, "L", MONDAY - HOUR, "too_early")
    found = one_of(service, "L")
    assert (found["state"], found["due"], found["planned_on"]) == ("coming", "2026-11-05", "2026-11-05")
    service.clock.now = MONDAY + 3 * DAY
    assert (one_of(service, "L")["state"], leads_of(service, "2026-11-05")) == ("due_today", ["L"])
    open_window(sqlite_store, "L", MONDAY, "2026-11-02")
    assert one_of(service, "L")["state"] == "due_today", "opened on the day of the call: not a new opening"
    service.store.close()


@pytest.mark.parametrize("disposition", ["on_time", "too_early"])
def test_a_new_opening_brings_a_lead_back(sqlite_store: Store, disposition: str) -> None:
    service = alike(sqlite_store, ["same day", "later"])
    for lead, days in (("same day", 0), ("later", 1)):
        call(service, lead, MONDAY - 2 * DAY, disposition)
        open_window(sqlite_store, lead, MONDAY + (days - 2) * DAY + HOUR, "2026-11-09")
    assert (one_of(service, "later")["state"], leads_of(service, TODAY)) == ("overdue", ["later"])
    assert one_of(service, "same day")["state"] in ("called", "coming")
    service.store.close()


def test_within_the_lead_time_a_new_opening_is_part_of_the_same_deal(sqlite_store: Store) -> None:
    service = alike(sqlite_store, ["L"], costs=Costs(lead_time=14))
    call(service, "L", MONDAY - 5 * DAY)
    open_window(sqlite_store, "L", MONDAY, "2026-11-02")
    for days, state in ((0, "called"), (8, "called"), (9, "overdue")):
        service.clock.now = MONDAY + days * DAY
        assert one_of(service, "L")["state"] == state
    service.store.close()


def test_leads_that_are_being_worked_on_leave_the_plan_to_the_others(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assemble, "LOOKED_AT", 2)
    service = alike(sqlite_store, [f"L{i}" for i in range(9)])
    for i in range(5):
        call(service, f"L{i}", MONDAY - 3 * DAY)
    plan = planned(service)
    assert [lead["lead_id"] for lead in plan["leads"] if lead["planned_on"]] == ["L5", "L6"]
    assert (plan["total"], len(plan["leads"])) == (9, 7)
    service.store.close()


def test_a_call_takes_room_of_who_made_it_whatever_became_of_the_lead(sqlite_store: Store) -> None:
    service = alike(sqlite_store, [f"L{i}" for i in range(6)], sales=SalesSettings(capacity_per_day=3))
    assert len(leads_of(service, TODAY)) == 3
    call(service, "L0", MONDAY - DAY - HOUR, owner="kim")
    call(service, "L1", MONDAY - 2 * HOUR, owner="kim")
    call(service, "L2", MONDAY - 2 * HOUR, owner="lou")
    call(service, "L3", MONDAY - 2 * HOUR, owner=None)
    assert len(leads_of(service, TODAY)) == 1, "of today's calls lou's is not kim's; that of nobody is the owner's"
    ended = [event("L1", "purchased", MONDAY - HOUR), event("L3", "lost", MONDAY - HOUR)]
    sqlite_store.append(events_table(ended))
    service.clock.now += 120_000_000  # a list that is computed for the asking is kept for a minute
    assert len(leads_of(service, TODAY)) == 1
    service.store.close()


def test_a_call_under_a_former_id_is_the_leads(sqlite_store: Store) -> None:
    service = alike(sqlite_store, ["new", "old"], owner="kim")
    call(service, "old", MONDAY - HOUR, owner=None)
    sqlite_store.append(events_table([event("new", "identify", MONDAY - HOUR, previous_id="old")]))
    found = one_of(service, "new")
    assert (found["state"], found["called_today"]) == ("called", True)
    service.store.close()


def test_a_lead_that_is_held_out_is_not_to_be_called(sqlite_store: Store) -> None:
    draw = Holdout(0.5, "autumn")
    drawn = sorted(f"L{i}" for i in range(12) if draw.holds(f"L{i}"))
    others = sorted({f"L{i}" for i in range(12)} - set(drawn))
    service = alike(
        sqlite_store, drawn + others, handoff_holdout=draw.share, handoff_holdout_salt=draw.salt,
        sales=SalesSettings(capacity_per_day=50),
    )  # fmt: skip
    open_window(sqlite_store, drawn[0], MONDAY - 3 * DAY, "2026-10-30", held_out=True, holdout_share=0.5)
    open_window(sqlite_store, drawn[1], MONDAY - 3 * DAY, "2026-10-30", held_out=False)  # told before the holdout
    open_window(sqlite_store, others[0], MONDAY - 3 * DAY, "2026-10-30", held_out=True, holdout_share=0.9)
    untold = {*drawn, others[0]} - {drawn[1]}
    leads = {lead["lead_id"]: lead for lead in planned(service)["leads"]}
    assert {lead_id for lead_id, lead in leads.items() if lead["state"] == "held_out"} == untold
    assert {leads[lead_id][name] for lead_id in untold for name in ("planned_on", "due")} == {None}
    assert {lead_id for lead_id, lead in leads.items() if lead["planned_on"]} == set(leads) - untold
    assert leads[drawn[1]]["state"] == "overdue"
    client = sign_in(service, "/")
    page = client.get("/call-plan").get_data(as_text=True)
    assert [f'/leads/{lead_id}"' in page for lead_id in (drawn[0], others[0], drawn[1])] == [False, False, True]
    assert f"<dt>held out</dt><dd>{len(untold)}</dd>" in page
    listed = client.get("/").get_data(as_text=True)
    assert listed.count(">held out<") == len(untold)
    assert listed.count('badge today">today<') == len(leads) - len(untold)
    assert "held out: please do not call" in client.get(f"/leads/{drawn[0]}").get_data(as_text=True)
    assert "held out: please" not in client.get(f"/leads/{drawn[1]}").get_data(as_text=True)
    service.store.close()
