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


def baseline_hazards(
    outcome: npt.NDArray[np.int8], duration: Float, weight: Float, edges: Float, entry: Float | None = None
) -> Float:
    """(2, bins): Aalen-Johansen's hazards in continuation ratio. Bins that hardly a row has reached take the daily rate
    of the last ones that were seen, instead of 0.

    ``entry``: (n,) days from which on each row is under observation. Bins before enough rows have come take the daily
    rate of the first ones after: a single ending among few rows at risk would carry the whole curve to 1.
    """
    first = 0 if entry is None else _enough_from(duration, entry, edges)
    there = duration > edges[first]
    start = None if entry is None else np.maximum(entry, edges[first])[there]
    days, f1, f2 = aalen_johansen(duration[there], outcome[there], weight[there], start)
    at1, at2 = incidence_at(days, f1, edges), incidence_at(days, f2, edges)
    before = np.maximum(1.0 - at1 - at2, _TINY)[:-1]
    h1 = np.diff(at1) / before
    h2 = np.diff(at2) / np.maximum(before - np.diff(at1), _TINY)
    hazards = np.clip(np.stack([h1, h2]), 0.0, 1.0 - _TINY)
    reached = np.array([(duration >= edge).sum() for edge in edges[1:]])
    ended = np.array([((duration > edge) & (outcome > 0)).sum() for edge in edges[:-1]])
    thin = (reached < 10) & (ended == 0)
    thin[: first + 1] = False
    seen = first + np.flatnonzero(~thin[first:])
    _fill(hazards, edges, thin, seen[-3:])
    _fill(hazards, edges, np.arange(len(thin)) < first, seen[:3])
    return np.asarray(hazards)


def _enough_from(duration: Float, entry: Float, edges: Float) -> int:
    """The first bin at whose start at least 10 rows are at risk; where none has so many, the one with the most."""
    at_risk = np.array([((entry <= edge) & (duration > edge)).sum() for edge in edges[:-1]])
    enough = np.flatnonzero(at_risk >= 10)
    return int(enough[0] if len(enough) else np.argmax(at_risk))


def _fill(hazards: Float, edges: Float, which: npt.NDArray[np.bool_], like: npt.NDArray[np.intp]) -> None:
    """Give some bins the daily rate of others, in place."""
    width = np.diff(edges)
    rate = -np.log1p(-hazards[:, like]).sum(axis=1) / width[like].sum()
    hazards[:, which] = -np.expm1(-rate[:, None] * width[which])


def logit(p: Float) -> Float:
    kept = np.clip(p, _TINY, 1 - _TINY)
    return np.asarray(np.log(kept) - np.log1p(-kept))


def expit(x: Float) -> Float:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))
