"""Cause-specific Cox regressions with a ridge penalty, one for each ending.

The fit is scikit-survival's ``CoxPHSurvivalAnalysis`` (Breslow's ties, the same penalty), which loops over rows in
Python and would need minutes here; this one takes the Hessian in two matrix products. A test holds both equal.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.exceptions import ConvergenceWarning

from benchmarks.prediction.fold import Fold
from benchmarks.prediction.peers.causes import incidences
from benchmarks.prediction.peers.encode import LinearCode
from benchmarks.prediction.peers.tuning import Candidate, Predict, Task
from features.lives import BOUGHT, GONE
from model.curves import Float
from model.examples import Examples

PENALTIES = (0.03, 0.4, 5.0, 60.0)  # for each event, so that they mean the same on few and many rows
FEWEST_EVENTS = 5


@dataclass(frozen=True, eq=False)
class Cox:
    """``slope``: (p,); ``days``, ``hazard``: Breslow's cumulative baseline hazard, a step function."""

    slope: Float
    days: Float
    hazard: Float

    @classmethod
    def fit(cls, X: Float, ended: npt.NDArray[np.bool_], duration: Float, ridge: float) -> Self:
        """Minimises - log partial likelihood + ridge / 2 |slope|^2 by Newton's steps, halved where they overshoot.

        ``X``: (n, p) standardised. Breslow (1974): sum over events of x_i b - log sum_{T_j >= T_i} exp(x_j b).
        ConvergenceWarning when 50 steps do not suffice.
        """
        order = np.argsort(-duration, kind="stable")
        X, ended, duration = X[order], ended[order], duration[order]
        # the risk set of an event: all rows up to the last one with its time
        times, count = np.unique(duration[ended], return_counts=True)
        last = np.searchsorted(-duration, -times, side="right") - 1
        place = np.searchsorted(times, duration, side="right")  # events at or before each row's end
        total = X[ended].sum(axis=0)
        slope = np.zeros(X.shape[1])

        def loss_at(slope: Float) -> float:
            score = X @ slope
            top = score.max()
            at_risk = np.cumsum(np.exp(score - top))[last]
            return float(count @ (np.log(at_risk) + top) - total @ slope + ridge / 2 * slope @ slope)

        loss = loss_at(slope)
        for _ in range(50):
            score = X @ slope
            top = score.max()
            risk = np.exp(score - top)
            at_risk = np.cumsum(risk)[last]
            rate = count / at_risk
            passed = np.concatenate([[0.0], np.cumsum(rate)])[place]  # baseline hazard that each row lived through
            means = np.cumsum(risk[:, None] * X, axis=0)[last] / at_risk[:, None]
            gradient = count @ means - total + ridge * slope
            hessian = (X * (risk * passed)[:, None]).T @ X - (means * count[:, None]).T @ means
            hessian[np.diag_indices_from(hessian)] += ridge
            step = np.linalg.solve(hessian, gradient)
            if float(gradient @ step) < 1e-14 * max(abs(loss), 1.0):
                return cls(slope, times, np.cumsum(rate) * np.exp(-top))
            for halved in range(20):
                trial = slope - step * 0.5**halved
                new = loss_at(trial)
                if new < loss:
                    break
            slope, loss = trial, new
        warnings.warn("Cox did not converge in 50 Newton steps", ConvergenceWarning, stacklevel=2)
        return cls(slope, times, np.cumsum(rate) * np.exp(-top))

    def cumulative_hazard(self, X: Float, times: Float) -> Float:
        """(n, m)."""
        baseline = np.concatenate([[0.0], self.hazard])[np.searchsorted(self.days, times, side="right")]
        return np.asarray(np.exp(np.clip(X @ self.slope, -50, 50))[:, None] * baseline)


def _fit(penalty: float, examples: Examples, task: Task) -> Predict:
    code = LinearCode.fit(examples.features)
    X = code.transform(examples.features)
    # what comes after the longest horizon is not asked for
    late = examples.duration > task.grid[-1]
    duration = np.minimum(examples.duration, task.grid[-1])
    models: list[Cox | None] = []
    for ending in (BOUGHT, GONE):
        ended = (examples.outcome == ending) & ~late
        events = int(ended.sum())
        models.append(Cox.fit(X, ended, duration, penalty * events) if events >= FEWEST_EVENTS else None)

    def predict(asked: pd.DataFrame) -> tuple[Float, Float]:
        matrix = code.transform(asked)
        hazards = [
            np.zeros((len(matrix), len(task.grid))) if model is None else model.cumulative_hazard(matrix, task.grid)
            for model in models
        ]
        return incidences(hazards[0], hazards[1])

    return predict


def candidates(fold: Fold) -> list[Candidate]:  # noqa: ARG001 - every dataset has it
    return [Candidate(f"ridge {penalty:g} an event", partial(_fit, penalty)) for penalty in PENALTIES]
