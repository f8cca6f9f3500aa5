"""Reasons for a score: the features that moved the purchase hazard most, by exact contributions in the trees."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from features.lives import BOUGHT
from model.curves import Float
from model.hazard import PurchaseHazard
from model.person_period import AGE, DEADLINE

# A covariate of the bin speaks for the feature that it was made of..
_MADE_OF = {"bin_deadline_days": DEADLINE, "bin_past_deadline": DEADLINE, "bin_age_days": AGE}
_BINS = 2  # bins looked at between the as-of time and the middle horizon: exact contributions are slow

# LightGBM computes the depth of the shared trees anew in each call for contributions, and another call at the same time
# sizes its memory by it. A slice is short, so that one lead does not wait for a long list.
_CONTRIBUTING = threading.Lock()
_SLICE = 128  # rows


def contributions(hazard: PurchaseHazard, matrix: Float, as_of: npt.NDArray[np.int64], until: float) -> Float:
    """(n, p): each feature's contribution to the log odds of a purchase, the mean over bins up to ``until`` days."""
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


def sentences(
    hazard: PurchaseHazard,
    matrix: Float,
    contribution: Float,
    labels: Mapping[str, str],
    *,
    most: int = 3,
) -> list[list[str]]:
    """For each row up to ``most`` sentences, the weightiest feature first, without those that hardly move the odds."""
    order = np.argsort(-np.abs(contribution), axis=1, kind="stable")[:, :most]
    found = []
    for row, best in enumerate(order):
        chosen = [int(j) for j in best if abs(contribution[row, j]) > 0.01]
        found.append([_sentence(hazard, j, matrix[row, j], contribution[row, j], labels) for j in chosen])
    return found


def _sentence(hazard: PurchaseHazard, j: int, value: float, weight: float, labels: Mapping[str, str]) -> str:
    name = hazard.columns_.names[j]
    label = labels.get(name) or name.replace("_", " ")
    effect = "raises" if weight > 0 else "lowers"
    shown = _shown(value, hazard.columns_.levels.get(name))
    return f"{label[:1].upper()}{label[1:]}: {shown}; this {effect} the chance to buy"


def _shown(value: float, levels: Sequence[str] | None) -> str:
    if np.isnan(value):
        return "none"
    if levels is not None:
        return levels[int(value)]
    return (
        f"{value:.0f}"
        if value == round(value) or abs(value) >= 100
        else f"{value:.2g}"
        if abs(value) < 1
        else f"{value:.1f}"
    )
