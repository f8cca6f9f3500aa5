"""Simulated markets that change on a known day, and a model of each that was trained before it and never again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.prediction.datasets.histories import events_of
from features.catalogue import expand
from features.events import DAY, parse_time
from features.history import History
from features.lives import BOUGHT
from features.settings import Settings
from features.sources.simulator import Change, Truth, World, simulate
from features.sources.simulator.dynamics import Span
from features.sources.simulator.journeys import draw_journeys
from model.examples import calendar_split
from model.fit_scorer import fit_scorer
from model.hazard import PurchaseHazard
from model.scorer import Scorer
from training.fitting import serving_split
from training.monitor.material import Material

END, BEFORE, QUIET, AFTER = date(2026, 11, 1), 540, 31, 365  # days: learned from; until the change; after it
CHANGE_DAY = BEFORE + QUIET
DAYS = CHANGE_DAY + AFTER
GONE = "search_ads"
RARE, OFTEN = 0.17, 3.3  # of the usual purchase hazard: 5 and 31 % of the leads buy within 90 days
STEADY = World("steady")
SCENARIOS = {
    "base rate from 5 to 31 %": World("rising", buys=RARE, change=Change(CHANGE_DAY, buys=OFTEN / RARE)),
    "a channel dies": World("without", change=Change(CHANGE_DAY, gone=GONE)),
    "deadlines are put off": World("slipping from then on", change=Change(CHANGE_DAY, honest=0.005)),
}


@dataclass(frozen=True, eq=False)
class Market:
    """``events``: all of them; ``scorer``: trained on what was known ``QUIET`` days before the change."""

    events: pa.Table
    scorer: Scorer
    truth: Truth

    @property
    def changed_at(self) -> int:
        return self.truth.span.start_micros + CHANGE_DAY * DAY

    def known_at(self, now: int) -> Material:
        return Material.of(_history(self.events, now), self.scorer, now)


def market(world: World, seed: int, leads_a_year: int, scorer: Scorer | None = None) -> Market:
    """``scorer``: of a market that was the same until the change; one is trained if there is none."""
    leads = int(leads_a_year * DAYS / 365)
    simulation = simulate(leads=leads, seed=seed, end=END, days=DAYS, world=world)
    events = events_of(simulation.tables, now=parse_time(END.isoformat()))
    if scorer is None:
        cut = parse_time((END - timedelta(days=AFTER + QUIET)).isoformat())
        history = _history(events, cut)
        scorer = _learn(history, cut, seed)
    return Market(events, scorer, Truth(leads, seed, world, Span(END, DAYS)))


def _learn(history: History, cut: int, seed: int) -> Scorer:
    """A small model, so that many markets can be watched: what is measured here is the watch."""
    split, given = serving_split(calendar_split(history, known_by=cut, longest=90)), Settings()
    catalogue = expand(history, cut)
    return fit_scorer(
        split.train(history, per_lead=4, seed=seed).with_features(history, catalogue),
        split.calibrate(history).with_features(history, catalogue),
        catalogue,
        horizons=given.horizons,
        costs=given.costs,
        seed=seed,
        version=f"seed {seed}",
        hazard=PurchaseHazard(given.horizons, max_trees=60, max_rows=20_000, n_jobs=2, seed=seed),
    )


def base_rate(world: World, *, leads: int = 20_000, seed: int = 1) -> float:
    """The share of leads that buy within 90 days of coming in."""
    drawn = draw_journeys(0, leads, seed=seed, world=world, span=Span(END, BEFORE))
    created, (outcome, day, *_) = drawn.people.created, drawn.ends.T
    followed = created < BEFORE - 90
    return float(np.mean(((outcome == BOUGHT) & (day - created <= 90))[followed]))


def _history(events: pa.Table, now: int) -> History:
    known = pc.and_(pc.less_equal(events["occurred_at"], now), pc.less_equal(events["recorded_at"], now))
    return History.from_table(events.filter(known))


def days_until(at: int | None, changed_at: int) -> float:
    """NaN where it was never noticed."""
    return np.nan if at is None else (at - changed_at) / DAY
