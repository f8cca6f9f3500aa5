"""What would be lost without a channel: removal effects in a Markov chain of touches.

Anderl, Becker, von Wangenheim and Schumann, International Journal of Research in Marketing 33 (2016), 457-474.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from model.measurement.journeys import Bool, Float
from model.measurement.paths import Paths


def transitions(paths: Paths, won: Bool) -> sp.csr_matrix:
    """(paths, (k + 1) (k + 2)) how often each path goes from one state to another.

    From: each of k keys, then the start. To: each key, then won, then not won. Paths without touches make no step. A
    key that follows itself is no step.
    """
    k = len(paths.keys)
    n = len(paths.path)
    follows = np.ones(n, dtype=bool)
    follows[1:] = (np.diff(paths.path) != 0) | (np.diff(paths.key) != 0)
    path, key = paths.path[follows], paths.key[follows]
    opens = np.ones(len(path), dtype=bool)
    opens[1:] = np.diff(path) != 0
    closes = np.roll(opens, -1) if len(path) else opens
    inner = np.flatnonzero(~opens)
    rows = np.concatenate([path[opens], path[inner], path[closes]])
    before = np.concatenate([np.full(int(opens.sum()), k), key[inner - 1], key[closes]])
    after = np.concatenate([key[opens], key[inner], np.where(won[path[closes]], k, k + 1)])
    shape = (len(paths), (k + 1) * (k + 2))
    return sp.csr_matrix((np.ones(len(rows)), (rows, before * (k + 2) + after)), shape=shape)


def removal_effects(counts: Float) -> Float:
    """(draws, k): by how much of itself the chance to win falls when no path can pass the key any more, 0 to 1.

    ``counts``: (draws, k + 1, k + 2) steps as in ``transitions``. What would go to the key is not won. With N =
    (I - Q)^-1, the expected visits (Kemeny and Snell, Finite Markov Chains, 1960, chapter III): a key is reached with
    probability (a N)_k / N_kk and wins from there with (N w)_k; their product over the chance of the whole chain is
    what its removal takes away. All 0 where nothing is won.
    """
    k = counts.shape[-2] - 1
    total = counts.sum(axis=-1, keepdims=True)
    chance = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    visits = np.linalg.inv(np.eye(k) - chance[:, :k, :k])
    wins_from = np.einsum("bij,bj->bi", visits, chance[:, :k, k])
    reached = np.einsum("bi,bij->bj", chance[:, k, :k], visits) / np.diagonal(visits, axis1=1, axis2=2)
    whole = (chance[:, k, k] + np.einsum("bi,bi->b", chance[:, k, :k], wins_from))[:, None]
    effect = np.divide(reached * wins_from, whole, out=np.zeros_like(reached), where=whole > 0)
    return np.asarray(np.clip(effect, 0.0, 1.0))
