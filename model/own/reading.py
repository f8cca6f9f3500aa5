"""From what an estimator predicts to lawful curves on a grid.

Two interfaces are known. An estimator with ``predict_cumulative_incidence`` is fitted on both endings at once. One with
``predict_cumulative_hazard_function`` or ``predict_survival_function``, as scikit-survival has them, knows one ending:
it is fitted twice, each time with the other ending as censored, which gives the cause-specific hazards.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.errors import InputError
from model.curves import Curves, Float
from model.frame import Endings

JOINT = "predict_cumulative_incidence"
HAZARD, SURVIVAL = "predict_cumulative_hazard_function", "predict_survival_function"
ONE_ENDING = np.dtype([("event", np.bool_), ("time", np.float64)])
_FULL = 1.0 - 1e-12  # of a sum of probabilities
_MOST = 50.0  # a cumulative hazard above which nobody is left


def is_joint(estimator: Any) -> bool:
    """Whether it takes both endings at once. InputError for an estimator without any known way to predict."""
    if hasattr(estimator, JOINT):
        return True
    if hasattr(estimator, HAZARD) or hasattr(estimator, SURVIVAL):
        return False
    raise InputError(
        where="[estimator] class",
        expected=f"an estimator with {JOINT}(X, times), or with {HAZARD}(X) or {SURVIVAL}(X) as scikit-survival has it",
        got=f"a {type(estimator).__name__} without",
    )


def one_ending(y: Endings, ending: int) -> npt.NDArray[np.void]:
    """The structured array that estimators of one ending take: event, time."""
    made = np.empty(len(y), dtype=ONE_ENDING)
    made["event"], made["time"] = y["outcome"] == ending, y["duration"]
    return made


def taken(method: Callable[..., Any], given: dict[str, Any]) -> dict[str, Any]:
    """Of the keyword arguments those that the method names."""
    named = inspect.signature(method).parameters
    return {name: value for name, value in given.items() if name in named}


def joint_curves(estimator: Any, X: pd.DataFrame, edges: Float, given: dict[str, Any]) -> Curves:
    """Of an estimator of both endings, made to rise and to sum to at most 1. InputError for another shape, or holes."""
    method = getattr(estimator, JOINT)
    found = np.asarray(method(X, edges[1:], **taken(method, given)), dtype=np.float64)
    want = (len(X), 3, len(edges) - 1)
    _check(estimator, JOINT, found, want, "rows, (open, purchased, lost), times")
    zero = np.zeros((len(X), 1))
    bought, lost = (
        np.concatenate([zero, np.maximum.accumulate(np.clip(found[:, k], 0.0, 1.0), axis=1)], axis=1) for k in (1, 2)
    )
    # one factor for the whole curve, so that both still rise
    factor = np.minimum(1.0, _FULL / np.maximum(bought[:, -1:] + lost[:, -1:], _FULL))
    return Curves(edges, bought * factor, lost * factor)


def cumulative_hazard(estimator: Any, X: pd.DataFrame, edges: Float) -> Float:
    """(n, edges): of an estimator of one ending, 0 at the first edge and never falling."""
    name = HAZARD if hasattr(estimator, HAZARD) else SURVIVAL
    steps = getattr(estimator, name)(X)
    found = np.stack([_at(step, edges, 0.0 if name == HAZARD else 1.0) for step in steps])
    if name == SURVIVAL:
        found = -np.log(np.clip(found, np.exp(-_MOST), 1.0))
    _check(estimator, name, found, (len(X), len(edges)), "rows, times")
    found = np.maximum.accumulate(np.clip(found, 0.0, _MOST), axis=1)
    return np.asarray(found - found[:, :1])


def cause_specific_curves(edges: Float, hazards: Sequence[Float]) -> Curves:
    """From the cumulative hazards of both endings, each (n, edges). Within a bin their ratio is constant:
    dF_k = S (1 - exp(-dH)) dH_k / dH, dH being the sum of both.
    """
    step = [np.diff(hazard, axis=1) for hazard in hazards]
    both = step[0] + step[1]
    zero = np.zeros((len(both), 1))
    before = np.exp(-np.concatenate([zero, np.cumsum(both, axis=1)[:, :-1]], axis=1))
    ended = before * -np.expm1(-both) / np.maximum(both, 1e-300)
    bought, lost = (np.concatenate([zero, np.cumsum(ended * own, axis=1)], axis=1) for own in step)
    factor = np.minimum(1.0, _FULL / np.maximum(bought[:, -1:] + lost[:, -1:], _FULL))
    return Curves(edges, bought * factor, lost * factor)


def _at(step: Any, times: Float, start: float) -> Float:
    """A step function (callable, with its jumps ``x``) at times, carried on beyond its last jump."""
    x = np.asarray(step.x, dtype=np.float64)
    values = np.asarray(step(np.clip(times, x[0], x[-1])), dtype=np.float64)
    return np.where(times < x[0], start, values)


def _check(estimator: Any, method: str, found: Float, want: tuple[int, ...], axes: str) -> None:
    where = f"{type(estimator).__name__}.{method}"
    if found.shape != want:
        raise InputError(where=where, expected=f"an array of shape {want} ({axes})", got=f"one of shape {found.shape}")
    if not np.isfinite(found).all():
        raise InputError(where=where, expected="finite numbers", got=f"{int((~np.isfinite(found)).sum())} that are not")
