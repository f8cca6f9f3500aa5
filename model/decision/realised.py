"""What a call date came to, once it is known how the lead ended."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from features.lives import BOUGHT, GONE
from model.curves import Float
from model.decision.call_date import CallCosts, late_rate


def realised_cost(
    call: npt.NDArray[np.bool_],
    day: Float,
    duration: npt.ArrayLike,
    outcome: npt.ArrayLike,
    costs: CallCosts,
    *,
    longest: float,
    value: npt.ArrayLike | None = None,
) -> Float:
    """(n,): what following each decision cost, by the formula of ``expected_cost`` with what happened for what was
    expected; its mean over many leads with right curves is the expected cost.

    ``call``, ``day``: as ``decide`` gives them, days within [0, longest]. ``duration``, ``outcome``: (n,), what became
    of the lead; an ending after ``longest`` days counts as none. A row censored before that counts as still open: give
    it no weight. Not calling costs a purchase what a call on the last day does.
    """
    days, codes = np.asarray(duration, dtype=np.float64), np.asarray(outcome)
    bought, lost = (codes == BOUGHT) & (days <= longest), (codes == GONE) & (days <= longest)
    at = np.where(call, day, longest)
    gap = days - (at + costs.lead_time)  # the best moment comes so many days after the call
    early = costs.early * np.maximum(gap, 0.0)
    if costs.early_cap is not None:
        early = np.minimum(early, costs.early_cap)
    rate, span = late_rate(costs, len(days), value)
    late = np.ravel(rate) * np.minimum(np.maximum(-gap, 0.0), span)
    before = lost & (days <= at)  # nobody is called any more
    in_vain = np.where(call & ~bought & ~before, costs.wasted_call, 0.0)
    return np.asarray(
        np.where(bought, late + np.where(call, early, 0.0), 0.0) + np.where(before, costs.lost, 0.0) + in_vain
    )
