"""The costs in force are those of the settings: a restart with others gives other dates, and nothing kept is mixed."""

from __future__ import annotations

from decimal import Decimal

from background_world import process
from serving_world import NOW, Clock, FixedModel, run
from small_scorer import small_scorer

from features.business_settings import Costs
from features.events import DAY, SECOND, Event, events_table, to_iso
from features.store import Store
from model.decision import CallCosts
from model.scorer import Scorer
from serving.background import drift, score_table
from serving.background.lease import Lease
from serving.background.refresh import Refresher
from serving.call_list import CallList
from serving.handoffs.judge import Judge
from serving.registry import Served

OTHERS = Costs(late=20, wasted_call=3, missed_days=1)


def view(lead: str, at: int) -> Event:
    return Event(event_id=f"{lead}-{at}", lead_id=lead, type="page_view", occurred_at=at, recorded_at=at)


def loaded(costs: Costs) -> Served:
    return Served(Scorer.from_files(small_scorer("v").to_files(), costs=costs), "1", NOW - 30 * DAY)


def test_a_scorer_is_loaded_with_the_costs_of_the_settings() -> None:
    files = small_scorer("v").to_files()
    assert Scorer.from_files(files).costs == CallCosts()
    assert Scorer.from_files(files, costs=OTHERS).costs == CallCosts.of(OTHERS)
    assert loaded(Costs()).key == loaded(Costs()).key != loaded(OTHERS).key


def test_a_restart_with_other_costs_gives_other_dates_at_once_and_says_so(database_url: str) -> None:
    store = Store.open(database_url, migrate=True)
    store.append(events_table([view("a", NOW - 9 * DAY)]))
    store.close()
    told = []
    for costs, now in ((Costs(), NOW), (Costs(), NOW + 60 * SECOND), (OTHERS, NOW + 3600 * SECOND)):
        models, clock = FixedModel(loaded(costs)), Clock(now)
        service = run(database_url, models, clock=clock, costs=costs)
        before_refresh = service.client.get("/v1/leads/a/score", headers=service.key)
        settings, lease = service.app.extensions["leadtime"].settings, Lease(service.store, "scores")
        assert lease.hold()
        Refresher(service.store, models, clock, settings, lease=lease, judge=Judge(service.store, 7)).run()
        lease.release()
        after = run(database_url, models, clock=clock, costs=costs)
        score = after.client.get("/v1/leads/a/score", headers=after.key)
        change = after.client.get("/v1/leads/a/change", headers=after.key).json
        listed = after.client.get("/v1/call-list", headers=after.key).json["leads"]
        assert [lead["handoff_on"] for lead in listed] == [score.json["handoff_on"]]
        assert score.json["cost_today"] == before_refresh.json["cost_today"]
        days = [part["days"] for part in change["parts"]]
        assert sum(days) == change["change"]["days"]
        assert sum(Decimal(str(part["readiness"])) for part in change["parts"]) == Decimal(
            str(change["change"]["readiness"])
        )
        assert change["now"]["call_on"] == score.json["call_on"]
        told.append((score.json, score.headers["ETag"], change["parts"][2]["text"]))
        service.store.close()
        after.store.close()
    (first, tag, _), (again, same_tag, _), (other, other_tag, text) = told
    assert (again, same_tag) == (first, tag), "kept over a restart with the same costs"
    assert other["as_of"] == to_iso(NOW + 3600 * SECOND)
    for name in ("call_on", "handoff_on", "cost_today", "cost_best"):
        assert other[name] != first[name]
    assert (other["p_30"], other["model_version"]) == (first["p_30"], first["model_version"])
    assert other_tag != tag
    assert text == f"the same model, at both ends by the costs in force: it answers so since {other['as_of']}"


def test_scores_by_other_costs_take_over_as_a_whole_and_drift_goes_on(store: Store) -> None:
    one = process(store)
    one.append(view(f"l{i:03d}", one.clock.now - DAY) for i in range(250))
    one.refresh()
    calls = CallList(store, one.models, one.clock)
    with store.reading() as connection:
        before = score_table.set_in_service(connection)
    one.models.scorer.asked.clear()
    one.models.scorer.costs = CallCosts(late=7.0)
    one.models.scorer.call_on |= {f"l{i:03d}": one.today(3) for i in range(250)}
    dates = set()
    while one.scores.hold() and len(dates) < 2:
        listing = calls.read(None, 1000, summary=True)
        assert list(listing.call_dates.values()) == [250], "no list mixes two costs"
        dates |= set(listing.call_dates)
        one.refresher.step()
    assert len(one.models.scorer.asked) == 250
    with store.reading() as connection:
        now = score_table.set_in_service(connection)
        assert before is not None
        assert now is not None
        assert now.registered == one.models.current().key != before.registered
        assert now.reference == before.reference
        assert drift.since_taken_over(connection, now) == 0
