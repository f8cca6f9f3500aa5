"""What moved the purchase hazard of a lead: exact contributions of each feature where there are trees, and where an
estimator can only be asked, what the chance would be had the feature its usual value.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from features.lives import BOUGHT
from model.bin_scores import in_parts
from model.curve_model import CurveModel
from model.curves import Float
from model.discrete import logit
from model.hazard import PurchaseHazard
from model.own import Adapted
from model.person_period import AGE, DEADLINE

# A covariate of the bin speaks for the feature that it was made of..
_MADE_OF = {"bin_deadline_days": DEADLINE, "bin_past_deadline": DEADLINE, "bin_age_days": AGE}
_BINS = 2  # bins looked at between the as-of time and the middle horizon
_ASKED = 8_192  # rows that an estimator is asked about at a time


def contributions(model: CurveModel, matrix: Float, as_of: npt.NDArray[np.int64], until: float) -> Float:
    """(n, p): each feature's contribution to the log odds of a purchase, the mean over bins up to ``until`` days.

    Of an Adapted: log odds of a purchase within ``until`` days less those with this one feature at its usual value,
    ``typical_``. Unlike those of trees they don't add up where features act together. Without either: 0.
    """
    if isinstance(model, PurchaseHazard):
        return _of_trees(model, matrix, as_of, until)
    if isinstance(model, Adapted):
        return _against_usual(model, matrix, as_of, until)
    return np.zeros(matrix.shape)


def _against_usual(model: Adapted, matrix: Float, as_of: npt.NDArray[np.int64], until: float) -> Float:
    """Only what differs from the usual value has to be asked about: of most leads that is little."""

    def log_odds(rows: Float, moment: npt.NDArray[np.int64]) -> Float:
        return logit(model.predict_curves(rows, as_of=moment).at([until])[0][:, 0])

    usual = model.typical_
    row, column = np.nonzero((matrix != usual) & ~(np.isnan(matrix) & np.isnan(usual)))
    own, total = log_odds(matrix, as_of), np.zeros(matrix.shape)
    for first in range(0, len(row), _ASKED):
        i, j = row[first : first + _ASKED], column[first : first + _ASKED]
        instead = matrix[i]
        instead[np.arange(len(i)), j] = usual[j]
        total[i, j] = own[i] - log_odds(instead, as_of[i])
    return total


def _of_trees(hazard: PurchaseHazard, matrix: Float, as_of: npt.NDArray[np.int64], until: float) -> Float:
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
