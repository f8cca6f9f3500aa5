"""The date to call on: where the expected cost of calling too early, too late or in vain is least."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from model.curves import Curves, Float

WEEK = 7.0


class Costs(Protocol):
    """What a badly timed call costs; features.business_settings.Costs is one."""

    @property
    def early(self) -> float: ...
    @property
    def late(self) -> float: ...
    @property
    def wasted_call(self) -> float: ...


@dataclass(frozen=True)
class CallCosts:
    """``early``, ``late``: each day that a call comes before or after the best moment; ``wasted_call``: a call to a
    lead that does not buy within the longest horizon; ``lost``: a lead that was lost before the call. One currency.

    ``early_cap``: what a call costs at most for being too early. ``lead_time``: days from the first call to the
    signature; the best moment is so many days before the purchase. ``deal_lost_after``: a call so many days late
    loses the deal, each day its share of it; the deal is worth ``deal_value`` where a lead's own value is not known.
    Then ``late`` is not used. ``missed_days``: a purchase before any call costs what a call so many days late does;
    None: ``deal_lost_after``, or else the longest horizon.
    """

    early: float = 1.0
    late: float = 5.0
    wasted_call: float = 10.0
    lost: float = 0.0
    early_cap: float | None = None
    lead_time: float = 0.0
    deal_lost_after: float | None = None
    deal_value: float = 0.0
    missed_days: float | None = None

    def most_days_late(self, longest: float) -> float:
        """After how many days too late a call costs no more than none would."""
        usual = longest if self.deal_lost_after is None else self.deal_lost_after
        return usual if self.missed_days is None else self.missed_days

    @classmethod
    def of(cls, costs: Costs) -> CallCosts:
        more = ("lost", "early_cap", "lead_time", "deal_lost_after", "deal_value", "missed_days")
        given = {name: getattr(costs, name) for name in more if hasattr(costs, name)}
        return cls(costs.early, costs.late, costs.wasted_call, **given)


@dataclass(frozen=True, eq=False)
class Decision:
    """For each of n rows: ``call`` whether to call at all, ``day`` the best day to call on, ``priority`` what it
    costs if no call can be made for a week.

    Expected costs in the currency of the costs: ``today`` of calling today, ``best`` on the best day, ``week_later``
    seven days after it (at most on the last day that is considered), ``never`` of not calling.
    """

    call: npt.NDArray[np.bool_]
    day: Float
    priority: Float
    today: Float
    best: Float
    week_later: Float
    never: Float


def call_days(longest: float) -> Float:
    """The days on which a call is considered: each whole day up to the longest horizon."""
    return np.arange(0.0, np.floor(longest) + 1.0)


def expected_cost(curves: Curves, costs: CallCosts, value: npt.ArrayLike | None = None) -> tuple[Float, Float]:
    """The expected cost of a call on each of ``call_days``, (n, d), and of never calling, (n,).

    With H the longest horizon, T the day of the purchase, x = a + lead_time and F1, F2 the incidences:
    J(a) = E[min(early (T - x)+, cap); T <= H] + E[min(late (x - T)+, deal); T <= H] + lost F2(a)
    + wasted_call (1 - F1(H) - F2(a)).
    A call is in vain for those who do not buy by H, except those already lost by a: they are no longer called.
    The expectations are areas under F1. Never calling costs what a call at H does, without the call in vain.
    ``value``: (n,) what each deal is worth, NaN where it is not known; it counts with ``deal_lost_after`` alone.
    """
    longest = float(curves.days[-1])
    days = call_days(longest)
    reach = days + costs.lead_time
    f2 = curves.at(days)[1]
    final1, final2 = curves.purchased[:, -1:], curves.lost[:, -1:]
    area = Area(curves)
    under = area(reach)
    rate, span = late_rate(costs, len(curves), value)
    late, at_last = rate * under, rate * area(np.array([longest + costs.lead_time]))
    if np.isfinite(span):  # what costs no more is taken off again
        late = late - rate * area(reach - span)
        at_last = at_last - rate * area(np.array([longest + costs.lead_time - span]))
    in_vain = costs.wasted_call * np.maximum(1.0 - final1 - f2, 0.0)
    never = at_last[:, 0] + costs.lost * final2[:, 0]
    begun = np.minimum(reach, longest)
    early = early_cost(curves, costs, area, begun, area(begun) if costs.lead_time else under)
    return early + late + costs.lost * f2 + in_vain, never


def decide(curves: Curves, costs: CallCosts, value: npt.ArrayLike | None = None) -> Decision:
    """The best day for each row; no call where never calling costs less.

    ``priority`` = (least cost if the call comes in 7 days or later, or never) - (least cost), in the currency of the
    costs; never below 0, and 0 where no call is due within a week.
    """
    cost, never = expected_cost(curves, costs, value)
    days = call_days(float(curves.days[-1]))
    best = np.argmin(cost, axis=1)
    rows = np.arange(len(best))
    least = cost[rows, best]
    later = np.minimum(cost[:, days >= min(WEEK, days[-1])].min(axis=1), never)
    return Decision(
        call=least <= never,
        day=days[best],
        priority=np.maximum(later - np.minimum(least, never), 0.0),
        today=cost[:, 0],
        best=least,
        week_later=cost[rows, np.minimum(best + int(WEEK), len(days) - 1)],
        never=never,
    )


def early_cost(curves: Curves, costs: CallCosts, area: Area, reach: Float, under: Float) -> Float:
    """E[min(early (T - x)+, cap); T <= H] for each x of ``reach``, not beyond H, (n, k). ``under``: ``area(reach)``."""
    until, under_until = np.full_like(reach, curves.days[-1]), area.whole
    if costs.early_cap is not None:
        until = np.minimum(reach + costs.early_cap / costs.early, curves.days[-1])
        under_until = area(until)
    early = costs.early * (curves.purchased[:, -1:] * (until - reach) - (under_until - under))
    return np.asarray(np.maximum(early, 0.0))


def late_rate(costs: CallCosts, n: int, value: npt.ArrayLike | None) -> tuple[Float | float, float]:
    """What each day too late costs, (n, 1) or one for all, and after how many days it costs no more."""
    if costs.deal_lost_after is None:
        return costs.late, np.inf
    known = np.full(n, np.nan) if value is None else np.asarray(value, dtype=np.float64)
    worth = np.where(np.isfinite(known) & (known >= 0), known, costs.deal_value)
    return worth[:, None] / costs.deal_lost_after, costs.deal_lost_after


class Area:
    """The area under F1 from 0 to each of k days, (n, k): 0 before, and F1 stays at F1(H) beyond H."""

    def __init__(self, curves: Curves) -> None:
        self._curves = curves
        f, days = curves.purchased, curves.days
        steps = np.cumsum((f[:, 1:] + f[:, :-1]) / 2 * np.diff(days), axis=1)
        self._at_knots = np.concatenate([np.zeros((len(f), 1)), steps], axis=1)

    @property
    def whole(self) -> Float:
        """(n, 1): up to H."""
        return np.asarray(self._at_knots[:, -1:])

    def __call__(self, days: Float) -> Float:
        knots, f = self._curves.days, self._curves.purchased
        inside = np.clip(days, 0.0, knots[-1])
        left = np.clip(np.searchsorted(knots, inside, side="right") - 1, 0, len(knots) - 2)
        step = inside - knots[left]
        slope = (f[:, left + 1] - f[:, left]) / (knots[left + 1] - knots[left])
        area = self._at_knots[:, left] + step * f[:, left] + step**2 * slope / 2
        return np.asarray(area + f[:, -1:] * np.maximum(days - knots[-1], 0.0))
