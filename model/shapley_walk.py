"""Shapley values of boosted trees, leaf by leaf, for a block of rows in one instruction.

The value of a leaf counts fully for a row that goes the right way at each split above it. Of the d columns that are
split on above it, let o_j be 1 where the row goes the right way at all splits on column j, else 0, and z_j the share of
the training rows that do, a product over these splits. A row of which only the columns S are known gets of the leaf's
value v the part v prod_{S} o_j prod_{not S} z_j (Lundberg and others, *From local explanations to global understanding
with explainable AI for trees*, Nature Machine Intelligence 2020, algorithm 1). With the weights of Shapley written as a
beta integral, the contribution of column j is

    v (o_j - z_j) integral from 0 to 1 over t of prod_{i other than j} (z_i (1 - t) + o_i t),

a polynomial of degree d - 1, on which Gauss and Legendre's rule with (d + 1) / 2 nodes makes no error. Where o_j is 0
the factor z_j cancels, so that all such columns of a leaf share one number; where it is 1 the rest is constant.

Constants and compiled functions stay in this one file, see features.compiled.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from features.compiled import compiled

Int = npt.NDArray[np.int64]
Float = npt.NDArray[np.float64]

LANES = 64  # rows in a block
FEW = 2  # rows in a block where there are no more: a lead in two bins of time
ZERO = float(np.float32(1e-35))  # LightGBM takes what is no further from 0 as 0
NO_MISSING, ZERO_MISSING, NAN_MISSING, CATEGORICAL = range(4)
UNKNOWN = 1 << 40  # a category in no set


class Questions(NamedTuple):
    """The splits, tree after tree; the k-th of a tree is bit k of its numbers of 64 bits."""

    start: Int  # (trees + 1,)
    column: Int
    threshold: Float
    kind: Int  # NO_MISSING, ZERO_MISSING, NAN_MISSING or CATEGORICAL
    left: npt.NDArray[np.bool_]  # whether missing values go left
    word: Int  # (splits + 1,): where the words of its set of categories start
    words: Int  # of 32 bits: the categories that go left


class Leaves(NamedTuple):
    """The leaves with a split above them, tree after tree, and for each the columns split on above it."""

    tree: Int  # (trees + 1,): where the leaves of each start
    value: Float  # (leaves,)
    start: Int  # (leaves + 1,): where its columns start
    column: Int  # by leaf and column
    asked: npt.NDArray[np.uint64]  # the splits on that column above the leaf
    right: npt.NDArray[np.uint64]  # those of them at which the way to the leaf goes right
    share: Float  # z: of the training rows, those that go the right way at all of them
    known: Float  # (columns of leaves, most nodes): weight (1 - z) / (z (1 - t) + t), by node


class Rule(NamedTuple):
    """Gauss and Legendre's rule over (0, 1) with 1, 2, .. nodes: row k - 1 has k of them, then zeros."""

    at: Float
    weight: Float


@compiled
def fill_contributions(out, rows, questions, leaves, rule, few):  # type: ignore[no-untyped-def]  # noqa: C901, PLR0912, PLR0915, PLR0917
    """Add to ``out`` (n, columns) what each column contributes to the sum of all trees, for ``rows`` (n, columns).

    ``few``: None to go through blocks of LANES rows, True through blocks of FEW; numba compiles each. One long
    function: with the splits in one of their own it takes twice as long.
    """
    lanes = LANES if few is None else FEW
    n, columns = rows.shape
    values = np.zeros((columns, lanes))
    total = np.zeros((columns, lanes))
    bits = np.zeros(lanes, dtype=np.uint64)  # at which splits of a tree each row goes right
    most = rule.at.shape[1]
    product = np.zeros((most, lanes))
    shared = np.zeros(lanes)
    known = np.zeros(lanes)
    goes = np.zeros((64, lanes))
    for low in range(0, n, lanes):
        size = min(lanes, n - low)
        for c in range(columns):
            for i in range(size):
                v = rows[low + i, c]
                values[c, i] = 0.0 if math.fabs(v) <= ZERO else v
                total[c, i] = 0.0
            for i in range(size, lanes):
                values[c, i] = 0.0
        for tree in range(len(questions.start) - 1):
            for i in range(lanes):
                bits[i] = 0
            first = questions.start[tree]
            for s in range(first, questions.start[tree + 1]):
                bit = np.uint64(1) << np.uint64(s - first)
                c, limit, kind, missing_left = (
                    questions.column[s],
                    questions.threshold[s],
                    questions.kind[s],
                    questions.left[s],
                )
                if kind == CATEGORICAL:
                    begin, end = questions.word[s], questions.word[s + 1]
                    for i in range(lanes):
                        v = values[c, i]
                        code = np.int64(v) if -1.0 < v < UNKNOWN else UNKNOWN
                        place = begin + (code >> 5)
                        if place >= end or not (questions.words[place] >> (code & 31)) & 1:
                            bits[i] |= bit
                elif kind == NAN_MISSING and missing_left:
                    for i in range(lanes):
                        bits[i] |= bit if values[c, i] > limit else np.uint64(0)
                elif kind == NAN_MISSING:
                    for i in range(lanes):
                        bits[i] |= np.uint64(0) if values[c, i] <= limit else bit
                else:
                    for i in range(lanes):
                        v = 0.0 if math.isnan(values[c, i]) else values[c, i]
                        right = not missing_left if kind == ZERO_MISSING and v == 0.0 else v > limit
                        bits[i] |= bit if right else np.uint64(0)
            for leaf in range(leaves.tree[tree], leaves.tree[tree + 1]):
                begin, end, v = leaves.start[leaf], leaves.start[leaf + 1], leaves.value[leaf]
                nodes = (end - begin + 1) // 2
                for q in range(nodes):
                    for i in range(lanes):
                        product[q, i] = v
                for e in range(begin, end):
                    asked, right, z = leaves.asked[e], leaves.right[e], leaves.share[e]
                    for i in range(lanes):
                        goes[e - begin, i] = 1.0 if (bits[i] ^ right) & asked == 0 else 0.0
                    for q in range(nodes):
                        t = rule.at[nodes - 1, q]
                        unknown = z * (1.0 - t)
                        for i in range(lanes):
                            product[q, i] *= unknown + t * goes[e - begin, i]
                for i in range(lanes):
                    shared[i] = 0.0
                for q in range(nodes):
                    w = rule.weight[nodes - 1, q] / (1.0 - rule.at[nodes - 1, q])
                    for i in range(lanes):
                        shared[i] += w * product[q, i]
                for e in range(begin, end):
                    for i in range(lanes):
                        known[i] = 0.0
                    for q in range(nodes):
                        w = leaves.known[e, q]
                        for i in range(lanes):
                            known[i] += w * product[q, i]
                    c = leaves.column[e]
                    for i in range(lanes):
                        o = goes[e - begin, i]
                        total[c, i] += o * known[i] - (1.0 - o) * shared[i]
        for c in range(columns):
            for i in range(size):
                out[low + i, c] += total[c, i]


def rules(most: int) -> Rule:
    """The rules with 1 to ``most`` nodes."""
    at, weight = np.zeros((most, most)), np.zeros((most, most))
    for k in range(1, most + 1):
        x, w = np.polynomial.legendre.leggauss(k)
        at[k - 1, :k], weight[k - 1, :k] = (x + 1) / 2, w / 2
    return Rule(at, weight)
