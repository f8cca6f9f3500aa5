"""The exact contributions of each column to the score of boosted trees, many times faster than LightGBM's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from features.errors import InputError
from model.curves import Float
from model.shapley_walk import CATEGORICAL, FEW, Leaves, Questions, Rule, fill_contributions, rules
from model.tree_text import CATEGORICAL as CATEGORICAL_BIT
from model.tree_text import DEFAULT_LEFT, Int, Tree, parse_trees

_MOST_SPLITS = 64  # of a tree: they are the bits of one number


@dataclass(frozen=True)
class _Way:
    """What is asked on the way to a leaf on one column: see ``model.shapley_walk.Leaves``."""

    asked: int = 0
    right: int = 0
    share: float = 1.0

    def then(self, split: int, *, right: bool, share: float) -> _Way:
        bit = 1 << split
        return _Way(self.asked | bit, self.right | bit if right else self.right, self.share * share)


@dataclass(frozen=True, eq=False)
class TreeContributions:
    """One booster over ``n_columns``. Immutable; ``of`` may run in several threads at once and lets go of the GIL."""

    n_columns: int
    _arrays: tuple[Questions, Leaves, Rule]

    @classmethod
    def parse(cls, text: str, n_columns: int) -> TreeContributions:
        """From a LightGBM text. InputError for what ``parse_trees`` refuses, and for trees of more than 65 leaves."""
        trees = [tree for tree in parse_trees(text, n_columns) if len(tree.feature)]
        widest = max((len(tree.feature) for tree in trees), default=0)
        if widest > _MOST_SPLITS:
            raise InputError(
                where="LightGBM text", expected=f"trees of at most {_MOST_SPLITS} splits", got=f"one of {widest}"
            )
        ways = [list(_ways(tree)) for tree in trees]
        most = max((len(way) for of_tree in ways for _, way in of_tree), default=1)
        rule = rules((most + 1) // 2)
        return cls(n_columns, (_questions(trees), _leaves(ways, rule), rule))

    def of(self, rows: Float) -> Float:
        """(n, n_columns): the Shapley values of each row's score, path-dependent as LightGBM's ``pred_contrib`` without
        its last column, to rounding. ``rows``: (n, n_columns) as LightGBM takes them.
        """
        if rows.ndim != 2 or rows.shape[1] != self.n_columns:
            raise InputError(where="contributions", expected=f"(n, {self.n_columns}) rows", got=str(rows.shape))
        out = np.zeros(rows.shape)
        fill_contributions(
            out, np.ascontiguousarray(rows, dtype=np.float64), *self._arrays, True if len(rows) <= FEW else None
        )
        return out

    def warm_up(self) -> None:
        """Compile now what the first rows would wait for, some seconds where no compiled code is kept on disk."""
        for n in (1, FEW + 1):
            self.of(np.zeros((n, self.n_columns)))


def _ways(tree: Tree) -> Iterator[tuple[float, dict[int, _Way]]]:
    """The value of each leaf, and what is asked on the way to it, by column."""
    left, right, column = tree.left.tolist(), tree.right.tolist(), tree.feature.tolist()
    todo: list[tuple[int, dict[int, _Way]]] = [(0, {})]
    while todo:
        node, way = todo.pop()
        if node < 0:
            yield float(tree.value[~node]), way
            continue
        for child, goes_right in ((left[node], False), (right[node], True)):
            step = way.get(column[node], _Way()).then(node, right=goes_right, share=tree.share(node, child))
            todo.append((child, {**way, column[node]: step}))


def _questions(trees: Sequence[Tree]) -> Questions:
    decision = _joined([tree.decision for tree in trees], np.int64)
    categorical = (decision & CATEGORICAL_BIT) > 0
    sets = [
        tree.sets[int(tree.threshold[s])] if tree.decision[s] & CATEGORICAL_BIT else ()
        for tree in trees
        for s in range(len(tree.feature))
    ]
    return Questions(
        start=_starts([len(tree.feature) for tree in trees]),
        column=_joined([tree.feature for tree in trees], np.int64),
        threshold=_joined([tree.threshold for tree in trees], np.float64),
        kind=np.where(categorical, CATEGORICAL, decision >> 2),
        left=(decision & DEFAULT_LEFT) > 0,
        word=_starts([len(words) for words in sets]),
        words=np.array([word for words in sets for word in words], dtype=np.int64),
    )


def _leaves(ways: Sequence[Sequence[tuple[float, dict[int, _Way]]]], rule: Rule) -> Leaves:
    flat = [leaf for of_tree in ways for leaf in of_tree]
    steps = [step for _, way in flat for step in way.values()]
    share = np.array([step.share for step in steps], dtype=np.float64)
    nodes = np.repeat([(len(way) + 1) // 2 for _, way in flat], [len(way) for _, way in flat]).astype(np.int64)
    at, weight = rule.at[nodes - 1], rule.weight[nodes - 1]
    return Leaves(
        tree=_starts([len(of_tree) for of_tree in ways]),
        value=np.array([value for value, _ in flat], dtype=np.float64),
        start=_starts([len(way) for _, way in flat]),
        column=np.array([column for _, way in flat for column in way], dtype=np.int64),
        asked=np.array([step.asked for step in steps], dtype=np.uint64),
        right=np.array([step.right for step in steps], dtype=np.uint64),
        share=share,
        # beyond the nodes of a leaf the weight is 0
        known=weight * (1 - share[:, None]) / (share[:, None] * (1 - at) + np.where(weight > 0, at, 1.0)),
    )


def _joined(parts: Sequence[Int | Float], dtype: type) -> np.ndarray:
    return np.concatenate([np.zeros(0, dtype=dtype), *parts]).astype(dtype)


def _starts(lengths: Sequence[int]) -> Int:
    return np.cumsum([0, *lengths], dtype=np.int64)
