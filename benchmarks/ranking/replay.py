"""Working days played with each policy on a simulated market: who is called when, and what it cost in the end.

Costs count the days by which a call comes after the purchase, so a lead that has bought stays callable: it keeps the
score of its last morning, and a date that was planned then comes nearer day by day. Lost leads are no longer called.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from benchmarks.ranking.policies import Morning, Policy
from features.builder import Requests, build_matrix
from features.events import DAY, to_datetime
from features.history import History
from features.lives import BOUGHT, OPEN, lead_lives, standings
from model.curves import Float
from model.decision import CallCosts
from model.decision.working_days import working_days
from model.scorer import Scorer, deal_values

Int64 = npt.NDArray[np.int64]
LOOK_AHEAD = 5  # working days that the plan looks ahead


@dataclass(frozen=True, eq=False)
class Market:
    """What happened: ``leads`` open at the start, ``owner`` of each, ``bought`` days from the start to its purchase
    (infinite without one within ``horizon``).
    """

    history: History
    scorer: Scorer
    start: int
    horizon: float
    leads: list[str]
    owner: npt.NDArray[np.str_]
    bought: Float

    @classmethod
    def of(cls, events: pa.Table, scorer: Scorer, start: int, end: int, *, salespeople: int) -> Market:
        """``events``: all of the log. Leads are dealt out evenly to so many salespeople."""
        whole = History.from_table(events)
        everyone, times = np.arange(whole.n_leads), np.full(whole.n_leads, start, dtype=np.int64)
        rows = np.flatnonzero(standings(whole, everyone, times) == OPEN)
        horizon = float(scorer.horizons[-1])
        lives = lead_lives(whole, end)
        day = (lives.ended_at[rows] - start) / DAY
        bought = np.where((lives.outcome[rows] == BOUGHT) & (day <= horizon), day, np.inf)
        leads = [whole.lead_ids[i] for i in rows]
        owner = np.array([f"s{i % salespeople}" for i in range(len(leads))])
        return cls(whole, scorer, start, horizon, leads, owner, bought)


@dataclass(frozen=True, eq=False)
class Day:
    """The leads that can be called on one working day, with their scores; ``at``: days since the start."""

    at: int
    rows: Int64
    morning: Morning


def days_of(market: Market, costs: CallCosts, n_days: int, room: int) -> list[Day]:
    """Every working day with what is known on its morning. Nobody has been called yet."""
    first = to_datetime(market.start).date()
    codes = np.array([market.history.lead_index[lead] for lead in market.leads])
    seen = market.history.occurred_at[market.history.start[codes]]
    scored_at = np.zeros(len(codes))
    everybody: Morning | None = None
    found = []
    for day in working_days(first, n_days):
        at = (day - first).days
        now = market.start + at * DAY
        is_open = standings(market.history, codes, np.full(len(codes), now, dtype=np.int64)) == OPEN
        fresh = np.flatnonzero(is_open)
        times = np.full(len(fresh), now, dtype=np.int64)
        asked = Requests([market.leads[i] for i in fresh], times)
        matrix = build_matrix(market.history, asked, market.scorer.catalogue)
        curves = market.scorer.curves(matrix, times)
        chance = curves.at([market.scorer.ready_horizon])[0][:, 0]
        scored_at[fresh] = at
        now_known = Morning(
            curves=curves,
            readiness=market.scorer.readiness.of(chance),
            chance=chance,
            value=deal_values(market.scorer.catalogue, matrix),
            age=(now - seen[fresh]) / DAY,
            elapsed=np.zeros(len(fresh)),
            offsets=[(other - day).days for other in working_days(day, LOOK_AHEAD)],
            room=room,
            costs=costs,
        )
        everybody = now_known if everybody is None else everybody.updated(fresh, now_known)
        rows = np.flatnonzero(is_open | (market.bought <= at))
        found.append(Day(at, rows, replace(everybody, elapsed=at - scored_at).of(rows)))
    return found


def play(market: Market, days: Sequence[Day], policy: Policy) -> Float:
    """(n,) days from the start to the call of each lead, infinite without one. A lead is called at most once."""
    called = np.full(len(market.leads), np.inf)
    for day in days:
        for owner in np.unique(market.owner[day.rows]):
            mine = np.flatnonzero((market.owner[day.rows] == owner) & np.isinf(called[day.rows]))
            chosen = policy(day.morning.of(mine))
            called[day.rows[mine[chosen]]] = day.at
    return called


def cost_of(market: Market, called: Float, costs: CallCosts, value: Float) -> Float:
    """(n,) what came of it, as model.decision counts it: too early, too late, in vain, or never called."""
    bought = np.isfinite(market.bought)
    gap = np.where(bought, market.bought, 0.0) - costs.lead_time - np.minimum(called, market.horizon)
    early = np.minimum(costs.early * np.maximum(gap, 0.0), np.inf if costs.early_cap is None else costs.early_cap)
    worth = np.where(np.isfinite(value), value, costs.deal_value)
    days = np.maximum(-gap, 0.0)
    late = costs.late * days if costs.deal_lost_after is None else worth * np.minimum(days / costs.deal_lost_after, 1.0)
    return np.where(bought, early + late, np.where(np.isfinite(called), costs.wasted_call, 0.0))
