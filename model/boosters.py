"""Boosted trees for the hazard of one ending: how many trees, how far to trust them, and bags merged into one."""

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
    """One ending: binary ``label``, ``weight`` (0 leaves a row out) and ``offset`` (a logit) for each expanded row.

    ``lead``: the code 0.. of the lead of each row.
    """

    label: Float
    weight: Float
    offset: Float
    lead: Ints


@dataclass(frozen=True)
class Found:
    """The number of trees and the factor for their sum (0 means: the trees have shown nothing)."""

    n_trees: int
    trust: float


def _dataset(data: lgb.Dataset, task: Task, keep: Ints | None = None) -> lgb.Dataset:
    data.set_label(task.label)
    data.set_weight(task.weight)
    data.set_init_score(task.offset)
    if keep is None:
        return data
    part = data.subset(keep.tolist())
    part.construct()
    return part


def find(
    data: lgb.Dataset,
    rows: Any,
    task: Task,
    *,
    folds: Sequence[tuple[Bools, Bools]],
    params: dict[str, Any],
    max_trees: int,
) -> Found:
    """The number of trees with the least loss on leads that were left out, over all folds.

    ``folds``: for each the rows to fit on and the rows to judge by; no lead in both. The factor is
    1 - (standard error / gain)^2, at least 0: the positive-part shrinkage of James and Stein applied to the gain in
    log likelihood over the offset alone, with its standard error over leads. So trees that may be noise count little.
    """
    alone = len(folds) == 1
    max_trees = max_trees if alone else min(max_trees, 150)
    curves, boosters = [], []
    for fit, judge in folds:
        seen: dict[str, dict[str, list[float]]] = {}
        part = _dataset(data, task, np.flatnonzero(fit & (task.weight > 0)))
        held = _dataset(data, task, np.flatnonzero(judge & (task.weight > 0)))
        callbacks = [lgb.record_evaluation(seen)]
        if alone:
            callbacks.append(lgb.early_stopping(20, verbose=False))
        boosters.append(
            lgb.train(params, part, max_trees, valid_sets=[held], valid_names=["judge"], callbacks=callbacks)
        )
        share = task.weight[judge].sum()
        curves.append(np.array(seen["judge"]["binary_logloss"]) * share)
    length = min(map(len, curves))
    n_trees = int(np.argmin(np.sum([curve[:length] for curve in curves], axis=0))) + 1
    gains = []
    for (_, judge), booster in zip(folds, boosters, strict=True):
        which = np.flatnonzero(judge & (task.weight > 0))
        score = predict(booster, rows, which, num_iteration=n_trees)
        gain = task.weight[which] * (
            _loss(task.label[which], task.offset[which]) - _loss(task.label[which], task.offset[which] + score)
        )
        by_lead = np.bincount(task.lead[which], weights=gain)
        gains.append(by_lead[np.unique(task.lead[which])])
    gain = np.concatenate(gains)
    total = float(gain.sum())
    error = float(np.sqrt(len(gain)) * gain.std())
    trust = max(0.0, 1.0 - (error / total) ** 2) if total > 0 else 0.0
    return Found(n_trees, trust)


def bag(
    data: lgb.Dataset, task: Task, *, params: dict[str, Any], n_trees: int, seeds: Sequence[int], factor: float
) -> str:
    """LightGBM text of one booster: the mean of the bags, each fitted on all rows, times ``factor``."""
    whole = _dataset(data, task)
    if not np.all(task.weight > 0):
        whole = _dataset(data, task, np.flatnonzero(task.weight > 0))
    texts = [lgb.train({**params, "seed": seed}, whole, n_trees).model_to_string(num_iteration=-1) for seed in seeds]
    return merge(texts, factor / len(texts))


def predict(booster: lgb.Booster, rows: Any, which: Ints, **options: Any) -> Float:
    """Raw scores of some of the expanded rows, a slice at a time."""
    out = np.empty(len(which))
    for first in range(0, len(which), 65_536):
        part = slice(first, first + 65_536)
        out[part] = booster.predict(rows[which[part]], raw_score=True, **options)
    return out


def _loss(label: Float, score: Float) -> Float:
    return np.asarray(np.logaddexp(0.0, score) - label * score)


def merge(texts: Sequence[str], factor: float) -> str:
    """One booster in LightGBM's text format whose score is ``factor`` times the sum of the scores of ``texts``."""
    header = texts[0].split("\nTree=0\n", 1)[0]
    trees: list[str] = []
    for text in texts:
        body = text.split("\nend of trees", 1)[0]
        for tree in body.split("\nTree=")[1:]:
            content = tree.split("\n", 1)[1].rstrip("\n")
            lines = [_scaled(line, factor) for line in content.split("\n")]
            trees.append(f"Tree={len(trees)}\n" + "\n".join(lines) + "\n\n\n")
    kept = [line for line in header.split("\n") if not line.startswith("tree_sizes=")]
    sizes = " ".join(str(len(tree.encode())) for tree in trees)
    head = "\n".join(kept).rstrip("\n")
    return f"{head}\ntree_sizes={sizes}\n\n{''.join(trees)}end of trees\n\npandas_categorical:null\n"


def _scaled(line: str, factor: float) -> str:
    name, _, values = line.partition("=")
    if name not in {"leaf_value", "internal_value"}:
        return line
    return name + "=" + " ".join(repr(float(value) * factor) for value in values.split())
