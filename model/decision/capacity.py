"""Whom to call on which day, so that the expected loss over the coming days is least while salespeople are few."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from model.curves import Float

Int64 = npt.NDArray[np.int64]
UNPLANNED = -1


def plan(cost: Float, otherwise: Float, slots: npt.ArrayLike) -> Int64:
    """(n,) the place of the day on which each lead is called, -1 for none of them: the plan of the least total cost.

    ``cost``: (n, k) the expected cost of calling a lead on each of k days, ``otherwise``: (n,) of calling it on none of
    them; ``slots``: (k,) how many calls each day allows. A call is worth ``otherwise - cost``; with one call to a lead
    this is the assignment problem (Kuhn 1955), solved exactly.

    On a day with c slots only those leads can be called that are among the m worthiest of that day, m being all slots:
    of these at most m - 1 are called elsewhere, so a worthier one is free to take the place. The others are left out.
    """
    gain = np.maximum(np.asarray(otherwise)[:, None] - cost, 0.0)
    room = np.asarray(slots, dtype=np.int64)
    chosen = np.full(len(gain), UNPLANNED, dtype=np.int64)
    total = int(room.sum())
    if not len(gain) or not total:
        return chosen
    if len(gain) > total:
        worthiest = np.argpartition(-gain, total - 1, axis=0)[:total]
        rows = np.unique(worthiest)
    else:
        rows = np.arange(len(gain))
    day = np.repeat(np.arange(len(room)), room)
    lead, slot = linear_sum_assignment(gain[rows][:, day], maximize=True)
    worth = gain[rows[lead], day[slot]] > 0
    chosen[rows[lead[worth]]] = day[slot[worth]]
    return chosen


def cost_of_delay(cost: Float, otherwise: Float, place: Int64) -> Float:
    """(n,) what is lost when a lead is not called on its planned day but on the best later one, or on none of them.

    Below 0 where a later day would be better but has no room; 0 for leads that are not planned.
    """
    k = cost.shape[1]
    if k == 0:
        return np.zeros(len(cost))
    rows = np.arange(len(cost))
    later = np.where(np.arange(k)[None, :] > place[:, None], cost, np.inf).min(axis=1, initial=np.inf)
    planned = cost[rows, np.maximum(place, 0)]
    return np.where(place >= 0, np.minimum(later, otherwise) - planned, 0.0)
