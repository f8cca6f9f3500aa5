"""Simulated journeys show what the market is meant to show: need, deadlines, calls and salespeople matter."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from features.sources.simulator import OWNERS, WORLDS, Simulation, simulate
from features.sources.simulator.dynamics import Span
from features.sources.simulator.journeys import Journeys, draw_journeys
from features.sources.simulator.kernel import ON_TIME, TOO_EARLY, TOO_LATE
from features.sources.simulator.market import AWARE, DECIDING, EVALUATING, INTERESTED

END = date(2026, 11, 1)
SPAN = Span(END, 540)
DAY = pd.Timedelta(days=1)


@pytest.fixture(scope="module")
def rich() -> Simulation:
    return simulate(leads=4000, seed=8, end=END)


@pytest.fixture(scope="module")
def journeys() -> Journeys:
    return draw_journeys(0, 24_000, seed=9, world=WORLDS["rich"], span=SPAN)


def purchases(simulation: Simulation) -> pd.DataFrame:
    outcomes = simulation.tables["outcomes"].to_pandas()
    leads = simulation.tables["leads"].to_pandas().drop(columns=["value", "owner"])
    return outcomes[outcomes.outcome == "purchased"].merge(leads, on="lead_id")


def test_engagement_rises_and_changes_its_mix_towards_purchase(rich: Simulation) -> None:
    events = rich.tables["events"].to_pandas().drop_duplicates("event_id")
    seen = events[~events.bot].merge(purchases(rich)[["lead_id", "at", "created_at"]], on="lead_id")
    seen = seen[seen.created_at < seen["at"] - 60 * DAY]
    before = (seen["at"] - seen.timestamp) / DAY
    last, earlier = seen[before <= 14], seen[(before > 45) & (before <= 59)]
    assert len(last) > 1.7 * len(earlier)
    deep = ["/pricing", "/security", "trial"]
    assert last.content.isin(deep).mean() > 2 * earlier.content.isin(deep).mean()


def test_engagement_is_sparse_in_the_sparse_world(rich: Simulation) -> None:
    sparse = simulate(leads=500, seed=8, end=END, world="sparse").tables["events"].num_rows / 500
    assert sparse < 0.3 * rich.tables["events"].num_rows / 4000


def share_on_time(simulation: Simulation, bought: pd.DataFrame) -> float:
    """Of purchasers with a deadline, the share that bought within ten days of the date first declared."""
    bought = bought[bought.need_by.notna()]
    off = (bought["at"] - pd.to_datetime(bought.need_by, utc=True)) / DAY
    return float((off.abs() <= 10).mean())


def test_honest_deadlines_are_kept_and_slipping_ones_are_not(rich: Simulation) -> None:
    bought = purchases(rich)
    assert share_on_time(rich, bought[bought.source != "outbound"]) > 0.8
    slipping = simulate(leads=4000, seed=8, end=END, world="slipping")
    assert share_on_time(slipping, purchases(slipping)) < 0.6
    assert slipping.tables["leads"]["need_by"].null_count < 0.65 * 4000


def test_slipping_deadlines_move_again_and_again(rich: Simulation) -> None:
    def moves(simulation: Simulation) -> float:
        events = simulation.tables["events"].to_pandas()
        dated = simulation.tables["leads"]["need_by"].to_pandas().notna().sum()
        return float((events.type == "need_declared").sum() / dated)

    slipping = simulate(leads=2000, seed=8, end=END, world="slipping")
    assert moves(slipping) > 0.8 > 2 * moves(rich)


def calls_in(journeys: Journeys, phases: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of calls made while the need was in one of the phases, and their phase."""
    lead, day, _ = journeys.calls.T
    phase = journeys.phases[journeys.people.account[lead], day]
    return np.flatnonzero(np.isin(phase, phases)), phase


def ended_within(journeys: Journeys, lead: np.ndarray, day: np.ndarray, days: int) -> np.ndarray:
    """(n, 2): whether the lead bought, and whether it was lost, within ``days`` after ``day``."""
    outcome, end = journeys.ends[lead, 0], journeys.ends[lead, 1]
    soon = (end >= day) & (end <= day + days)
    return np.stack([soon & (outcome == 1), soon & (outcome == 2)], axis=1)


def test_calls_too_early_raise_the_loss(journeys: Journeys) -> None:
    rows, _ = calls_in(journeys, (AWARE, INTERESTED))
    lead, day, disposition = journeys.calls[rows].T
    enough = day < SPAN.days - 60
    lost = ended_within(journeys, lead, day, 60)[:, 1]
    early, unheard = enough & (disposition == TOO_EARLY), enough & (disposition > TOO_LATE + 1)
    assert lost[early].mean() > 1.4 * lost[unheard].mean()


def test_calls_on_time_raise_the_purchase_and_calls_too_late_lose(journeys: Journeys) -> None:
    lead, day, disposition = journeys.calls.T
    enough = day < SPAN.days - 60
    ended = ended_within(journeys, lead, day, 60)
    rows, _ = calls_in(journeys, (DECIDING,))
    deciding = np.isin(np.arange(len(lead)), rows) & enough
    heard, unheard = deciding & (disposition == ON_TIME), deciding & (disposition > TOO_LATE + 1)
    assert ended[heard, 0].mean() > 1.2 * ended[unheard, 0].mean()
    late = enough & (disposition == TOO_LATE)
    assert ended[late, 1].mean() > 0.85
    assert ended[late, 0].mean() < 0.1


def test_nobody_is_too_early_once_deciding(journeys: Journeys) -> None:
    rows, phase = calls_in(journeys, (AWARE, INTERESTED, EVALUATING, DECIDING))
    early = journeys.calls[rows, 2] == TOO_EARLY
    assert early[phase[rows] <= INTERESTED].any()
    assert not early[phase[rows] == DECIDING].any()


def test_skilled_salespeople_win_more_of_the_same_leads(journeys: Journeys) -> None:
    usual = journeys.people.source < 5  # partners and referrals go to some more than to others
    won = [(journeys.ends[usual & (journeys.people.owner == o), 0] == 1).mean() for o in range(len(OWNERS))]
    assert spearmanr([owner.skill for owner in OWNERS], won).statistic > 0.7


def test_salespeople_differ_in_calls_made_and_workload(journeys: Journeys) -> None:
    owner = journeys.people.owner
    per_lead = np.bincount(owner[journeys.calls[:, 0]], minlength=len(OWNERS)) / np.bincount(owner)
    busy, idle = (next(i for i, o in enumerate(OWNERS) if o.capacity == c) for c in (1.5, 0.6))
    assert per_lead[busy] > 1.5 * per_lead[idle]
    share = np.bincount(owner) / len(owner)
    assert share.max() > 1.5 * share.min()


def test_drift_changes_sources_and_base_rate() -> None:
    def early_and_late(world: str) -> tuple[float, float, float, float]:
        drawn = draw_journeys(0, 16_000, seed=10, world=WORLDS[world], span=SPAN)
        created = drawn.people.created
        first, last = created < 150, (created >= 300) & (created < 450)
        soon = (drawn.ends[:, 0] == 1) & (drawn.ends[:, 1] <= created + 90)
        social = drawn.people.source == 2
        return soon[first].mean(), soon[last].mean(), social[first].mean(), social[last].mean()

    before, after, social_before, social_after = early_and_late("drifting")
    assert after < 0.75 * before
    assert social_after > 1.3 * social_before
    before, after, social_before, social_after = early_and_late("rich")
    assert 0.8 < after / before < 1.25
    assert 0.8 < social_after / social_before < 1.25


def test_satisfaction_suffers_from_early_calls(rich: Simulation) -> None:
    events = rich.tables["events"].to_pandas()
    annoyed = set(events[events.disposition == "too_early"].lead_id)
    bought = purchases(rich)
    after = bought.lead_id.isin(annoyed)
    assert bought.satisfaction[after].mean() < bought.satisfaction[~after].mean() - 0.5
    assert bought.satisfaction.between(0, 10).all()


def test_no_more_leads_come_in_on_the_last_day_than_before(rich: Simulation) -> None:
    """Colleagues who would come in later do not pile up at the end."""
    days = rich.tables["leads"].to_pandas().created_at.dt.floor("D").value_counts().sort_index()
    assert days.iloc[-1] < days.iloc[-60:-1].max() + 10
