"""Ways of choosing whom to call on a morning: each gives the places of the leads that are called."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from benchmarks.ranking.board import Int64, Morning, Options
from model.curves import Float
from model.decision import cost_of_delay, plan

Policy = Callable[[Morning], Int64]
OWN, DATED = "cost of delay, waiting", "cost of delay, dates"


def _planned(options: Options, room: int) -> Int64:
    """Those that the plan of least expected cost has for today: cost of delay under capacity."""
    place = plan(options.cost, options.otherwise, [room] * options.cost.shape[1])
    delay = cost_of_delay(options.cost, options.otherwise, place)
    today = np.flatnonzero(place == 0)
    return today[np.argsort(-delay[today], kind="stable")]


def _highest(at: Morning, score: Float) -> Int64:
    return np.argsort(-score, kind="stable")[: at.room]


POLICIES: dict[str, Policy] = {
    OWN: lambda at: _planned(at.waiting, at.room),
    DATED: lambda at: _planned(at.dated, at.room),
    "newest first": lambda at: _highest(at, -at.life),
    "readiness first": lambda at: _highest(at, at.readiness),
    "value times readiness": lambda at: _highest(at, at.worth * at.readiness),
    "value times chance in 30 days": lambda at: _highest(at, at.worth * at.chance),
    "priority first, without a plan": lambda at: _highest(at, at.priority),
}
