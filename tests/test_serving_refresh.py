"""Scores are refreshed in the background by one process, and every process answers the call list from them."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from background_world import ScriptedScorer, page_view, process
from serving_world import NOW, FixedModel, Running, World, run

from features.events import DAY, SECOND, Event, to_iso
from features.store import Store
from features.store.work import score_sets, scores
from serving.answers import call_list_model, score_model
from serving.background import score_table
from serving.background.lease import Lease, LeaseLost
from serving.background.refresh import Refresher
from serving.call_list import CallList
from serving.handoffs.judge import Judge
from serving.registry import Served

pytest_plugins = ("serving_fixtures",)


def rows(store: Store) -> dict[str, sa.Row]:
    with store.reading() as connection:
        return {row.lead_id: row for row in connection.execute(sa.select(scores))}


def ended(lead_id: str, at: int, kind: str = "lost") -> Event:
    return Event(event_id=f"end-{lead_id}", lead_id=lead_id, type=kind, occurred_at=at, recorded_at=at)


def test_all_open_leads_are_scored_and_the_ended_are_not(store: Store) -> None:
    one = process(store)
    now = one.clock.now
    one.append([page_view("a", now - DAY), page_view("b", now - DAY), page_view("c", now - DAY), ended("c", now - 5)])
    one.refresh()
    found = rows(store)
    assert set(found) == {"a", "b"}
    assert {(row.registered, row.model_version, row.as_of, row.position) for row in found.values()} == {
        (one.models.current().key, "s1", now, store.position())
    }


def test_only_what_changed_is_scored_again_and_before_all_else(store: Store) -> None:
    one = process(store)
    yesterday = one.clock.now - DAY
    one.append(page_view(f"l{i:03d}", yesterday) for i in range(250))
    one.refresh()
    one.models.scorer.asked.clear()
    one.clock.now += 60 * SECOND
    one.append([page_view("l007", one.clock.now), ended("l008", one.clock.now), page_view("new", one.clock.now)])
    one.refresh()
    assert sorted(one.models.scorer.asked) == ["l007", "new"]
    assert len(rows(store)) == 250
    one.models.scorer.asked.clear()
    one.clock.now += DAY
    one.append([page_view("l249", one.clock.now)])
    one.refresh()
    assert one.models.scorer.asked[0] == "l249"
    assert len(set(one.models.scorer.asked)) == 250, "all once a day"
    one.models.scorer.asked.clear()
    one.refresh()
    assert one.models.scorer.asked == []


def test_how_old_a_score_gets_within_a_day_can_be_set(sqlite_store: Store) -> None:
    one = process(sqlite_store, scores_max_age_hours=2)
    one.clock.now = one.clock.now // DAY * DAY + 3600 * SECOND
    one.append([page_view("a", one.clock.now - DAY)])
    one.refresh()
    for hours, times in ((1, 1), (2.1, 2)):
        one.clock.now += int(hours * 3600 * SECOND)
        one.refresh()
        assert len(one.models.scorer.asked) == times


def test_those_to_be_called_soonest_are_scored_first_when_a_day_begins(store: Store) -> None:
    one = process(store)
    one.append(page_view(lead, one.clock.now - DAY) for lead in ("far", "near", "never"))
    one.models.scorer.call_on |= {"far": one.today(20), "near": one.today(1)}
    one.refresh()
    one.models.scorer.asked.clear()
    one.clock.now += DAY
    one.refresh()
    assert one.models.scorer.asked == ["near", "far", "never"]


def test_colleagues_of_whom_something_changed_are_scored_again(store: Store) -> None:
    one = process(store)
    now = one.clock.now
    one.append(
        Event(event_id=lead, lead_id=lead, type="identify", occurred_at=now - DAY, recorded_at=now - DAY,
              properties={"account_id": account})
        for lead, account in (("a", "X"), ("b", "X"), ("c", "Y"))
    )  # fmt: skip
    one.append([page_view(lead, now - DAY) for lead in ("a", "b", "c")])
    one.refresh()
    one.models.scorer.asked.clear()
    one.append([page_view("a", now)])
    one.refresh()
    assert sorted(one.models.scorer.asked) == ["a", "b"]


def test_a_new_model_takes_over_as_a_whole(store: Store) -> None:
    one = process(store)
    one.append(page_view(f"l{i:03d}", one.clock.now - DAY) for i in range(450))
    calls = CallList(store, one.models, one.clock)
    one.refresh()
    one.models.scorer, one.models.registered = ScriptedScorer(version="s2"), "2"
    seen = set()
    while True:
        listing = calls.read(None, 1000)
        assert listing.total == len(listing.leads) == 450
        assert {lead["model_version"] for lead in listing.leads} == {listing.model_version}
        seen.add(listing.model_version)
        if listing.model_version == "s2":
            break
        assert one.scores.hold()
        one.refresher.step()
    assert seen == {"s1", "s2"}
    assert len(rows(store)) == 450
    with store.reading() as connection:
        assert connection.execute(sa.select(score_sets.c.registered)).scalars().all() == [one.models.current().key]
    one.models.scorer, one.models.registered = ScriptedScorer(version="s1"), "1"  # the alias moved back
    one.refresh()
    assert calls.read(None, 1).model_version == "s1"


def test_another_process_goes_on_where_one_died(store: Store) -> None:
    one = process(store)
    one.append(page_view(f"l{i:03d}", one.clock.now - DAY) for i in range(450))
    assert one.scores.hold()
    one.refresher.step()
    assert 0 < len(rows(store)) < 450
    other = process(store)
    assert not other.scores.hold()
    one.scores.release()
    other.refresh()
    assert len(rows(store)) == 450
    assert len(set(other.models.scorer.asked)) < 450, "what was scored already is not scored again"
    with pytest.raises(LeaseLost):
        one.refresher.step()


def test_every_process_answers_from_the_refreshed_scores(own_service: Running, world: World) -> None:
    """The same list, to the byte, that the service would compute for itself."""
    ask = lambda path: own_service.client.get(path, headers=own_service.key).json  # noqa: E731
    own_service.clock.now = NOW
    computed = ask("/v1/call-list?limit=1000")
    owner = next(lead["owner"] for lead in computed["leads"] if lead["owner"])
    by_owner = ask(f"/v1/call-list?limit=7&owner={owner}")
    service = own_service.app.extensions["leadtime"]
    models, lease = FixedModel(Served(world.scorer, "7")), Lease(own_service.store, "scores")
    refresher = Refresher(
        own_service.store, models, own_service.clock, service.settings, lease=lease, judge=Judge(own_service.store, 7)
    )
    assert lease.hold()
    refresher.run()
    with own_service.store.reading() as connection:
        assert score_table.set_in_service(connection) is not None
    call_list_model(score_model((7, 30, 90))).model_validate(ask("/v1/call-list"))
    assert ask("/v1/call-list?limit=1000") == computed
    assert ask(f"/v1/call-list?limit=7&owner={owner}") == by_owner
    other = run(own_service.store.engine.url.render_as_string(), models)
    assert other.client.get("/v1/call-list?limit=1000", headers=other.key).json == computed
    other.store.close()
    own_service.clock.now += 3600 * SECOND
    lead = computed["leads"][0]["lead_id"]
    assert ask(f"/v1/leads/{lead}/score")["as_of"] == to_iso(NOW), "a single lead agrees with the list"
    assert ask("/v1/call-list")["as_of"] == to_iso(NOW)
    refresher.step()
    assert ask("/v1/call-list")["as_of"] == to_iso(NOW + 3600 * SECOND), "brought up to date with the log"


def test_the_list_orders_by_urgency_and_counts_dates(store: Store) -> None:
    one = process(store)
    one.append(page_view(lead, one.clock.now - DAY) for lead in ("b", "a", "c", "d"))
    one.models.scorer.call_on |= {"a": one.today(3), "b": one.today(3), "c": one.today()}
    one.refresh()
    listing = CallList(store, one.models, one.clock).read(None, 3, summary=True)
    assert [lead["lead_id"] for lead in listing.leads] == ["c", "a", "b"]
    assert listing.total == 4
    assert listing.call_dates == {one.today().isoformat(): 1, one.today(3).isoformat(): 2, None: 1}
