"""The rules that are compared, and the costs by which; constants are chosen on leads of the past."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.backtest.seen import Looks, Seen
from model.curves import Curves, Float
from model.decision import CallCosts, decide, handoff_day, weighed_days
from model.replay import policies
from model.replay.account import Charges, Result, hindsight, settle
from model.replay.choose import Constants, choose
from model.replay.rows import Bool, Rows

COUNTS = ("called", "wasted", "late", "waiting")
DAYS_AHEAD = (0, 3, 7, 14, 21, 30, 45)
SHARES = (1.0, 0.7, 0.5, 0.35, 0.25, 0.15)  # of what a missed purchase costs
NOW, FULL, CHOSEN = "waiting costs more", "waiting costs more, in full", "waiting costs more, chosen"
AHEAD = "days ahead, chosen"
ONCE, DELAY, READY, DEADLINE = "call at once", "fixed delay, chosen", "readiness, chosen", "declared deadline, chosen"
TRUE_NOW, TRUE_AHEAD, BEST = "waiting costs more, by the truth", "days ahead, by the truth", "hindsight"


@dataclass(frozen=True)
class Setting:
    title: str
    costs: CallCosts


SETTINGS = (
    Setting("costs as they come; a missed purchase counts as the longest horizon late", CallCosts()),
    Setting("a missed purchase counts 30 days late", CallCosts(missed_days=30.0)),
    Setting("a missed purchase counts 14 days late", CallCosts(missed_days=14.0)),
    Setting("lead_time = 14", CallCosts(lead_time=14.0)),
    Setting("lead_time = 14, a missed purchase counts 14 days late", CallCosts(lead_time=14.0, missed_days=14.0)),
    Setting(
        "deals of 500, lost after 14 days; a day early 5, at most 50; a wasted call 50",
        CallCosts(early=5.0, wasted_call=50.0, early_cap=50.0, deal_lost_after=14.0, deal_value=500.0),
    ),
)


def days_ahead(days: float) -> str:
    return f"{days:g} days ahead"


@dataclass(frozen=True, eq=False)
class Outcome:
    """m leads under r rules. ``cost``: (m, r); ``pressed``: (m, r) the same if those that still waited when the replay
    ended were called on its last day. ``counts``: (r, 4) as ``COUNTS``. ``chosen``: the constants.
    """

    rules: tuple[str, ...]
    cost: Float
    pressed: Float
    counts: Float
    chosen: dict[str, float]


def run(seen: Seen, costs: CallCosts) -> Outcome:
    """All rules on the leads of one history that arrived."""
    charges = Charges.of(costs, longest=seen.longest)
    past, looks = seen.past, seen.looks.of(seen.arrived)
    chosen = choose(past.rows, past.readiness, past.deadline, _dates(past.curves, costs), charges)
    missed = costs.most_days_late(seen.longest)
    share = _cheapest(SHARES, lambda s: settle(past.rows, _now(past.curves, costs, s * missed), charges))
    plans = _plans(looks, costs, chosen, share, seen.longest)
    results = {name: settle(looks.rows, plan, charges) for name, plan in plans.items()}
    pressed = {name: _pressed(looks.rows, plan, results[name], charges) for name, plan in plans.items()}
    best = hindsight(looks.rows, charges)
    results[BEST], pressed[BEST] = best, best.cost
    return Outcome(
        rules=tuple(results),
        cost=np.column_stack([result.cost for result in results.values()]),
        pressed=np.column_stack(list(pressed.values())),
        counts=np.array([[getattr(r, name).sum() for name in COUNTS] for r in results.values()], dtype=np.float64),
        chosen={"share": share, "ahead": chosen.within, "delay": chosen.delay, "readiness": chosen.threshold},
    )


def _pressed(rows: Rows, plan: Float, found: Result, charges: Charges) -> Float:
    last = np.zeros(len(rows), dtype=bool)
    last[rows.last] = True
    in_the_end = settle(rows, np.where(last & ~np.isfinite(plan), 0.0, plan), charges)
    return np.where(found.waiting, in_the_end.cost, found.cost)


def _plans(looks: Looks, costs: CallCosts, chosen: Constants, share: float, longest: float) -> dict[str, Float]:
    day = _dates(looks.curves, costs)
    delay = policies.fixed_delay(looks.rows, chosen.delay)
    plans = {
        NOW: _now(looks.curves, costs, weighed_days(costs, longest)),
        FULL: _now(looks.curves, costs, costs.most_days_late(longest)),
        CHOSEN: _now(looks.curves, costs, share * costs.most_days_late(longest)),
        AHEAD: policies.due(day, chosen.within),
        **{days_ahead(days): policies.due(day, days) for days in DAYS_AHEAD},
        ONCE: policies.at_once(looks.rows),
        DELAY: delay,
        READY: policies.ready(looks.readiness, chosen.threshold),
        DEADLINE: policies.before_deadline(looks.deadline, chosen.ahead, delay),
    }
    if looks.truth is not None:
        plans[TRUE_NOW] = _now(looks.truth, costs, weighed_days(costs, longest))
        plans[TRUE_AHEAD] = policies.due(_dates(looks.truth, costs), chosen.within)
    return plans


def _dates(curves: Curves, costs: CallCosts) -> Float:
    there = np.asarray(np.isfinite(curves.purchased).all(axis=1))
    decision = decide(curves.rows(there), costs)
    return _spread(policies.decided(decision.day, decision.call), there)


def _now(curves: Curves, costs: CallCosts, missed_days: float) -> Float:
    there = np.asarray(np.isfinite(curves.purchased).all(axis=1))
    day = handoff_day(curves.rows(there), costs, missed_days=missed_days)
    return _spread(policies.due(day, 0.0), there)


def _spread(values: Float, there: Bool) -> Float:
    """NaN where a lead had ended and nobody knew: the truth has no curves of it."""
    found = np.full(len(there), np.nan)
    found[there] = values
    return found


def _cheapest(values: Sequence[float], settled: Callable[[float], Result]) -> float:
    return values[int(np.argmin([settled(value).cost.sum() for value in values]))]
