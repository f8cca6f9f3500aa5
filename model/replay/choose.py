"""The constants of the simple rules: those that would have cost least on the past."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from model.curves import Float
from model.decision import call_days
from model.replay.account import Charges, settle
from model.replay.policies import before_deadline, due, fixed_delay, ready
from model.replay.rows import Rows

THRESHOLDS = (*range(0, 100, 5), 97.5, 99.0)
DAYS_AHEAD = (0, 3, 7, 10, 14, 21, 30, 45, 60, 90)
WITHIN = (0, 1, 2, 3, 5, 7, 10, 14, 17, 21, 25, 30, 40)


@dataclass(frozen=True)
class Constants:
    """``delay``: days after the first look; ``threshold``: of readiness; ``ahead``: days before the deadline;
    ``within``: days that the date to call on may lie ahead. ``leads``: how many they were chosen on.
    """

    delay: float
    threshold: float
    ahead: float
    within: float
    leads: int


def choose(
    past: Rows, readiness: Float, deadline_days: Float, day: Float, charges: Charges, *, value: Float | None = None
) -> Constants:
    """``readiness``, ``deadline_days``, ``day`` to call on and ``value`` of the deal: (n,) for the rows of the past, as
    known then, NaN for none. The smallest of equals.
    """

    def cheapest(values: Sequence[float], plan: Callable[[float], Float]) -> float:
        costs = [settle(past, plan(one), charges, value).cost.sum() for one in values]
        return float(values[int(np.argmin(costs))])

    delay = cheapest(call_days(charges.longest).tolist(), lambda days: fixed_delay(past, days))
    otherwise = fixed_delay(past, delay)
    return Constants(
        delay=delay,
        threshold=cheapest(THRESHOLDS, lambda least: ready(readiness, least)),
        ahead=cheapest(DAYS_AHEAD, lambda ahead: before_deadline(deadline_days, ahead, otherwise)),
        within=cheapest(WITHIN, lambda within: due(day, within)),
        leads=len(past.first),
    )
