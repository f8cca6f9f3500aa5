"""hazardous' SurvivalBoost: both incidences in one boosting, with the time as a feature.

hazardous 0.2.0 bins all features anew in each iteration, with sample weights. Since scikit-learn heeds these when it
bins, it finds each of 255 thresholds of each feature by a sort of its own, which takes seconds an iteration.
``light_binning`` gives back the unweighted thresholds that hazardous was written for, from some 2,000 rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.prediction.fold import Fold
from benchmarks.prediction.peers.causes import interpolate
from benchmarks.prediction.peers.encode import TreeCode
from benchmarks.prediction.peers.tuning import Candidate, Predict, Task
from features.lives import BOUGHT, GONE
from model.curves import Float
from model.examples import Examples

# the last is as shipped but for its weights; the first has the weights as shipped, which double the time
SETTINGS: tuple[dict[str, Any], ...] = (
    {"n_iter": 60, "learning_rate": 0.08, "max_leaf_nodes": 31, "ipcw_strategy": "alternating"},
    {"n_iter": 60, "learning_rate": 0.08, "max_leaf_nodes": 31, "ipcw_strategy": "kaplan-meier"},
    {"n_iter": 60, "learning_rate": 0.08, "max_leaf_nodes": 15, "ipcw_strategy": "kaplan-meier"},
    {"n_iter": 100, "learning_rate": 0.05, "max_leaf_nodes": 31, "ipcw_strategy": "kaplan-meier"},
)
FEWEST_EVENTS = 10
BINNED = 2_000  # rows
POINTS = 15  # times that are asked of it; each costs a pass through all trees


@contextmanager
def light_binning() -> Iterator[None]:
    """Also returns no threshold for a column without any value in these rows, on which scikit-learn fails."""
    from sklearn.ensemble._hist_gradient_boosting import binning  # noqa: PLC0415 - private, for this peer alone

    original = binning._find_binning_thresholds  # noqa: SLF001

    def thresholds(col_data: Float, max_bins: int, sample_weight: Float | None = None) -> Float:  # noqa: ARG001
        part = col_data[:: max(1, len(col_data) // BINNED)]
        return np.asarray(original(part, max_bins) if np.isfinite(part).any() else [])

    binning._find_binning_thresholds = thresholds  # noqa: SLF001
    try:
        yield
    finally:
        binning._find_binning_thresholds = original  # noqa: SLF001


def _fit(settings: dict[str, Any], examples: Examples, task: Task) -> Predict:
    from hazardous import SurvivalBoost  # noqa: PLC0415 - only the benchmark has it

    code = TreeCode.fit(examples.features)
    X = code.transform(examples.features)
    longest = task.grid[-1]
    # it draws times evenly up to the longest duration: those beyond the longest horizon would be wasted
    outcome = np.where(examples.duration > longest, 0, examples.outcome).astype(np.int64)
    causes = [cause for cause in (BOUGHT, GONE) if (outcome == cause).sum() >= FEWEST_EVENTS]
    outcome[~np.isin(outcome, causes)] = 0
    y = pd.DataFrame({"event": outcome, "duration": np.minimum(examples.duration, longest)})
    if not causes:
        return lambda asked: (np.zeros((len(asked), len(task.grid))),) * 2
    with light_binning():
        model = SurvivalBoost(**settings, show_progressbar=False, random_state=0).fit(X, y)
    times = np.unique(np.concatenate([np.geomspace(min(1.0, longest / 8), longest, POINTS), task.horizons]))

    def predict(asked: pd.DataFrame) -> tuple[Float, Float]:
        found = model.predict_cumulative_incidence(code.transform(asked), times=times)
        place = {int(event): k for k, event in enumerate(model.event_ids_)}
        none = np.zeros((len(asked), len(task.grid)))
        bought, gone = (
            interpolate(times, found[:, place[cause]], task.grid) if cause in place else none
            for cause in (BOUGHT, GONE)
        )
        return bought, gone

    return predict


def candidates(fold: Fold) -> list[Candidate]:  # noqa: ARG001 - every dataset has it
    return [
        Candidate(
            f"{s['n_iter']} iterations, {s['max_leaf_nodes']} leaves, rate {s['learning_rate']}, {s['ipcw_strategy']}",
            partial(_fit, s),
        )
        for s in SETTINGS
    ]
