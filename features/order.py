"""The order of the log: by lead, then by the times of the events."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from features.compiled import compiled


@compiled
def _order(lead, n_leads, occurred, recorded):  # type: ignore[no-untyped-def]
    n = len(lead)
    ends = np.zeros(n_leads + 1, dtype=np.int64)
    for i in range(n):
        ends[lead[i] + 1] += 1
    for i in range(n_leads):
        ends[i + 1] += ends[i]
    place = ends[:-1].copy()
    order = np.empty(n, dtype=np.int64)
    for i in range(n):
        order[place[lead[i]]] = i
        place[lead[i]] += 1
    tied = np.zeros(n, dtype=np.bool_)
    for i in range(n_leads):
        rows = order[ends[i] : ends[i + 1]]
        for j in range(1, len(rows)):
            before, here = rows[j - 1], rows[j]
            if occurred[before] > occurred[here] or (
                occurred[before] == occurred[here] and recorded[before] > recorded[here]
            ):
                rows[:] = rows[np.argsort(recorded[rows], kind="mergesort")]
                rows[:] = rows[np.argsort(occurred[rows], kind="mergesort")]
                break
        for j in range(1, len(rows)):
            before, here = rows[j - 1], rows[j]
            tied[ends[i] + j] = occurred[before] == occurred[here] and recorded[before] == recorded[here]
    return order, tied


def order_by_lead_and_time(
    lead: npt.NDArray[np.int32], n_leads: int, occurred: npt.NDArray[np.int64], recorded: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The rows in the order of lead, occurred and recorded; and the places there that equal the place before.

    ``lead``: codes 0 to n_leads - 1. A counting sort by lead, then a merge sort within the leads that need one.
    """
    order, tied = _order(lead, n_leads, np.array(occurred), np.array(recorded))
    return order, np.flatnonzero(tied)
