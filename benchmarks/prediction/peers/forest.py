"""scikit-survival's random survival forest, one for each ending with the other as censoring."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.prediction.fold import Fold
from benchmarks.prediction.peers.causes import incidences, interpolate
from benchmarks.prediction.peers.encode import TreeCode
from benchmarks.prediction.peers.tuning import THREADS, Candidate, Predict, Task
from features.lives import BOUGHT, GONE
from model.curves import Float
from model.examples import Examples
from model.grid import bin_edges

TREES = 60
SETTINGS = tuple((leaf, times) for leaf in (20, 60) for times in (1, 2))  # smallest leaf, features / their root
FEWEST_EVENTS = 10
BATCH = 5_000


def discretised(
    examples: Examples, edges: Float
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64], npt.NDArray[np.int8]]:
    """(kept (n,), bin of the end (k,), ending (k,)): each row ends at an edge, so that leaves hold few times.

    An ending counts at the end of its bin; a row that is censored in the first half of a bin was not at risk in it.
    What comes after the last edge is not asked for.
    """
    last = np.searchsorted(edges, examples.duration, side="left")  # the edge at or after the end
    beyond = last >= len(edges)
    last = np.minimum(last, len(edges) - 1)
    ending = np.where(beyond, 0, examples.outcome).astype(np.int8)
    middle = (edges[last - 1] + edges[last]) / 2
    early = (ending == 0) & ~beyond & (examples.duration < middle)
    last = last - early
    kept = last > 0
    return kept, last[kept], ending[kept]


def _fit(leaf: int, times: int, examples: Examples, task: Task) -> Predict:
    from sksurv.ensemble import RandomSurvivalForest  # noqa: PLC0415 - only the benchmark has it
    from sksurv.util import Surv  # noqa: PLC0415

    code = TreeCode.fit(examples.features)
    edges = bin_edges(task.horizons)
    kept, last, ending = discretised(examples, edges)
    X = code.transform(examples.features)[kept].astype(np.float32)
    forests: list[Any] = []
    for cause in (BOUGHT, GONE):
        if (ending == cause).sum() < FEWEST_EVENTS:
            forests.append(None)
            continue
        forest = RandomSurvivalForest(
            n_estimators=TREES,
            min_samples_leaf=leaf,
            min_samples_split=2 * leaf,
            max_features=min(X.shape[1], math.ceil(times * math.sqrt(X.shape[1]))),
            max_samples=0.5,
            n_jobs=THREADS,
            random_state=0,
        )
        forests.append(forest.fit(X, Surv.from_arrays(ending == cause, edges[last])))

    def predict(asked: pd.DataFrame) -> tuple[Float, Float]:
        matrix = code.transform(asked).astype(np.float32)
        hazards = []
        for forest in forests:
            if forest is None:
                hazards.append(np.zeros((len(matrix), len(task.grid))))
                continue
            parts = [
                forest.predict_cumulative_hazard_function(matrix[first : first + BATCH], return_array=True)
                for first in range(0, len(matrix), BATCH)
            ]
            hazards.append(interpolate(forest.unique_times_, np.concatenate(parts), task.grid))
        return incidences(hazards[0], hazards[1])

    return predict


def candidates(fold: Fold) -> list[Candidate]:  # noqa: ARG001 - every dataset has it
    return [
        Candidate(f"{TREES} trees, leaves of {leaf} or more, {times} x root of features", partial(_fit, leaf, times))
        for leaf, times in SETTINGS
    ]
