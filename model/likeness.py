"""How alike leads are to the model: in how many of its purchase trees they end in the same leaf.

The proximity of random forests (Breiman, *Manual on setting up, using, and understanding random forests*, 2002), taken
over the boosted trees of the purchase: only what the model found to matter counts, and no feature needs a scale.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from features.lives import BOUGHT
from model.curve_model import CurveModel
from model.curves import Float
from model.hazard import PurchaseHazard

Leaves = npt.NDArray[np.uint8]
_TREES = 256  # that are looked at: the first ones, which carry most
_AMONG = 150  # rows, whose pairs say how alike two usually are


def leaves(hazard: CurveModel, matrix: Float, as_of: npt.NDArray[np.int64], until: float) -> Leaves | None:
    """(n, trees): the leaf of each row in each purchase tree, in the bin of time that ends ``until`` days ahead.

    ``matrix``: (n, p) as ``build_matrix`` encodes. None for a model without trees of the purchase.
    """
    booster = hazard.booster(BOUGHT)
    if not isinstance(hazard, PurchaseHazard) or booster is None or booster.num_trees() == 0:
        return None
    last = int(np.searchsorted(hazard.time_.edges, until)) - 1
    if not len(matrix):
        return np.empty((0, min(booster.num_trees(), _TREES)), dtype=np.uint8)
    expanded = hazard.expand(hazard.masked(matrix), as_of, [max(last, 0)])
    found = booster.predict(expanded, pred_leaf=True, num_iteration=_TREES, num_threads=hazard.n_jobs)
    return np.asarray(found).reshape(len(matrix), -1).astype(np.uint8)  # a tree has at most 64 leaves


def likeness(one: Leaves, many: Leaves) -> Float:
    """(n,): the share of trees, 0 to 1, in which ``one`` (trees,) shares its leaf with each of ``many`` (n, trees)."""
    return np.asarray((many == one).mean(axis=1), dtype=np.float64)


def usual_likeness(many: Leaves) -> Float:
    """(101,): the percentiles of likeness over pairs of different rows; empty for fewer than two rows.

    Of many rows some that lie evenly among them speak for all.
    """
    if len(many) < 2:
        return np.empty(0)
    some = many[np.unique(np.linspace(0, len(many) - 1, _AMONG).astype(np.int64))]
    pairs = [likeness(some[i], some[i + 1 :]) for i in range(len(some) - 1)]
    return np.asarray(np.percentile(np.concatenate(pairs), np.arange(101)))


def nearer_than(usual: Float, alike: Float) -> Float:
    """(n,): the share of pairs, 0 to 1, that are less alike than that. ``usual``: as ``usual_likeness`` gives it."""
    below = np.searchsorted(usual, alike, side="left") / max(len(usual) - 1, 1)
    return np.asarray(np.minimum(below, 1.0), dtype=np.float64)
