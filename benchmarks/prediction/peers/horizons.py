"""LightGBM a horizon: a classifier of its own for each of eight times, with two naive ways with censored rows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.prediction.fold import Fold
from benchmarks.prediction.peers.causes import interpolate
from benchmarks.prediction.peers.encode import TreeCode
from benchmarks.prediction.peers.tuning import THREADS, Candidate, Predict, Task
from features.lives import BOUGHT, GONE, OPEN
from model.curves import Float
from model.examples import Examples

Bool = npt.NDArray[np.bool_]

POINTS = 8
SETTINGS = ((60, 7, 0.05), (60, 15, 0.05), (120, 15, 0.05), (240, 31, 0.05))  # trees, leaves, learning rate
FIXED = {
    "objective": "binary",
    "min_data_in_leaf": 20,
    "feature_fraction": 0.8,
    "num_threads": THREADS,
    "seed": 0,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}


def times_of(horizons: tuple[int, ...]) -> Float:
    """Up to eight times, each horizon among them, as evenly on the logarithm as that allows."""
    wanted = np.geomspace(min(1.0, horizons[0] / 2), horizons[-1], POINTS)
    for horizon in horizons:
        wanted[np.argmin(np.abs(np.log(wanted / horizon)))] = horizon
    return np.unique(np.concatenate([wanted, horizons]))


def _fit(settings: tuple[int, int, float], drop: bool, examples: Examples, task: Task) -> Predict:
    code = TreeCode.fit(examples.features)
    X = code.transform(examples.features)
    times = times_of(task.horizons)
    models = [
        [
            _classifier(settings, X[known], code.categorical, ended[known])
            for known, ended in _labels(drop, examples, cause, times)
        ]
        for cause in ((BOUGHT,) if task.purchase_only else (BOUGHT, GONE))
    ]

    def predict(asked: pd.DataFrame) -> tuple[Float, Float]:
        matrix = code.transform(asked)
        bought, *gone = (interpolate(times, _at(row, matrix), task.grid) for row in models)
        # no classifier knows of the others: the shared guard makes the curves rise
        return bought, gone[0] if gone else np.zeros_like(bought)

    return predict


def _labels(drop: bool, examples: Examples, cause: int, times: Float) -> Iterator[tuple[Bool, Bool]]:
    """For each time (rows taken as known, rows that ended by ``cause`` until then), each (n,)."""
    for time in times:
        unknown = (examples.outcome == OPEN) & (examples.duration < time)
        yield ~(unknown & drop), (examples.outcome == cause) & (examples.duration <= time)


def _classifier(settings: tuple[int, int, float], X: Float, categorical: list[int], ended: Bool) -> lgb.Booster | float:
    """A share where there is nothing to tell apart."""
    if not len(ended) or min(ended.sum(), (~ended).sum()) < 5:
        return float(ended.mean()) if len(ended) else 0.0
    trees, leaves, rate = settings
    data = lgb.Dataset(X, ended.astype(np.float64), categorical_feature=categorical)
    return lgb.train({**FIXED, "num_leaves": leaves, "learning_rate": rate}, data, num_boost_round=trees)


def _at(models: list[lgb.Booster | float], matrix: Float) -> Float:
    return np.column_stack(
        [
            np.full(len(matrix), model) if isinstance(model, float) else np.asarray(model.predict(matrix))
            for model in models
        ]
    )


def candidates(drop: bool, fold: Fold) -> list[Candidate]:  # noqa: ARG001 - every dataset has it
    """``drop``: rows censored before the time are left out of its classifier; else they count as not bought."""
    return [
        Candidate(f"{trees} trees of {leaves} leaves, rate {rate}", partial(_fit, (trees, leaves, rate), drop))
        for trees, leaves, rate in SETTINGS
    ]
