"""How sure a mean is over several seeds: the seeds are drawn with replacement, and then the leads of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model.curves import Float
from model.metrics import resample_counts
from model.metrics.bootstrap import DRAWS


def pooled_draws(costs: Sequence[Float]) -> Float:
    """(d, r): draws of the mean over seeds of the mean cost a lead; the same for all r rules, so that differences
    are paired. ``costs``: for each seed (m, r), of its own m leads.
    """
    means = np.stack([_means(cost, seed) for seed, cost in enumerate(costs)])
    rng, n = np.random.default_rng(0), len(costs)
    seed = rng.integers(0, n, size=(DRAWS, n))
    # a seed that is drawn twice brings leads that were drawn anew
    place = (np.arange(DRAWS)[:, None] + np.arange(n)[None, :] * (DRAWS // n)) % DRAWS
    return np.asarray(means[seed, place].mean(axis=1))


def _means(cost: Float, seed: int) -> Float:
    counts = resample_counts(np.arange(len(cost)), draws=DRAWS, seed=seed).astype(np.float64)
    return np.asarray(counts @ cost / len(cost))
