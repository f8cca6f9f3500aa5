"""Whether to call now or to wait and look again tomorrow: an optimal stopping problem.

``call_date`` plans a call that takes place whatever comes before it. Whoever looks again each day does
something else: while they wait the lead may buy, and then there is no call any more. That is counted here, as
``missed_days`` too late.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from model.curves import Curves, Float
from model.decision.call_date import Area, CallCosts, call_days, early_cost, late_rate

# How much of a missed purchase, and of the longest horizon, is weighed: docs/backtest.md tells how they were found.
WEIGHT, MOST = 2 / 3, 1 / 3


def weighed_days(costs: CallCosts, longest: float) -> float:
    """How many days late a missed purchase is weighed as by who will look again tomorrow.

    Less than it costs: what tomorrow's look will teach is not in today's curve, and makes waiting worth more.
    """
    return min(WEIGHT * costs.most_days_late(longest), MOST * longest)


def waiting_cost(
    curves: Curves, costs: CallCosts, value: npt.ArrayLike | None = None, *, missed_days: float | None = None
) -> tuple[Float, Float]:
    """The expected cost of waiting up to each of ``call_days`` and calling then if the lead is still open, (n, d), and
    of waiting for ever, (n,). ``missed_days``: instead of those of the costs.

    With M the cost of a purchase before any call and the words of ``call_date.expected_cost``:
    K(a) = E[min(early (T - x)+, cap); T <= H] + E[min(late (x - T)+, M); a < T <= min(x, H)] + M F1(a) + lost F2(a)
    + wasted_call (1 - F1(H) - F2(a)).
    What waiting has cost by day s does not depend on what follows, so K(s + a) = M F1(s) + lost F2(s)
    + (1 - F1(s) - F2(s)) K'(a) with K' of the lead that is still open on day s: the best day stays the best while
    nothing is learned (Bellman's principle), which does not hold for ``expected_cost``.
    """
    longest = float(curves.days[-1])
    days = call_days(longest)
    reach = days + costs.lead_time
    f1, f2 = curves.at(days)
    area = Area(curves)
    rate, _ = late_rate(costs, len(curves), value)
    missed_days = costs.most_days_late(longest) if missed_days is None else missed_days
    missed = rate * missed_days
    begun = np.minimum(reach, longest)
    cost = early_cost(curves, costs, area, begun, area(begun)) + missed * f1 + costs.lost * f2
    if costs.lead_time:
        since = np.maximum(days, reach - missed_days)
        cost = cost + rate * (area(reach) - area(since) - f1 * (reach - since))
    cost = cost + costs.wasted_call * np.maximum(1.0 - curves.purchased[:, -1:] - f2, 0.0)
    never = missed * curves.purchased[:, -1:] + costs.lost * curves.lost[:, -1:]
    return np.asarray(cost), np.asarray(never[:, 0])


def handoff_day(
    curves: Curves, costs: CallCosts, value: npt.ArrayLike | None = None, *, missed_days: float | None = None
) -> Float:
    """(n,) the day on which waiting on begins to cost more than a call, by what is known today; 0 is now, NaN never.

    ``missed_days``: ``weighed_days`` if not given.
    """
    if missed_days is None:
        missed_days = weighed_days(costs, float(curves.days[-1]))
    cost, never = waiting_cost(curves, costs, value, missed_days=missed_days)
    best = np.argmin(cost, axis=1)
    return np.where(cost[np.arange(len(best)), best] <= never, call_days(float(curves.days[-1]))[best], np.nan)
