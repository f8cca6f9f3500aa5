"""Boosters as arrays for model.tree_walk: scores of leads in all bins of time, equal to LightGBM's to the last bit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from features.errors import InputError
from model.curves import Float
from model.tree_text import CATEGORICAL as CATEGORICAL_BIT
from model.tree_text import DEFAULT_LEFT, Int, Tree, parse_trees
from model.tree_walk import BINS, CATEGORICAL, NO_MISSING, BinSplits, Ranks, Splits, Trees, fill_scores

MOST_LEAVES = 64  # of a tree: they are the bits of one number
_FEW = 6  # leads, up to which a block would be mostly empty
_MOST_THRESHOLDS = 65_000  # of a column: ranks are numbers of 16 bits

# What a column of ranks is made from: the column, the kind of missing values, whether they go left, the categories.
_Key = tuple[int, int, bool, tuple[int, ...]]
_Numbered = tuple[list[int], list[int]]  # see _numbered
_Bits = np.dtype[np.uint32] | np.dtype[np.uint64]


@dataclass(frozen=True, eq=False)
class BinForest:
    """Some boosters over the same columns: ``n_features`` of a lead, then ``n_time`` that vary from bin to bin.

    Immutable; ``scores`` may run in several threads at once and lets go of the GIL.
    """

    n_features: int
    n_time: int
    n_boosters: int
    _arrays: tuple[Ranks, Ranks, Splits, BinSplits, Trees]

    @classmethod
    def parse(cls, texts: Sequence[str], n_features: int, n_time: int) -> BinForest:
        """From LightGBM texts, one for each booster. InputError for what LightGBM alone can predict with, as are
        linear trees, more than one class, and trees of more than 64 leaves.
        """
        boosters = [parse_trees(text, n_features + n_time) for text in texts]
        trees = [tree for booster in boosters for tree in booster]
        widest = max((len(tree.value) for tree in trees), default=1)
        if widest > MOST_LEAVES:
            raise InputError(
                where="LightGBM text", expected=f"trees of at most {MOST_LEAVES} leaves", got=f"one of {widest}"
            )
        numbered = [_numbered(tree) for tree in trees]
        bits: _Bits = np.dtype(np.uint32) if widest <= 32 else np.dtype(np.uint64)
        fixed, splits = _ranked(trees, numbered, bits, first=0, end=n_features)
        varying, on_bins = _ranked(trees, numbered, bits, first=n_features, end=n_features + n_time)
        values = [tree.value[order] for tree, (order, _) in zip(trees, numbered, strict=True)]
        return cls(
            n_features,
            n_time,
            len(boosters),
            (
                fixed,
                varying,
                splits,
                _bin_splits(on_bins, list(map(len, values))),
                Trees(
                    begin=_starts(map(len, boosters)),
                    leaf=_starts(map(len, values))[:-1].astype(np.uint32),
                    value=np.concatenate([np.zeros(0), *values]),
                ),
            ),
        )

    def scores(self, matrix: Float, time: Float) -> Float:
        """(boosters, n, bins): raw scores, each to the last bit what LightGBM gives for the row of that lead and bin.

        ``matrix``: (n, n_features); ``time``: (n_time, n, bins). One thread; memory beyond the result is under 1 MB.
        """
        n, bins = len(matrix), time.shape[2]
        if matrix.shape != (n, self.n_features) or time.shape != (self.n_time, n, bins):
            raise InputError(
                where="scores",
                expected=f"(n, {self.n_features}) features and ({self.n_time}, n, bins) covariates of bins",
                got=f"{matrix.shape} and {time.shape}",
            )
        rows = np.ascontiguousarray(matrix, dtype=np.float64)
        alone = True if n <= _FEW else None
        parts = []
        for first in range(0, bins, BINS):
            table = np.ascontiguousarray(time[:, :, first : first + BINS], dtype=np.float64)
            parts.append(np.empty((self.n_boosters, n, table.shape[2])))
            fill_scores(parts[-1], rows, table, *self._arrays, alone)
        return parts[0] if len(parts) == 1 else np.concatenate([np.empty((self.n_boosters, n, 0)), *parts], axis=2)

    def warm_up(self) -> None:
        """Compile now what the first scores would wait for, some seconds where no compiled code is kept on disk."""
        for n in (1, _FEW + 1):
            self.scores(np.zeros((n, self.n_features)), np.zeros((self.n_time, n, 1)))


def _ranked(
    trees: Sequence[Tree], numbered: Sequence[_Numbered], bits: _Bits, *, first: int, end: int
) -> tuple[Ranks, Splits]:
    """The splits on columns first to end, and the columns of ranks that they need, counted from ``first``."""
    nodes = [np.flatnonzero((tree.feature >= first) & (tree.feature < end)).tolist() for tree in trees]
    made: dict[_Key, list[float]] = {}
    keys: list[_Key] = []
    limits: list[float] = []
    keep: list[int] = []
    for tree, (_, on_left), which in zip(trees, numbered, nodes, strict=True):
        for node in which:
            key = _key(tree, node, first)
            keys.append(key)
            limits.append(float(tree.threshold[node]) if key[1] != CATEGORICAL else 0.0)
            made.setdefault(key, []).append(limits[-1])
            keep.append(~on_left[node] & (2 ** (8 * bits.itemsize) - 1))
    columns = sorted(made)
    place = {key: i for i, key in enumerate(columns)}
    # a set of categories takes as many places among the thresholds as it has words, and the other way round
    thresholds = [np.unique(made[key]) if key[1] != CATEGORICAL else np.zeros(len(key[3])) for key in columns]
    words = [
        np.array(key[3] or [0] * len(limit), dtype=np.int64) for key, limit in zip(columns, thresholds, strict=True)
    ]
    most = max(map(len, thresholds), default=0)
    if most > _MOST_THRESHOLDS:
        raise InputError(
            where="LightGBM text", expected=f"at most {_MOST_THRESHOLDS} thresholds in a column", got=str(most)
        )
    rank = [
        int(np.searchsorted(thresholds[place[key]], limit)) if key[1] != CATEGORICAL else 0
        for key, limit in zip(keys, limits, strict=True)
    ]
    ranks = Ranks(
        column=np.array([key[0] for key in columns], dtype=np.uint32),
        kind=np.array([key[1] for key in columns], dtype=np.int64),
        # above all thresholds, or below them
        missing=np.array([0 if k[2] else len(t) for k, t in zip(columns, thresholds, strict=True)], dtype=np.uint16),
        start=_starts(map(len, thresholds)),
        threshold=np.concatenate([np.zeros(0), *thresholds]),
        word=np.concatenate([np.zeros(0, dtype=np.int64), *words]),
    )
    splits = Splits(
        start=_starts(map(len, nodes)),
        column=np.array([place[key] for key in keys], dtype=np.uint32),
        rank=np.array(rank, dtype=np.uint16),
        keep=np.array(keep, dtype=bits),
    )
    return ranks, splits


def _bin_splits(splits: Splits, n_leaves: Sequence[int]) -> BinSplits:
    cuts, which = np.unique(np.stack([splits.column, splits.rank]), axis=1, return_inverse=True)
    cut = which.reshape(-1).astype(np.uint32)
    of_leaf = [
        [int(cut[s]) for s in range(start, stop) if not (int(splits.keep[s]) >> leaf) & 1]
        for n, start, stop in zip(n_leaves, splits.start[:-1], splits.start[1:], strict=True)
        for leaf in range(n)
    ]
    return BinSplits(
        column=cuts[0].astype(np.uint32),
        rank=cuts[1].astype(np.uint16),
        start=splits.start,
        cut=cut,
        keep=splits.keep,
        leaf_start=_starts(map(len, of_leaf)),
        leaf_cut=np.array([g for cuts_of_one in of_leaf for g in cuts_of_one], dtype=np.uint32),
    )


def _key(tree: Tree, node: int, first: int) -> _Key:
    column, decision = int(tree.feature[node]) - first, int(tree.decision[node])
    if decision & CATEGORICAL_BIT:
        return column, CATEGORICAL, False, tree.sets[int(tree.threshold[node])]
    kind = decision >> 2
    return column, kind, kind != NO_MISSING and bool(decision & DEFAULT_LEFT), ()


def _starts(lengths: Iterable[int]) -> Int:
    return np.cumsum([0, *lengths], dtype=np.int64)


def _numbered(tree: Tree) -> _Numbered:
    """The leaves from left to right, and for each split the bits of the leaves on its left. InputError for a ring."""
    order: list[int] = []
    bits = [0] * len(tree.feature)
    left, right = tree.left.tolist(), tree.right.tolist()
    # what is still to be gone into; None marks that the left of a split is done
    todo: list[tuple[int, int | None]] = [(0 if left else -1, None)]
    while todo:
        node, since = todo.pop()
        if node < 0:
            order.append(~node)
        elif since is None:
            todo += [(node, len(order)), (left[node], None)]
        else:
            bits[node] = (1 << len(order)) - (1 << since)
            todo.append((right[node], None))
    if len(order) != len(tree.value):
        raise InputError(where="LightGBM text", expected="a tree that its root leads through", got="one with a ring")
    return order, bits
