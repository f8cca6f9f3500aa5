"""What moved the purchase hazard of a lead: exact contributions of each feature in the trees."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from features.lives import BOUGHT
from model.bin_scores import in_parts
from model.curves import Float
from model.hazard import PurchaseHazard
from model.person_period import AGE, DEADLINE

# A covariate of the bin speaks for the feature that it was made of..
_MADE_OF = {"bin_deadline_days": DEADLINE, "bin_past_deadline": DEADLINE, "bin_age_days": AGE}
_BINS = 2  # bins looked at between the as-of time and the middle horizon


def contributions(hazard: PurchaseHazard, matrix: Float, as_of: npt.NDArray[np.int64], until: float) -> Float:
    """(n, p): each feature's contribution to the log odds of a purchase, the mean over bins up to ``until`` days."""
    trees = hazard.contributions(BOUGHT)
    p = len(hazard.columns_.names)
    if trees is None or not len(matrix):
        return np.zeros((len(matrix), p))
    last = int(np.searchsorted(hazard.time_.edges, until)) - 1
    bins = sorted({round(last * k / _BINS) for k in range(1, _BINS + 1)})
    by_bin = np.empty((len(matrix) * len(bins), p + len(hazard.time_.names)))

    def work(part: slice) -> None:
        rows = slice(part.start * len(bins), part.stop * len(bins))
        by_bin[rows] = trees.of(hazard.expand(hazard.masked(matrix[part]), as_of[part], bins))

    in_parts(len(matrix), hazard.n_jobs, work)
    mean = by_bin.reshape(len(matrix), len(bins), -1).mean(axis=1)
    total = mean[:, :p].copy()
    place = {name: i for i, name in enumerate(hazard.columns_.names)}
    for j, name in enumerate(hazard.time_.names):
        if name in _MADE_OF:
            total[:, place[_MADE_OF[name]]] += mean[:, p + j]
    return np.asarray(total)
