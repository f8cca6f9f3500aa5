"""A logistic regression at the horizon nearest 30 days, with the time of Aalen-Johansen."""

from __future__ import annotations

from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.linear_model import LogisticRegression

from benchmarks.prediction.fold import Fold
from benchmarks.prediction.peers.encode import LinearCode
from benchmarks.prediction.peers.tuning import Candidate, Predict, Task
from features.lives import BOUGHT, GONE
from model.aalen_johansen import aalen_johansen, incidence_at
from model.curves import Float
from model.examples import Examples
from model.grid import nearest_horizon
from model.metrics.censoring import ipcw

PENALTIES = (0.03, 0.4, 5.0, 60.0)  # of the ridge, for each event


def _fit(penalty: float, examples: Examples, task: Task) -> Predict:
    """One regression for each ending, rows censored before the horizon made up for by IPCW.

    F(t | x) = p(x) AJ(t) / AJ(h), cut at 1.
    """
    code = LinearCode.fit(examples.features)
    X = code.transform(examples.features)
    horizon = nearest_horizon(task.horizons, 30)
    weight = ipcw(examples.duration, examples.outcome, [horizon]).weight[:, 0]
    days, *marginal = aalen_johansen(examples.duration, examples.outcome)
    models, shapes = [], []
    for ending, incidence in zip((BOUGHT, GONE), marginal, strict=True):
        ended = (examples.outcome == ending) & (examples.duration <= horizon)
        models.append(_regression(X, ended, weight, penalty))
        level = float(incidence_at(days, incidence, np.array([horizon]))[0])
        shapes.append(incidence_at(days, incidence, task.grid) / level if level > 0 else np.zeros(len(task.grid)))

    def predict(asked: pd.DataFrame) -> tuple[Float, Float]:
        matrix = code.transform(asked)
        bought, gone = (
            np.minimum((0.0 if model is None else model.predict_proba(matrix)[:, 1:]) * shape, 1.0)
            * np.ones((len(matrix), 1))
            for model, shape in zip(models, shapes, strict=True)
        )
        return bought, gone  # they do not know of each other: the shared guard sees to their sum

    return predict


def _regression(X: Float, ended: npt.NDArray[np.bool_], weight: Float, penalty: float) -> LogisticRegression | None:
    known = weight > 0
    if not ended[known].any() or ended[known].all():
        return None
    model = LogisticRegression(C=1.0 / (penalty * float(ended[known].sum())), max_iter=1000, tol=1e-3)
    return model.fit(X[known], ended[known], sample_weight=weight[known])


def candidates(fold: Fold) -> list[Candidate]:  # noqa: ARG001 - every dataset has it
    return [Candidate(f"ridge {penalty:g} an event", partial(_fit, penalty)) for penalty in PENALTIES]
