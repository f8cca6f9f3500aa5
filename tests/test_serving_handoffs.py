"""A handoff is made exactly once for each opening of a purchase window."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import sqlalchemy as sa
from background_world import Process, ScriptedScorer, page_view, process
from serving_world import NOW, FixedModel, Running, World, run

from features.builder import Requests
from features.events import DAY, Event
from features.store import Store
from features.store.work import leases, webhook_deliveries
from serving.handoffs.listing import list_handoffs
from serving.registry import Served
from serving.webhooks.endpoints import Endpoints

pytest_plugins = ("serving_fixtures",)


def handoffs(store: Store, lead_id: str | None = None) -> list[dict]:
    found = list_handoffs(store, after=0, limit=1000, since=None, owner=None, lead_id=lead_id)
    return [handoff for _, handoff in found]


def in_log(store: Store) -> list[dict]:
    return [row for row in store.events().to_pylist() if row["type"] == "handoff"]


def queued(store: Store) -> list[tuple[str, str]]:
    with store.reading() as connection:
        found = connection.execute(sa.select(webhook_deliveries.c.type, webhook_deliveries.c.lead_id))
        return sorted((row.type, row.lead_id) for row in found)


@pytest.fixture
def one(store: Store) -> Iterator[Process]:
    """A process, with an endpoint, that knows of the lead ``a``: not due yet."""
    started = process(store)
    Endpoints(store, allow_private=True).create("http://127.0.0.1:9/", started.clock.now)
    started.append([page_view("a", started.clock.now - DAY)])
    return started


def test_a_window_opens_on_the_day_to_call_on(one: Process) -> None:
    one.models.scorer.call_on["a"] = one.today(1)
    one.refresh()
    assert handoffs(one.store) == []
    one.clock.now += DAY
    one.refresh()
    (found,) = handoffs(one.store)
    assert (found["lead_id"], found["number"], found["call_on"]) == ("a", 1, one.today().isoformat())
    assert found["window_start"] == one.today().isoformat()
    assert (found["p_30"], found["p_lost_90"], found["model_version"]) == (0.03, 0.09, "s1")
    assert (found["reasons"], found["owner"], found["closed_at"]) == (["Because"], None, None)
    (event,) = in_log(one.store)
    assert (event["event_id"], event["occurred_at"]) == (found["handoff_id"], one.clock.now)
    assert queued(one.store) == [("lead.window_opened", "a")]


def test_it_opens_some_days_ahead_of_a_date_that_moves_on(store: Store) -> None:
    """While nothing happens the best day lies as far ahead tomorrow as it does today."""
    one = process(store, handoff_days_ahead=5, handoff_close_days=3)
    one.append([page_view("a", one.clock.now - DAY)])
    for ahead, n_open, closed in ((6, 0, []), (5, 1, [None]), (8, 1, [None]), (9, 1, ["moved_away"])):
        one.models.scorer.call_on["a"] = one.today(ahead)
        one.append([page_view("a", one.clock.now, ahead)])
        one.refresh()
        assert len(handoffs(store)) == n_open
        assert [handoff["closed_because"] for handoff in handoffs(store)] == closed


def test_it_opens_when_waiting_begins_to_cost_more_than_a_call(store: Store) -> None:
    """Without days ahead the day is `handoff_on`, whatever `call_on` says, as long as a call is worth it at all."""
    one = process(store, handoff_days_ahead=None, handoff_close_days=3)
    one.append([page_view("a", one.clock.now - DAY)])
    one.models.scorer.call_on["a"] = one.today(25)
    for n, (ahead, closed) in enumerate([(None, []), (1, []), (0, [None]), (3, [None]), (None, ["moved_away"])]):
        one.models.scorer.handoff_on["a"] = None if ahead is None else one.today(ahead)
        one.append([page_view("a", one.clock.now, n)])
        one.refresh()
        assert [handoff["closed_because"] for handoff in handoffs(store)] == closed
    one.models.scorer.handoff_on["a"], one.models.scorer.call_on["a"] = one.today(), None
    one.append([page_view("a", one.clock.now, 9)])
    one.refresh()
    assert len(handoffs(store)) == 1


def test_it_opens_once_however_long_it_stays_open(one: Process) -> None:
    one.models.scorer.call_on["a"] = one.today()
    for n in range(5):
        one.append([page_view("a", one.clock.now, n)])
        one.refresh()
        one.clock.now += DAY // 2
    assert len(handoffs(one.store)) == len(in_log(one.store)) == len(queued(one.store)) == 1


def test_a_lead_that_is_not_worth_a_call_is_not_handed_off(one: Process) -> None:
    one.models.scorer.call_on["a"] = None
    one.refresh()
    one.clock.now += DAY
    one.refresh()
    assert in_log(one.store) == []


def test_it_closes_when_the_call_moves_away_and_may_open_again(one: Process) -> None:
    call_on = one.models.scorer.call_on
    for days, closed in ((0, None), (7, None), (8, "moved_away")):
        call_on["a"] = one.today(days)
        one.append([page_view("a", one.clock.now, days)])
        one.refresh()
        assert [handoff["closed_because"] for handoff in handoffs(one.store)] == [closed]
    assert queued(one.store) == [("lead.window_closed", "a"), ("lead.window_opened", "a")]
    call_on["a"] = one.today()
    one.append([page_view("a", one.clock.now, 100)])
    one.refresh()
    assert [handoff["number"] for handoff in handoffs(one.store)] == [1, 2]
    assert len({event["event_id"] for event in in_log(one.store)}) == 2
    call_on["a"] = None
    one.append([page_view("a", one.clock.now, 101)])
    one.refresh()
    assert [handoff["closed_because"] for handoff in handoffs(one.store)] == ["moved_away", "no_call_expected"]


@pytest.mark.parametrize("ending", ["purchased", "lost"])
def test_it_closes_when_the_lead_ends(one: Process, ending: str) -> None:
    one.models.scorer.call_on["a"] = one.today()
    one.refresh()
    at = one.clock.now
    one.append([Event(event_id="end", lead_id="a", type=ending, occurred_at=at, recorded_at=at)])
    one.refresh()
    (found,) = handoffs(one.store)
    assert found["closed_because"] == ending
    assert queued(one.store) == [("lead.window_closed", "a"), ("lead.window_opened", "a")]


def test_handoffs_of_a_lead_are_found_by_each_of_its_ids(one: Process) -> None:
    now = one.clock.now
    one.append([page_view("old", now - DAY)])
    one.models.scorer.call_on["old"] = one.today()
    one.refresh()
    (told,) = handoffs(one.store, "old")
    one.append([Event(event_id="m", lead_id="new", type="identify", occurred_at=now, recorded_at=now,
                      properties={"previous_id": "old"})])  # fmt: skip
    assert handoffs(one.store, "new") == handoffs(one.store, "old") == [told]


def test_it_closes_when_the_lead_ended_while_no_process_ran(one: Process) -> None:
    one.models.scorer.call_on["a"] = one.today()
    one.refresh()
    at = one.clock.now
    one.append([Event(event_id="end", lead_id="a", type="lost", occurred_at=at, recorded_at=at)])
    one.models.registered = "2"  # trained meanwhile: its scores begin after that event
    one.refresh()
    assert [handoff["closed_because"] for handoff in handoffs(one.store)] == ["lost"]


@pytest.mark.parametrize("step", ["append_in", "enqueue", "put_scores", "commit"])
def test_a_crash_between_steps_leaves_nothing_half_done(
    one: Process, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one.models.scorer.call_on["a"] = one.today()

    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt  # no error that anything catches

    with monkeypatch.context() as patch:
        if step == "append_in":
            patch.setattr(Store, "append_in", crash)
        elif step == "enqueue":
            patch.setattr("serving.handoffs.judge.enqueue", crash)
        elif step == "put_scores":
            patch.setattr("serving.background.score_table.put_scores", crash)
        else:
            judge = one.refresher._judge.judge
            patch.setattr(one.refresher._judge, "judge", lambda *given: (judge(*given), crash()))
        with pytest.raises(KeyboardInterrupt):
            one.refresh()
    assert (handoffs(one.store), in_log(one.store), queued(one.store)) == ([], [], [])
    with one.store.writing() as connection:  # the process is dead, its lease expires
        connection.execute(leases.update().values(expires_at=0))
    other = process(one.store, one.models.scorer)
    other.refresh()
    assert len(handoffs(one.store)) == len(in_log(one.store)) == len(queued(one.store)) == 1


def test_two_processes_that_race_make_one(database_url: str) -> None:
    """Each tries to take the lease again and again, and at times it is taken from the other in the middle of work."""
    stores = [Store.open(database_url) for _ in range(2)]
    scorer = ScriptedScorer()
    processes = [process(store, scorer) for store in stores]
    Endpoints(stores[0], allow_private=True).create("http://127.0.0.1:9/", processes[0].clock.now)
    leads = [f"l{i:02d}" for i in range(40)]
    processes[0].append(page_view(lead, processes[0].clock.now - DAY) for lead in leads)
    scorer.call_on.update(dict.fromkeys(leads, processes[0].today()))

    def work(one: Process) -> None:
        from serving.background.lease import LeaseLost

        for n in range(30):
            with one.store.writing() as connection:  # as if the other had been paused for long
                connection.execute(leases.update().values(expires_at=0))
            try:
                if one.scores.hold():
                    one.append([page_view(leads[n], one.clock.now, n)])
                    one.refresher.step()
            except LeaseLost:
                pass

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, processes))
    for one in processes:
        with one.store.writing() as connection:
            connection.execute(leases.update().values(expires_at=0))
        one.refresh()
    assert sorted(event["lead_id"] for event in in_log(stores[0])) == leads
    assert [number for number in (h["number"] for h in handoffs(stores[0])) if number != 1] == []
    assert queued(stores[0]) == [("lead.window_opened", lead) for lead in leads]
    for store in stores:
        store.close()


def test_a_handoff_does_not_disturb_the_scores(own_service: Running, world: World) -> None:
    times = np.full(1, NOW + DAY, dtype=np.int64)
    score = lambda: world.scorer.score(own_service.store.history(), Requests([world.open_lead], times)).to_json()  # noqa: E731
    before, known = score(), len(in_log(own_service.store))
    one = process(own_service.store)
    one.clock.now = NOW
    one.models.scorer.call_on[world.open_lead] = one.today()
    one.refresh()
    assert [event["lead_id"] for event in in_log(own_service.store)[known:]] == [world.open_lead]
    assert score() == before


def test_the_api_lists_them_page_by_page(own_service: Running) -> None:
    one = process(own_service.store)
    one.clock.now = NOW
    leads = own_service.store.lead_ids(open_only=True)[:5]
    one.models.scorer.call_on |= dict.fromkeys(leads, one.today())
    one.refresh()
    at = NOW + DAY
    one.clock.now = at
    one.append([Event(event_id="i", lead_id="late", type="identify", occurred_at=at, recorded_at=at,
                      properties={"owner": "Ann"}), page_view("late", at)])  # fmt: skip
    one.models.scorer.call_on["late"] = one.today()
    one.refresh()

    def ask(**query: object) -> dict:
        answer = own_service.client.get("/v1/handoffs", query_string=query, headers=own_service.key)
        assert answer.status_code == 200, answer.json
        return answer.json

    everything = ask()
    assert [handoff["lead_id"] for handoff in everything["handoffs"]] == [*leads, "late"]
    assert everything["next_cursor"] is None
    pages, cursor = [], "0"
    while cursor is not None:
        page = ask(limit=2, cursor=cursor)
        pages += page["handoffs"]
        cursor = page["next_cursor"]
    assert pages == everything["handoffs"]
    assert [handoff["lead_id"] for handoff in ask(since="2026-11-02")["handoffs"]] == ["late"]
    assert [handoff["lead_id"] for handoff in ask(owner="Ann")["handoffs"]] == ["late"]
    assert [handoff["lead_id"] for handoff in ask(lead_id=leads[0])["handoffs"]] == [leads[0]]
    for wrong in ({"cursor": "x"}, {"cursor": "-1"}, {"since": "soon"}, {"limit": 0}, {"what": 1}):
        answer = own_service.client.get("/v1/handoffs", query_string=wrong, headers=own_service.key)
        assert answer.status_code == 422, wrong


def test_the_real_model_hands_off_what_is_due(own_service: Running, world: World) -> None:
    """Whatever the model says to call today, and nothing else."""
    one = process(own_service.store)
    one.clock.now = NOW
    one.models = FixedModel(Served(world.scorer, "7"))
    one.refresher._models = one.models
    one.refresh()
    running = run(own_service.store.engine.url.render_as_string(), one.models)
    listed = running.client.get("/v1/call-list?limit=1000", headers=running.key).json["leads"]
    due = {lead["lead_id"] for lead in listed if lead["call_on"] and lead["call_on"] <= "2026-11-01"}
    assert {handoff["lead_id"] for handoff in handoffs(own_service.store)} == due
    running.store.close()
