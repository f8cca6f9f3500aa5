"""A random share of leads is not handed over: the openings are recorded, nobody is told."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
import sqlalchemy as sa
from background_world import Process, page_view, process
from hypothesis import given
from hypothesis import strategies as st
from serving_world import NOW, FixedModel, World, run

from features.events import DAY
from features.store import Store
from features.store.work import webhook_deliveries
from serving.handoffs.holdout import Holdout
from serving.handoffs.listing import list_handoffs
from serving.registry import Served
from serving.webhooks.endpoints import Endpoints

pytest_plugins = ("serving_fixtures",)

LEADS = [f"l{i:03d}" for i in range(60)]
HALF = Holdout(0.5, "spring")


def queued(store: Store) -> list[tuple[str, str]]:
    with store.reading() as connection:
        found = connection.execute(sa.select(webhook_deliveries.c.type, webhook_deliveries.c.lead_id))
        return sorted((row.type, row.lead_id) for row in found)


def opened(store: Store) -> Process:
    """A process with an endpoint and a holdout of one half, after all windows have opened."""
    one = process(store, handoff_holdout=HALF.share, handoff_holdout_salt=HALF.salt)
    Endpoints(store, allow_private=True).create("http://127.0.0.1:9/", one.clock.now)
    one.append(page_view(lead, one.clock.now - DAY) for lead in LEADS)
    one.models.scorer.call_on |= dict.fromkeys(LEADS, one.today())
    one.refresh()
    return one


@given(st.text(), st.text(), st.floats(0, 1), st.floats(0, 1))
def test_the_draw_is_for_good_and_a_higher_share_only_adds_leads(lead: str, salt: str, one: float, two: float) -> None:
    low, high = sorted((one, two))
    assert Holdout(low, salt).holds(lead) <= Holdout(high, salt).holds(lead)
    assert not Holdout(0.0, salt).holds(lead)
    assert Holdout(1.0, salt).holds(lead)


def test_the_share_is_drawn_evenly_and_another_salt_draws_other_leads() -> None:
    leads = [f"L{i:08d}" for i in range(20_000)]
    one, two = ({lead for lead in leads if Holdout(0.1, salt).holds(lead)} for salt in ("a", "b"))
    for drawn in (one, two):
        assert abs(len(drawn) - 2000) < 4 * (20_000 * 0.1 * 0.9) ** 0.5
    assert abs(len(one & two) - 200) < 4 * 200**0.5
    assert Holdout(0.5, "a").holds("L00000001") is Holdout(0.5, "a").holds("L00000001")


def test_openings_of_the_holdout_are_in_the_log_and_nobody_is_told(store: Store) -> None:
    one = opened(store)
    out = {lead for lead in LEADS if HALF.holds(lead)}
    assert 0 < len(out) < len(LEADS)
    logged = {
        row["lead_id"]: orjson.loads(row["properties"])
        for row in store.events().to_pylist()
        if row["type"] == "handoff"
    }
    assert {lead for lead, properties in logged.items() if properties["held_out"]} == out
    assert set(logged) == set(LEADS)
    assert {properties["holdout_share"] for properties in logged.values()} == {0.5}
    told = [("lead.window_opened", lead) for lead in LEADS if lead not in out]
    assert queued(store) == told
    one.models.scorer.call_on |= dict.fromkeys(LEADS, one.today(30))
    one.refresher._judge._holdout = Holdout(0.0)  # whoever was held out stays so until the window closes
    one.clock.now += DAY
    one.refresh()
    assert queued(store) == sorted([*told, *(("lead.window_closed", lead) for _, lead in told)])
    found = [handoff for _, handoff in list_handoffs(store, after=0, limit=99, since=None, owner=None, lead_id=None)]
    assert {handoff["closed_because"] for handoff in found} == {"moved_away"}


@pytest.mark.parametrize("share", [0.0, 0.25])
def test_the_listing_shows_who_was_held_out_and_the_share(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    from serving_fixtures import copy_of

    monkeypatch.setenv("LEADTIME_HANDOFF_HOLDOUT", str(share))
    own_service = run(copy_of(world, tmp_path), FixedModel(Served(world.scorer, "7")))
    one = process(own_service.store)
    one.clock.now = NOW
    leads = own_service.store.lead_ids(open_only=True)[:20]
    one.models.scorer.call_on |= dict.fromkeys(leads, one.today())
    one.refresh()
    ask = lambda path: own_service.client.get(path, headers=own_service.key).json  # noqa: E731
    found = ask("/v1/handoffs")
    assert found["holdout_share"] == share
    assert {handoff["lead_id"]: handoff["held_out"] for handoff in found["handoffs"]} == {
        lead: Holdout(share).holds(lead) for lead in leads
    }
    assert {handoff["holdout_share"] for handoff in found["handoffs"]} == {share}
    listed = {lead["lead_id"] for lead in ask("/v1/call-list?limit=1000")["leads"]}
    assert set(leads) <= listed, "a lead that is held out stays on the call list"
    own_service.store.close()
