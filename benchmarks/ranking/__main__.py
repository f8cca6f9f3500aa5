"""Whom to call under capacity, policies side by side: ``python -m benchmarks.ranking``."""

from __future__ import annotations

import argparse
import sys
from datetime import date, timedelta

import numpy as np

from benchmarks.document import markdown_table, put_section
from benchmarks.prediction.datasets.histories import events_of
from benchmarks.ranking.policies import POLICIES
from benchmarks.ranking.replay import LOOK_AHEAD, Market, cost_of, days_of, play
from features.events import parse_time, to_datetime
from features.history import History
from features.settings import Settings
from features.sources.simulator import simulate
from model.decision import CallCosts
from model.examples import calendar_split
from model.metrics import Estimate, bootstrap_means, interval
from training.fitting import fit, serving_split
from training.progress import stage

TITLE = "Ranking: whom to call when there is not room for all"
END, WORLD, SALESPEOPLE = date(2026, 11, 1), "rich", 3
BEFORE_END, DAYS = 100, 64  # days from the first morning to the end; working days that are played: to the horizon
COSTS = {
    "linear: a day early 1, a day late 5, a wasted call 10": CallCosts(),
    "deals: a wasted call 50, a day early 5 (at most 50), a deal is lost 14 days after its date": CallCosts(
        early=5.0, wasted_call=50.0, early_cap=50.0, deal_lost_after=14.0, deal_value=5_000.0
    ),
}


def market_of(leads: int, seed: int) -> Market:
    """A simulated market, and the product's own model of what was known on the first morning."""
    end = parse_time(END.isoformat())
    start = parse_time((END - timedelta(days=BEFORE_END)).isoformat())
    events = events_of(simulate(leads=leads, seed=seed, end=END, world=WORLD).tables, now=end)
    history = History.from_table(events)
    split = serving_split(calendar_split(history, known_by=start, longest=90))
    scorer = fit(history, split, Settings(), seed=seed, version="").scorer
    return Market.of(events, scorer, start, end, salespeople=SALESPEOPLE)


def compare(market: Market, costs: CallCosts, room: int) -> dict[str, tuple[Estimate, Estimate, int]]:
    """For each policy: the cost a lead, how much that is above the plan's, paired by lead, and the calls made."""
    days = days_of(market, costs, DAYS, room)
    value = np.full(len(market.leads), np.nan)
    for day in reversed(days):
        value[day.rows] = day.morning.value
    found = {}
    for name, policy in POLICIES.items():
        called = play(market, days, policy)
        found[name] = (cost_of(market, called, costs, value), int(np.isfinite(called).sum()))
    names = list(found)
    table = np.column_stack([found[name][0] for name in names])
    draws = bootstrap_means(table, np.array(market.leads))
    return {
        name: (
            interval(float(table[:, j].mean()), draws[:, j]),
            interval(float((table[:, j] - table[:, 0]).mean()), draws[:, j] - draws[:, 0]),
            found[name][1],
        )
        for j, name in enumerate(names)
    }


def section(market: Market, rooms: tuple[int, ...]) -> str:
    """The text of the section."""
    bought = int(np.isfinite(market.bought).sum())
    about = (
        f"`make bench-ranking` (`python -m benchmarks.ranking`). On {to_datetime(market.start).date()} "
        f"{len(market.leads):,} leads of the simulated world `{WORLD}` are open, dealt out to {SALESPEOPLE} "
        f"salespeople who call on {DAYS} working days, each lead at most once; {bought} of them buy within "
        f"{market.horizon:.0f} days. Scores are made anew each morning by a model of what was known on the first. "
        f"The plan looks {LOOK_AHEAD} working days ahead. A lead that has bought stays callable by its last score, "
        "for the costs count by how many days a call comes after the purchase; policies with dates come nearer to "
        "theirs meanwhile, the others keep the lead's rank. The replay can't know how calls would have changed the "
        "outcomes. Two earlier ways of counting gave another picture: where a purchase before any call counts as a "
        "call on the last day, and where what was bought is hidden and scored as silence, the plan came first "
        "under the costs of deals in all but one setting, and lost under linear costs to ranking by readiness or "
        "priority, for a date that is made anew each day moves on with it. This way follows the expected cost that "
        "the plan minimises; it favours policies with dates. Figures are costs a lead; brackets: 95 %, by "
        "resampling leads, the policies' choices being kept."
    )
    parts = [about]
    for name, costs in COSTS.items():
        for room in rooms:
            found = compare(market, costs, room)
            rows = [
                [policy, _shown(mean), "" if k == 0 else _shown(above), f"{calls:,}"]
                for k, (policy, (mean, above, calls)) in enumerate(found.items())
            ]
            parts.append(f"### {name}; {room} calls a day for each salesperson")
            parts.append(markdown_table(["policy", "cost a lead", "above the plan, paired", "calls"], rows))
    return "\n\n".join(parts)


def _shown(figure: Estimate) -> str:
    return f"{figure.value:,.2f} ({figure.low:,.2f} to {figure.high:,.2f})"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ranking", description=__doc__)
    parser.add_argument("--leads", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--room", type=int, nargs="+", default=[1, 2], help="calls a day of each salesperson")
    parser.add_argument("--document", action="store_true", help="write docs/benchmarks.md")
    given = parser.parse_args()
    with stage("simulate and learn"):
        market = market_of(given.leads, given.seed)
    with stage("play the days"):
        text = section(market, tuple(given.room))
    if given.document:
        put_section(TITLE, text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
