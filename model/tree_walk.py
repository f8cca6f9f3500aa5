"""Scores of boosted trees for many leads, each in all of its bins of time: every tree is walked once for a lead.

Most columns are the same in all bins of a lead; only the last few vary. A tree is walked as *QuickScorer* does
(Lucchese and others, SIGIR 2015): each split that sends a row right clears the bits of the leaves on its left, and the
lowest bit that is left is the leaf. Splits on features, and on covariates of the bins that go right in all of them,
clear their bits once for the lead, for a block of leads in one instruction. The leaves that are left share out the
bins, from left to right: each takes those that no split keeps from it. Nearly always the first one or two take all.

Before that, values are replaced by their rank among the thresholds of their column, which loses nothing. Leaf values
are added in LightGBM's order, so that the sums are its own to the last bit.

Constants and compiled functions stay in this one file, see features.compiled.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped]  # numba's own
from numba.extending import intrinsic

from features.compiled import compiled

Int = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]

LANES = 64  # leads in a block: what is kept of them stays in the caches nearest to the processor
BINS = 32  # at most, in one call: they are the bits of one number
ZERO = float(np.float32(1e-35))  # LightGBM takes what is no further from 0 as 0
NO_MISSING, ZERO_MISSING, NAN_MISSING, CATEGORICAL = range(4)
UNKNOWN = 1 << 40  # a category in no set


class Ranks(NamedTuple):
    """How the values of a column become ranks. Columns come more than once: for each kind of missing value and
    direction of it, and for each set of categories.

    The rank of a number is how many thresholds lie below it: so x <= threshold j just where the rank is at most j. A
    category has rank 0 where it is in the set, else 1.
    """

    column: npt.NDArray[np.uint32]  # (c,)
    kind: Int  # (c,): NO_MISSING, ZERO_MISSING, NAN_MISSING or CATEGORICAL
    missing: npt.NDArray[np.uint16]  # (c,): the rank of a missing value
    start: Int  # (c + 1,): the thresholds, or the words of the set
    threshold: Float
    word: Int  # 32 bits each


class Splits(NamedTuple):
    """Splits, tree after tree."""

    start: Int  # (trees + 1,)
    column: npt.NDArray[np.uint32]  # of Ranks
    rank: npt.NDArray[np.uint16]  # above it a row goes right
    keep: npt.NDArray[Any]  # uint32 or uint64: the leaves that are not on the left


class BinSplits(NamedTuple):
    """Splits on covariates of the bins. A cut sends the bins right whose rank in a column is above its own."""

    column: npt.NDArray[np.uint32]  # by cut, of Ranks
    rank: npt.NDArray[np.uint16]  # by cut
    start: Int  # (trees + 1,)
    cut: npt.NDArray[np.uint32]  # by split, tree after tree
    keep: npt.NDArray[Any]  # by split, as in Splits
    leaf_start: Int  # (leaves + 1,)
    leaf_cut: npt.NDArray[np.uint32]  # leaf after leaf: the cuts that keep bins from it, because it is on their left


class Trees(NamedTuple):
    begin: Int  # (boosters + 1,): the trees of each
    leaf: npt.NDArray[np.uint32]  # (trees,): where their leaves start
    value: Float  # by leaf, from left to right in each tree


@intrinsic
def _lowest(typing_context, number):  # type: ignore[no-untyped-def]  # noqa: ARG001
    """The place of the lowest bit that is set, of an unsigned number above 0."""

    def code(context, builder, signature, arguments):  # type: ignore[no-untyped-def]  # noqa: ARG001
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 1))

    return number(number), code


@compiled
def _fill_ranks(out, x, plan, c, y, count, alone):  # type: ignore[no-untyped-def]  # noqa: C901, PLR0917
    """Fill out[c] with the ranks of the values ``x`` in column c of ``plan``. ``y``, ``count``: room for a block.

    Missing values as LightGBM takes them: NaN is 0 unless NaN is the missing value; the sets hold no NaN, no negative
    and no unknown category, and categories are cut to whole numbers.
    """
    kind, missing, threshold, word = plan.kind[c], plan.missing[c], plan.threshold, plan.word
    start, stop = plan.start[c], plan.start[c + 1]
    lanes = LANES if alone is None else 1
    for low in range(0, len(x), lanes):
        if kind == CATEGORICAL:
            for i in range(lanes):
                v = x[low + i]
                count[i] = np.int64(v) if -1.0 < v < UNKNOWN else UNKNOWN
                out[c, low + i] = 1
            for j in range(start, stop):
                bits = word[j]
                for i in range(lanes):
                    found = (bits >> (count[i] & 31)) & 1
                    out[c, low + i] &= 1 - found if count[i] >> 5 == j - start else 1
            continue
        for i in range(lanes):
            v = x[low + i]
            if math.fabs(v) <= ZERO or (math.isnan(v) and kind != NAN_MISSING):
                v = math.nan if kind == ZERO_MISSING else 0.0
            y[i] = v
            count[i] = 0
        for j in range(start, stop):
            limit = threshold[j]
            for i in range(lanes):
                count[i] += 1 if limit < y[i] else 0
        for i in range(lanes):
            out[c, low + i] = missing if math.isnan(y[i]) else count[i]


@compiled
def fill_scores(out, matrix, time, fixed, varying, splits, bin_splits, trees, alone):  # type: ignore[no-untyped-def]  # noqa: C901, PLR0912, PLR0917
    """Fill ``out`` (boosters, n, bins) from ``matrix`` (n, p) and ``time`` (q, n, bins), at most BINS bins.

    ``fixed``, ``varying``: Ranks of the features and of the covariates of bins; ``splits``, ``bin_splits``: on them.
    ``alone``: None to go through blocks of LANES leads, True to take one after the other, which is faster for a few;
    numba compiles each, for None is a type of its own. One long function: handing arrays to one that is called for
    each tree costs more than the work itself.
    """
    lanes = LANES if alone is None else 1
    n, n_bins = len(matrix), time.shape[2]
    first_split, on, above, keep = splits.start, splits.column, splits.rank, splits.keep
    bin_start, bin_cut, bin_keep = bin_splits.start, bin_splits.cut, bin_splits.keep
    leaf_start, leaf_cut = bin_splits.leaf_start, bin_splits.leaf_cut
    begin, leaf, value = trees.begin, trees.leaf, trees.value
    n_fixed, n_varying, n_cuts = len(fixed.column), len(varying.column), len(bin_splits.column)
    x, y, count = np.zeros(lanes), np.zeros(lanes), np.zeros(lanes, dtype=np.int64)
    bin_x = np.zeros(n_bins * lanes)
    ranks = np.zeros((n_fixed, lanes), dtype=np.uint16)
    bin_ranks = np.zeros((n_varying, n_bins * lanes), dtype=np.uint16)
    right = np.zeros((n_cuts, lanes), dtype=np.uint32)  # bits of the bins that go right
    all_bins = np.uint32((1 << n_bins) - 1)
    open_leaves = np.zeros(lanes, dtype=keep.dtype)  # that are not cut off in all bins
    every, one = ~open_leaves[0], np.ones(1, dtype=keep.dtype)[0]
    total = np.zeros((lanes, BINS))
    for low in range(0, n, lanes):
        size = min(lanes, n - low)
        for c in range(n_fixed):
            if c == 0 or fixed.column[c] != fixed.column[c - 1]:
                for i in range(size):
                    x[i] = matrix[low + i, fixed.column[c]]
            _fill_ranks(ranks, x, fixed, c, y, count, alone)
        for c in range(n_varying):
            if c == 0 or varying.column[c] != varying.column[c - 1]:
                for i in range(size):
                    for k in range(n_bins):
                        bin_x[k * lanes + i] = time[varying.column[c], low + i, k]
            _fill_ranks(bin_ranks, bin_x, varying, c, y, count, alone)
        for g in range(n_cuts):
            c, limit = bin_splits.column[g], bin_splits.rank[g]
            for i in range(lanes):
                right[g, i] = 0
            for k in range(n_bins):
                bit, at = np.uint32(1 << k), k * lanes
                for i in range(lanes):
                    right[g, i] |= bit if bin_ranks[c, at + i] > limit else np.uint32(0)
        for booster in range(len(begin) - 1):
            total[:] = 0.0
            for tree in range(begin[booster], begin[booster + 1]):
                for i in range(lanes):
                    open_leaves[i] = every
                for s in range(first_split[tree], first_split[tree + 1]):
                    c, limit, kept = on[s], above[s], keep[s]
                    for i in range(lanes):
                        open_leaves[i] &= kept if ranks[c, i] > limit else every
                for s in range(bin_start[tree], bin_start[tree + 1]):
                    g, kept = bin_cut[s], bin_keep[s]
                    for i in range(lanes):
                        open_leaves[i] &= kept if right[g, i] == all_bins else every
                base = leaf[tree]
                for i in range(size):
                    leaves, todo = open_leaves[i], all_bins
                    while True:
                        found = base + _lowest(leaves)  # type: ignore[call-arg]
                        elsewhere = np.uint32(0)
                        for s in range(leaf_start[found], leaf_start[found + 1]):
                            elsewhere |= right[leaf_cut[s], i]
                        taken, worth = todo & ~elsewhere, value[found]
                        # for all bins and without asking whether any is taken: that costs less than a wrong guess
                        for k in range(BINS):
                            total[i, k] += worth if (taken >> np.uint32(k)) & np.uint32(1) else 0.0
                        todo &= elsewhere
                        if todo == 0:
                            break
                        leaves &= leaves - one
            for i in range(size):
                for k in range(n_bins):
                    out[booster, low + i, k] = total[i, k]
