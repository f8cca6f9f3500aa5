"""The plain start that has to be beaten: a person-period hazard in LightGBM, one booster for each ending."""

from __future__ import annotations

from functools import partial

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.prediction.fold import Fold
from benchmarks.prediction.peers.encode import TreeCode
from benchmarks.prediction.peers.forest import discretised
from benchmarks.prediction.peers.tuning import THREADS, Candidate, Predict, Task
from features.lives import BOUGHT, GONE
from model.curves import Curves, Float
from model.discrete import curves_from_hazards
from model.examples import Examples
from model.grid import bin_edges
from model.person_period import DEADLINE

SETTINGS = ((60, 7), (60, 15), (120, 15), (300, 31))  # trees, leaves
PARAMETERS = {
    "objective": "binary",
    "learning_rate": 0.05,
    "num_threads": THREADS,
    "seed": 0,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
MOST_ROWS = 500_000  # of landmark and bin; above it rows without an ending are sampled, with weight 1 / share
BATCH = 4_000
FEWEST_EVENTS = 5


def _with_time(
    X: npt.NDArray[np.float32], deadline: Float | None, edges: Float, bins: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Features, the bin's middle, and the days from there to the declared deadline."""
    middle = ((edges[:-1] + edges[1:]) / 2)[bins]
    columns = [X, middle.astype(np.float32)]
    if deadline is not None:
        columns.append((deadline - middle).astype(np.float32))
    return np.column_stack(columns)


def _deadline(X: pd.DataFrame) -> Float | None:
    return X[DEADLINE].to_numpy(dtype=np.float64, na_value=np.nan) if DEADLINE in X else None


def _fit(trees: int, leaves: int, examples: Examples, task: Task) -> Predict:
    code = TreeCode.fit(examples.features)
    edges = bin_edges(task.horizons)
    kept, last, ending = discretised(examples, edges)
    X = code.transform(examples.features)[kept].astype(np.float32)
    deadline = _deadline(examples.features)
    row = np.repeat(np.arange(len(last)), last)
    bins = np.arange(len(row)) - np.repeat(np.cumsum(last) - last, last)
    ended = np.where(bins == last[row] - 1, ending[row], 0)
    share = min(1.0, MOST_ROWS / len(row))
    sampled = (ended > 0) | (np.random.default_rng(0).random(len(row)) < share)
    row, bins, ended = row[sampled], bins[sampled], ended[sampled]
    weight = np.where(ended > 0, 1.0, 1.0 / share)
    matrix = _with_time(X[row], None if deadline is None else deadline[kept][row], edges, bins)
    grow = partial(_booster, trees=trees, leaves=leaves, categorical=code.categorical)
    # continuation ratio: a row that was bought in a bin was not at risk of being lost in it
    boosters = [
        grow(matrix, ended == BOUGHT, weight),
        grow(matrix[ended != BOUGHT], ended[ended != BOUGHT] == GONE, weight[ended != BOUGHT]),
    ]

    def predict(asked: pd.DataFrame) -> tuple[Float, Float]:
        own, due = code.transform(asked).astype(np.float32), _deadline(asked)
        parts = [
            _curves(boosters, own[part], None if due is None else due[part], edges)
            for part in (slice(first, first + BATCH) for first in range(0, len(own), BATCH))
        ]
        whole = Curves(
            edges, np.concatenate([part.purchased for part in parts]), np.concatenate([part.lost for part in parts])
        )
        return whole.at(task.grid)

    return predict


def _booster(
    matrix: npt.NDArray[np.float32],
    ended: npt.NDArray[np.bool_],
    weight: Float,
    *,
    trees: int,
    leaves: int,
    categorical: list[int],
) -> lgb.Booster | None:
    if ended.sum() < FEWEST_EVENTS:
        return None
    data = lgb.Dataset(matrix, ended.astype(np.float64), weight=weight, categorical_feature=categorical)
    return lgb.train({**PARAMETERS, "num_leaves": leaves}, data, num_boost_round=trees)


def _curves(
    boosters: list[lgb.Booster | None], X: npt.NDArray[np.float32], deadline: Float | None, edges: Float
) -> Curves:
    n, m = len(X), len(edges) - 1
    row, bins = np.repeat(np.arange(n), m), np.tile(np.arange(m), n)
    matrix = _with_time(X[row], None if deadline is None else deadline[row], edges, bins)
    bought, gone = (
        np.zeros((n, m)) if booster is None else np.asarray(booster.predict(matrix)).reshape(n, m)
        for booster in boosters
    )
    return curves_from_hazards(edges, bought, gone)


def candidates(fold: Fold) -> list[Candidate]:  # noqa: ARG001 - every dataset has it
    return [
        Candidate(f"{trees} trees of {leaves} leaves, rate 0.05", partial(_fit, trees, leaves))
        for trees, leaves in SETTINGS
    ]
