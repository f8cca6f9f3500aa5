"""Ways of choosing whom to call on a day: each gives a score, the highest are called."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from model.curves import Curves, Float
from model.decision import CallCosts, cost_of_delay, expected_cost, plan

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Morning:
    """What is known of the n leads that one salesperson may call on a day. ``offsets``: days to the coming working
    days, the first being this one; ``room``: calls on each. ``age``: days; ``value``: NaN where it is not known;
    ``elapsed``: days since the score was made.
    """

    curves: Curves
    readiness: Float
    chance: Float
    value: Float
    age: Float
    elapsed: Float
    offsets: Sequence[int]
    room: int
    costs: CallCosts

    def best(self, score: Float) -> Int64:
        """The places of those with the highest score."""
        return np.argsort(-score, kind="stable")[: self.room]

    @property
    def worth(self) -> Float:
        return np.where(np.isfinite(self.value), self.value, self.costs.deal_value)

    def expected(self) -> tuple[Float, Float]:
        """(n, d) the cost of a call so many days from today, and (n,) of none."""
        cost, never = expected_cost(self.curves, self.costs, self.value)
        last = cost.shape[1] - 1
        days = np.minimum(np.arange(last + 1)[None, :] + self.elapsed[:, None].astype(np.int64), last)
        return np.take_along_axis(cost, days, axis=1), never

    def of(self, rows: Int64) -> Morning:
        """Some of the leads."""
        kept = {name: getattr(self, name)[rows] for name in _BY_LEAD}
        return replace(self, curves=self.curves.rows(rows), **kept)

    def updated(self, rows: Int64, newer: Morning) -> Morning:
        """All leads, those at ``rows`` as ``newer`` knows them."""
        made = {name: getattr(self, name).copy() for name in _BY_LEAD}
        for name, values in made.items():
            values[rows] = getattr(newer, name)
        bought, lost = self.curves.purchased.copy(), self.curves.lost.copy()
        bought[rows], lost[rows] = newer.curves.purchased, newer.curves.lost
        return replace(newer, curves=Curves(self.curves.days, bought, lost), **made)


_BY_LEAD = ("readiness", "chance", "value", "age", "elapsed")
Policy = Callable[[Morning], Int64]


def by_plan(at: Morning) -> Int64:
    """Those that the plan of least expected cost has for today: cost of delay under capacity."""
    cost, never = at.expected()
    offsets = [min(offset, cost.shape[1] - 1) for offset in at.offsets]
    otherwise = np.minimum(cost[:, offsets[-1] + 1 :].min(axis=1, initial=np.inf), never)
    place = plan(cost[:, offsets], otherwise, [at.room] * len(offsets))
    delay = cost_of_delay(cost[:, offsets], otherwise, place)
    today = np.flatnonzero(place == 0)
    return today[np.argsort(-delay[today], kind="stable")]


POLICIES: dict[str, Policy] = {
    "cost of delay under capacity": by_plan,
    "newest first": lambda at: at.best(-at.age),
    "readiness first": lambda at: at.best(at.readiness),
    "value times readiness": lambda at: at.best(at.worth * at.readiness),
    "value times chance in 30 days": lambda at: at.best(at.worth * at.chance),
    "priority first, without a plan": lambda at: at.best(_priority(at)),
}


def _priority(at: Morning) -> Float:
    cost, never = at.expected()
    later = np.minimum(cost[:, 7:].min(axis=1), never)
    return np.asarray(later - np.minimum(cost.min(axis=1), never))
