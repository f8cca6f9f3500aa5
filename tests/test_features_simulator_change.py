"""A market that changes on a day: as it was before, another one from then on."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from features.sources.simulator import Change, World, simulate
from features.sources.simulator.dynamics import Span
from features.sources.simulator.journeys import Journeys, draw_journeys
from features.sources.simulator.market import SOURCES

DAY = 200
SPAN = Span(date(2026, 11, 1), 400)
SOURCE = [source.name for source in SOURCES].index("search_ads")


def drawn(change: Change | None) -> Journeys:
    return draw_journeys(0, 2_000, seed=1, world=World("own", change=change), span=SPAN)


@pytest.fixture(scope="module")
def steady() -> Journeys:
    return drawn(None)


@pytest.mark.parametrize("change", [Change(DAY, buys=5), Change(DAY, honest=0.01), Change(DAY, gone="search_ads")])
def test_until_then_nothing_is_different(steady: Journeys, change: Change) -> None:
    changed = drawn(change)
    early = steady.people.created < DAY
    assert (changed.people.source == steady.people.source)[early].all()
    ended = (steady.ends[:, 0] > 0) & (steady.ends[:, 1] < DAY)
    assert (changed.ends[ended] == steady.ends[ended]).all()
    assert (changed.people.created == steady.people.created).all()


def test_more_buy_from_then_on(steady: Journeys) -> None:
    def bought(journeys: Journeys) -> int:
        return int(((journeys.ends[:, 0] == 1) & (journeys.ends[:, 1] >= DAY)).sum())

    assert bought(drawn(Change(DAY, buys=5))) > 1.3 * bought(steady)


def test_deadlines_slip_from_then_on(steady: Journeys) -> None:
    def honest(journeys: Journeys, late: bool) -> float:
        needs = journeys.people.needs
        dated = journeys.people.declared[:, 0] >= 0
        return float((needs.need >= 0)[dated & ((needs.created >= DAY) == late)].mean())

    changed = drawn(Change(DAY, honest=0.005))
    assert honest(changed, late=False) == honest(steady, late=False) > 0.85
    assert honest(changed, late=True) < 0.4


def test_a_source_is_gone_from_then_on() -> None:
    changed = drawn(Change(DAY, gone="search_ads"))
    theirs = changed.people.created[changed.people.source == SOURCE]
    head = changed.people.needs.created[changed.people.account][changed.people.source == SOURCE]
    assert head.max() < DAY
    assert len(theirs) > 100
    events = simulate(
        leads=400, seed=1, end=SPAN.end, days=SPAN.days, world=World("own", change=changed.change)
    ).tables["events"]
    over = np.array(events["channel"].to_pylist(), dtype=object) == "search_ads"
    entered = np.array(events["type"].to_pylist(), dtype=object) == "form_submitted"
    since = (events["timestamp"].to_numpy() - np.datetime64(SPAN.start)) / np.timedelta64(1, "D")
    assert (over & (since < DAY)).any()
    # colleagues of an account that came by it may still be entered under its source
    assert not (over & ~entered & (since >= DAY)).any()
