"""Odoo's naive Bayes on any features: numbers in bins of equal size, and no stage."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.bpic2012.naive_bayes import NaiveBayes
from benchmarks.prediction.fold import Fold
from benchmarks.prediction.peers.groups import curves_by_group, numbers, quantile_edges
from benchmarks.prediction.peers.tuning import Candidate, Predict, Task
from features.lives import BOUGHT, GONE, OPEN
from model.curves import Float
from model.examples import Examples
from model.grid import nearest_horizon

STAGES = ("any",)
BINS = (3, 5, 10, 20)


def _fit(bins: int, examples: Examples, task: Task) -> Predict:
    """Counts over closed rows as seen at their as-of time; then a curve for each twentieth of the scores.

    Where hardly any row is lost, those still open at the horizon nearest 30 days stand for the lost ones.
    """
    X = examples.features
    edges = {
        str(name): quantile_edges(known, bins)
        for name in X
        if not isinstance(X[name].dtype, pd.CategoricalDtype) and len(known := _known(X, str(name)))
    }
    closed = examples.outcome != OPEN
    won = examples.outcome == BOUGHT
    if (examples.outcome == GONE).sum() < max(5, 0.01 * len(X)):
        horizon = nearest_horizon(task.horizons, 30)
        won = won & (examples.duration <= horizon)
        closed = won | (examples.duration > horizon)
    fields = _fields(X, edges)
    stage = np.zeros(len(X), dtype=np.int64)
    peer = NaiveBayes.fit(fields[closed], stage[closed], {}, won[closed], stages=STAGES)
    known = peer.score(fields, stage, {})

    def predict(asked: pd.DataFrame) -> tuple[Float, Float]:
        score = peer.score(_fields(asked, edges), np.zeros(len(asked), dtype=np.int64), {})
        return curves_by_group(known, examples.duration, examples.outcome, score, task.grid)

    return predict


def _known(X: pd.DataFrame, name: str) -> Float:
    values = numbers(X, name)
    return values[np.isfinite(values)]


def _fields(X: pd.DataFrame, edges: dict[str, Float]) -> pd.DataFrame:
    """Texts: the level, or the number of the bin; a gap is a value as well."""
    columns: dict[str, npt.NDArray[np.object_]] = {}
    for column in X:
        name = str(column)
        if isinstance(X[name].dtype, pd.CategoricalDtype):
            labels = np.array([*map(str, X[name].cat.categories), "none"], dtype=object)
            columns[name] = labels[X[name].cat.codes.to_numpy()]
        elif name in edges:
            values = numbers(X, name)
            labels = np.array([*map(str, range(len(edges[name]) + 1)), "none"], dtype=object)
            place = np.where(np.isnan(values), -1, np.searchsorted(edges[name], values, side="left"))
            columns[name] = labels[place]
    return pd.DataFrame(columns, index=X.index)


def candidates(fold: Fold) -> list[Candidate]:  # noqa: ARG001 - every dataset has it
    return [Candidate(f"numbers in {bins} bins", partial(_fit, bins)) for bins in BINS]
