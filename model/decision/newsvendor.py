"""The call date in closed form, where both costs are linear: what the minimisation must agree with."""

from __future__ import annotations

import numpy as np

from model.curves import Curves, Float
from model.decision.call_date import CallCosts


def critical_fractile(costs: CallCosts) -> float:
    """early / (early + late): the share of purchases that may come before the call.

    The newsvendor's critical ratio with late as the cost of one too many: Arrow, Harris and Marschak, Econometrica 19
    (1951), 250-272.
    """
    return costs.early / (costs.early + costs.late)


def fractile_day(curves: Curves, costs: CallCosts) -> Float:
    """(n,) the day, with its fraction, at which F1 reaches the fractile of F1(H), less the sales lead time.

    Not below 0. This is the day of least expected cost when no call is in vain, nothing is capped and a loss costs
    nothing.
    """
    target = critical_fractile(costs) * curves.purchased[:, -1]
    right = np.clip((curves.purchased < target[:, None]).sum(axis=1), 1, len(curves.days) - 1)
    rows = np.arange(len(target))
    below, above = curves.purchased[rows, right - 1], curves.purchased[rows, right]
    share = np.divide(target - below, above - below, out=np.zeros(len(target)), where=above > below)
    day = curves.days[right - 1] + np.clip(share, 0.0, 1.0) * (curves.days[right] - curves.days[right - 1])
    return np.asarray(np.maximum(day - costs.lead_time, 0.0))
