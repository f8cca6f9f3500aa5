"""The ranked call list: open leads, most urgent first, fresh but not computed for every request."""

from __future__ import annotations

import csv
import io

import pytest
from serving_world import NOW, Clock, Running, World

from features.events import DAY, SECOND, Event, events_table, to_iso
from features.lives import OPEN, lead_lives
from serving.answers import call_list_model, score_model
from serving.call_list import CallList, compute
from serving.registry import Served

pytest_plugins = ("serving_fixtures",)


def test_all_open_leads_are_ranked_by_urgency(get, service: Running) -> None:
    status, answer = get("/v1/call-list", limit=1000)
    assert status == 200
    call_list_model(score_model((7, 30, 90))).model_validate(answer)
    history = service.store.history()
    lives = lead_lives(history, NOW)
    expected = {lead for lead, outcome in zip(history.lead_ids, lives.outcome, strict=True) if outcome == OPEN}
    assert {lead["lead_id"] for lead in answer["leads"]} == expected
    assert answer["total"] == len(expected)
    keys = [(-lead["priority"], lead["call_on"] or "9999") for lead in answer["leads"]]
    assert keys == sorted(keys)
    assert len({call_on for priority, call_on in keys if priority == 0}) > 1


def test_its_scores_are_those_of_the_single_leads(get) -> None:
    lead = get("/v1/call-list", limit=1)[1]["leads"][0]
    single = get(f"/v1/leads/{lead['lead_id']}/score")[1]
    assert {name: lead[name] for name in single} == single


def test_it_can_be_limited_to_an_owner(get) -> None:
    everyone = get("/v1/call-list", limit=1000)[1]["leads"]
    owner = next(lead["owner"] for lead in everyone if lead["owner"])
    answer = get("/v1/call-list", limit=3, owner=owner)[1]
    assert answer["leads"] == [lead for lead in everyone if lead["owner"] == owner][:3]
    assert answer["total"] == sum(lead["owner"] == owner for lead in everyone)
    assert get("/v1/call-list", owner="nobody")[1]["leads"] == []


def test_a_past_list_is_what_it_would_have_been_then(own_service: Running) -> None:
    past = to_iso(NOW - 30 * DAY)
    ask = lambda: own_service.client.get(f"/v1/call-list?as_of={past}&limit=1000", headers=own_service.key).json  # noqa: E731
    before = ask()
    own_service.store.append(
        events_table([Event(event_id="n", lead_id="new", type="page_view", occurred_at=NOW - 1, recorded_at=NOW - 1)])
    )
    assert ask() == before
    assert before["as_of"] == past
    assert before["leads"] != own_service.client.get("/v1/call-list?limit=1000", headers=own_service.key).json["leads"]


@pytest.mark.parametrize(
    ("name", "value"), [("limit", 0), ("limit", 1001), ("limit", "x"), ("owner", ""), ("order", 1)]
)
def test_wrong_parameters_are_422(get, name: str, value: object) -> None:
    status, answer = get("/v1/call-list", **{name: value})
    assert status == 422
    assert name in answer["detail"]["query"]


def test_an_empty_log_gives_an_empty_list(empty_service: Running) -> None:
    answer = empty_service.client.get("/v1/call-list", headers=empty_service.key)
    assert (answer.status_code, answer.json["leads"], answer.json["total"]) == (200, [], 0)


class _Models:
    """A model whose version a test changes."""

    def __init__(self, world: World) -> None:
        self.scorer, self.version = world.scorer, "1"

    def current(self) -> Served:
        return Served(self.scorer, self.version)


def test_before_the_first_refresh_it_is_computed_and_kept_until_something_changes(
    own_service: Running, world: World
) -> None:
    clock, models = Clock(), _Models(world)
    calls = CallList(own_service.store, models, clock)
    first = calls.read(None, 1000)
    assert calls._first() is calls._first()
    event = Event(event_id="a", lead_id="new", type="page_view", occurred_at=NOW, recorded_at=NOW)
    own_service.store.append(events_table([event]))
    second = calls.read(None, 1000)
    assert {lead["lead_id"] for lead in second.leads} - {lead["lead_id"] for lead in first.leads} == {"new"}
    kept = calls._first()
    models.version = "2"
    assert calls._first().registered == "2"
    clock.now += 61 * SECOND
    assert calls._first().as_of == clock.now != kept.as_of


def test_equal_priorities_keep_one_order(own_service: Running, world: World) -> None:
    served = Served(world.scorer, "1")
    twins = [
        Event(event_id=f"t{i}", lead_id=f"twin{i}", type="page_view", occurred_at=NOW - DAY, recorded_at=NOW - DAY)
        for i in (2, 0, 1)
    ]
    own_service.store.append(events_table(twins))
    order = [lead["lead_id"] for lead in compute(own_service.store, served, NOW).leads if lead["lead_id"][:4] == "twin"]
    assert order == ["twin0", "twin1", "twin2"]


def test_it_is_a_file_too(service: Running, get) -> None:
    leads = get("/v1/call-list", limit=5)[1]["leads"]
    query = {"limit": 5, "format": "csv"}
    answer = service.client.get("/v1/call-list", query_string=query, headers=service.key)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="call-list.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True), newline="")))
    assert [row["lead_id"] for row in rows] == [lead["lead_id"] for lead in leads]
    assert set(rows[0]) == {*leads[0]} - {"curve"}
    assert rows[0]["reasons"] == "; ".join(leads[0]["reasons"])
