"""Discrete hazards in continuation ratio: from Aalen-Johansen, and to curves."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from model.aalen_johansen import aalen_johansen, incidence_at
from model.curves import Curves, Float

_TINY = 1e-7  # hazards stay this far from 0 and 1 where their logit is needed


def curves_from_hazards(edges: Float, purchase: Float, loss: Float) -> Curves:
    """Incidences at the edges from hazards in continuation ratio, each (n, bins) within 0 and 1."""
    stay = np.cumprod((1.0 - purchase) * (1.0 - loss), axis=1)
    before = np.concatenate([np.ones((len(stay), 1)), stay[:, :-1]], axis=1)
    zero = np.zeros((len(stay), 1))
    f1 = np.concatenate([zero, np.cumsum(before * purchase, axis=1)], axis=1)
    f2 = np.concatenate([zero, np.cumsum(before * (1.0 - purchase) * loss, axis=1)], axis=1)
    full = 1.0 - 1e-12  # rounding may carry a sum past 1; a common factor keeps both rising
    factor = np.minimum(1.0, full / np.maximum(f1[:, -1:] + f2[:, -1:], full))
    return Curves(edges, f1 * factor, f2 * factor)


def baseline_hazards(outcome: npt.NDArray[np.int8], duration: Float, weight: Float, edges: Float) -> Float:
    """(2, bins): Aalen-Johansen's hazards in continuation ratio. Bins that hardly a row has reached take the daily rate
    of the last ones that were seen, instead of 0.
    """
    days, f1, f2 = aalen_johansen(duration, outcome, weight)
    at1, at2 = incidence_at(days, f1, edges), incidence_at(days, f2, edges)
    before = np.maximum(1.0 - at1 - at2, _TINY)[:-1]
    h1 = np.diff(at1) / before
    h2 = np.diff(at2) / np.maximum(before - np.diff(at1), _TINY)
    hazards = np.clip(np.stack([h1, h2]), 0.0, 1.0 - _TINY)
    reached = np.array([(duration >= edge).sum() for edge in edges[1:]])
    ended = np.array([((duration > edge) & (outcome > 0)).sum() for edge in edges[:-1]])
    thin = (reached < 10) & (ended == 0)
    thin[0] = False
    if thin.any():
        seen = np.flatnonzero(~thin)[-3:]
        width = np.diff(edges)
        rate = -np.log1p(-hazards[:, seen]).sum(axis=1) / width[seen].sum()
        hazards[:, thin] = -np.expm1(-rate[:, None] * width[thin])
    return np.asarray(hazards)


def logit(p: Float) -> Float:
    kept = np.clip(p, _TINY, 1 - _TINY)
    return np.asarray(np.log(kept) - np.log1p(-kept))


def expit(x: Float) -> Float:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))
