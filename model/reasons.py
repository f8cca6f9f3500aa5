"""What moved the purchase hazard of a lead: exact contributions of each feature where there are trees, and where an
estimator can only be asked, what the chance would be had the feature its usual value.
"""

from __future__ import annotations

import threading

import numpy as np
import numpy.typing as npt

from features.lives import BOUGHT
from model.curve_model import CurveModel
from model.curves import Float
from model.discrete import logit
from model.hazard import PurchaseHazard
from model.own import Adapted
from model.person_period import AGE, DEADLINE

# A covariate of the bin speaks for the feature that it was made of..
_MADE_OF = {"bin_deadline_days": DEADLINE, "bin_past_deadline": DEADLINE, "bin_age_days": AGE}
_BINS = 2  # bins looked at between the as-of time and the middle horizon: exact contributions are slow

# LightGBM computes the depth of the shared trees anew in each call for contributions, and another call at the same time
# sizes its memory by it. A slice is short, so that one lead does not wait for a long list.
_CONTRIBUTING = threading.Lock()
_SLICE = 128  # rows
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
    booster = hazard.booster(BOUGHT)
    p = len(hazard.columns_.names)
    if booster is None or not len(matrix):
        return np.zeros((len(matrix), p))
    last = int(np.searchsorted(hazard.time_.edges, until)) - 1
    bins = sorted({round(last * k / _BINS) for k in range(1, _BINS + 1)})
    expanded = hazard.expand(hazard.masked(matrix), as_of, bins)
    parts = []
    for first in range(0, len(expanded), _SLICE):
        with _CONTRIBUTING:
            parts.append(
                booster.predict(expanded[first : first + _SLICE], pred_contrib=True, num_threads=hazard.n_jobs)
            )
    by_bin: Float = np.concatenate(parts)
    mean = by_bin.reshape(len(matrix), len(bins), -1).mean(axis=1)
    total = mean[:, :p].copy()
    place = {name: i for i, name in enumerate(hazard.columns_.names)}
    for j, name in enumerate(hazard.time_.names):
        if name in _MADE_OF:
            total[:, place[_MADE_OF[name]]] += mean[:, p + j]
    return np.asarray(total)
