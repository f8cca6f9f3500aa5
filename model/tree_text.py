"""Trees out of LightGBM's text format, so that they can be walked in another way than LightGBM does."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from features.errors import InputError
from model.curves import Float

Int = npt.NDArray[np.int64]

CATEGORICAL, DEFAULT_LEFT = 1, 2  # bits of a decision type; the next two hold the kind of missing values
NO_MISSING, ZERO_MISSING, NAN_MISSING = range(3)
_TINY = 1e-12
_WHERE = "LightGBM text"


@dataclass(frozen=True, eq=False)
class Tree:
    """One tree of ``m`` leaves and m - 1 splits, in LightGBM's own numbers.

    ``feature``, ``threshold``, ``decision``, ``left``, ``right``: (m - 1,). A child below 0 is the leaf ~child. The
    threshold of a categorical split is a number of ``sets``: the bits of the categories that go left, in words of 32.
    ``value``: (m,). ``count``, ``leaf_count``: (m - 1,) and (m,), the training rows that came by.
    """

    feature: Int
    threshold: Float
    decision: Int
    left: Int
    right: Int
    value: Float
    sets: tuple[tuple[int, ...], ...]
    count: Float
    leaf_count: Float

    def share(self, node: int, child: int) -> float:
        """Of the training rows at a split, the part that went on to ``child``; tiny rather than none."""
        here = self.count[node]
        there = self.leaf_count[~child] if child < 0 else self.count[child]
        return max(float(there / here), _TINY) if here > 0 else 0.5


def parse_trees(text: str, n_columns: int) -> list[Tree]:
    """The trees of a model text, in order. InputError for anything but a plain sum of trees over ``n_columns``."""
    head, *blocks = text.split("\nTree=")
    _check_header(head, n_columns)
    if "\nend of trees" not in text:
        raise _error("'end of trees' after the last tree", "a text that was cut off")
    trees = []
    for number, block in enumerate(blocks):
        name, _, content = block.partition("\n")
        if name.strip() != str(number):
            raise _error(f"Tree={number}", f"Tree={name.strip()[:20]}")
        try:
            trees.append(_tree(_fields(content.split("\nend of trees", 1)[0]), n_columns))
        except InputError as error:
            raise InputError(where=f"{_WHERE}, Tree={number}", expected=error.expected, got=error.got) from None
        except (KeyError, ValueError, OverflowError) as error:
            got = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise InputError(where=f"{_WHERE}, Tree={number}", expected="the fields of a tree", got=got) from None
    return trees


def _check_header(head: str, n_columns: int) -> None:
    header = _fields(head)
    if head.split("\n", 1)[0].strip() != "tree":
        raise _error("a text that begins with 'tree'", repr(head[:40]))
    if header.get("version") not in {"v3", "v4"}:
        raise _error("version v3 or v4", str(header.get("version")))
    for name, wanted in (("num_class", "1"), ("num_tree_per_iteration", "1"), ("max_feature_idx", str(n_columns - 1))):
        if header.get(name) != wanted:
            raise _error(f"{name}={wanted}", f"{name}={header.get(name)}")
    if "average_output" in header:
        raise _error("a sum of trees", "an average of trees")


def _tree(fields: dict[str, str], n_columns: int) -> Tree:
    if fields.get("is_linear", "0") != "0":
        raise _error("leaves with one value each", "linear leaves")
    n_leaves, n_sets = int(fields["num_leaves"]), int(fields["num_cat"])
    if n_leaves < 1:
        raise _error("at least one leaf", f"num_leaves={n_leaves}")
    n = n_leaves - 1

    def row(name: str, length: int) -> Float:
        values = np.array(fields[name].split() if length else [], dtype=np.float64)
        if len(values) != length:
            raise _error(f"{length} values of {name}", str(len(values)))
        return values

    def whole(name: str, length: int) -> Int:
        values = row(name, length)
        if not np.all(np.abs(values) < 2**53) or np.any(values != np.rint(values)):
            raise _error(f"whole numbers in {name}", fields[name][:40])
        return values.astype(np.int64)

    bounds = whole("cat_boundaries", n_sets + 1) if n_sets else np.zeros(1, dtype=np.int64)
    words = whole("cat_threshold", int(bounds[-1])) if n_sets else bounds
    tree = Tree(
        feature=whole("split_feature", n),
        threshold=row("threshold", n),
        decision=whole("decision_type", n),
        left=whole("left_child", n),
        right=whole("right_child", n),
        value=row("leaf_value", n_leaves),
        sets=tuple(tuple(words[a:b].tolist()) for a, b in pairwise(bounds.tolist())),
        count=row("internal_count", n),
        leaf_count=row("leaf_count", n_leaves) if n else np.ones(1),  # LightGBM writes none of a single leaf
    )
    _check(tree, n_columns, words)
    return tree


def _check(tree: Tree, n_columns: int, words: Int) -> None:
    n = len(tree.feature)
    if np.any((tree.feature < 0) | (tree.feature >= n_columns)):
        raise _error(f"features from 0 to {n_columns - 1}", f"{tree.feature.min()} to {tree.feature.max()}")
    if np.any((tree.decision < 0) | (tree.decision >> 2 > NAN_MISSING)):
        raise _error("decision types from 0 to 11", str(tree.decision.max()))
    categorical = (tree.decision & CATEGORICAL) > 0
    chosen = tree.threshold[categorical]
    if not np.all((chosen >= 0) & (chosen < len(tree.sets)) & (chosen == np.rint(chosen))):
        raise _error(f"categorical thresholds from 0 to {len(tree.sets) - 1}", str(chosen.tolist())[:40])
    if np.any((words < 0) | (words >= 2**32)):
        raise _error("words of 32 bits in cat_threshold", str(words.max()))
    if not np.all(np.isfinite(tree.value)) or np.isnan(tree.threshold).any():
        raise _error("finite leaf values and thresholds that are numbers", "something else")
    # each node but the root and each leaf is the child of exactly one node, so the root reaches all or there is a ring
    children = np.sort(np.concatenate([tree.left, tree.right]))
    if not np.array_equal(children, np.delete(np.arange(-n - 1, n), n + 1) if n else []):
        raise _error("each node and leaf below exactly one node", "a tree that is none")


def _fields(text: str) -> dict[str, str]:
    parts = (line.partition("=") for line in text.split("\n"))
    return {name.strip(): value for name, _, value in parts if name.strip()}


def _error(expected: str, got: str) -> InputError:
    return InputError(where=_WHERE, expected=expected, got=got, remedy="Write the model anew with this LightGBM")
