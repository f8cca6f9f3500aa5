"""Boosted trees for the hazard of one ending, and LightGBM's text format put together anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from model.curves import Float

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Task:
    """One ending: binary ``label``, ``weight`` (0 leaves a row out) and ``offset`` (a logit) for each expanded row."""

    label: Float
    weight: Float
    offset: Float

    def rows(self, which: Ints) -> Task:
        return Task(self.label[which], self.weight[which], self.offset[which])

    def losses(self, score: Float) -> Float:
        """(n,): weighted log loss of each row, ``score`` being added to the offset."""
        total = self.offset + score
        return np.asarray(self.weight * (np.logaddexp(0.0, total) - self.label * total))


@dataclass(frozen=True, eq=False)
class Grown:
    """A booster and its loss on the rows that it was judged by, after each tree."""

    booster: lgb.Booster
    losses: Float


def grow(
    data: lgb.Dataset,
    task: Task,
    held: lgb.Dataset,
    judge: Task,
    *,
    params: dict[str, Any],
    max_trees: int,
    patience: int,
) -> Grown:
    """Trees on ``data`` until ``held`` has not gained for ``patience`` trees (0: all ``max_trees``)."""
    for part, own in ((data, task), (held, judge)):
        part.set_label(own.label)
        part.set_weight(own.weight)
        part.set_init_score(own.offset)
    seen: dict[str, dict[str, list[float]]] = {}
    callbacks = [lgb.record_evaluation(seen)]
    if patience:
        callbacks.append(lgb.early_stopping(patience, verbose=False))
    booster = lgb.train(params, data, max_trees, valid_sets=[held], valid_names=["judge"], callbacks=callbacks)
    return Grown(booster, np.array(seen["judge"]["binary_logloss"]) * judge.weight.sum())


def bodies(text: str, factor: float) -> list[str]:
    """The trees of a LightGBM text, scaled, without their numbers."""
    trees = text.split("\nend of trees", 1)[0].split("\nTree=")[1:]
    return [scaled(tree.split("\n", 1)[1].rstrip("\n"), factor) for tree in trees]


def scaled(body: str, factor: float) -> str:
    return "\n".join(_scaled_line(line, factor) for line in body.split("\n"))


def _scaled_line(line: str, factor: float) -> str:
    name, _, values = line.partition("=")
    if name not in {"leaf_value", "internal_value"}:
        return line
    return name + "=" + " ".join(repr(float(value) * factor) for value in values.split())


def assemble(head: str, trees: Sequence[str]) -> str:
    """One booster in LightGBM's text format: the sum of ``trees`` (bodies) under the header of the text ``head``."""
    header = head.split("\nTree=", 1)[0].rstrip("\n")
    numbered = [f"Tree={i}\n{body}\n\n\n" for i, body in enumerate(trees)]
    kept = [line for line in header.split("\n") if not line.startswith("tree_sizes=")]
    sizes = " ".join(str(len(tree.encode())) for tree in numbered)
    joined = "\n".join(kept).rstrip("\n")
    return f"{joined}\ntree_sizes={sizes}\n\n{''.join(numbered)}end of trees\n\npandas_categorical:null\n"
