"""Does the ranking put the leads first that buy in time?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from model.metrics.censoring import Bool, Float, Weights


def _weighted_auc(order: npt.NDArray[np.intp], ties: npt.NDArray[np.int64], case: Float, control: Float) -> Float:
    """AUC for each row of ``case`` and ``control`` (d, n): weights of cases and controls, ties counting half."""
    case, control = case[:, order], control[:, order]
    case = np.add.reduceat(case, ties, axis=1)
    control = np.add.reduceat(control, ties, axis=1)
    below = np.cumsum(control, axis=1) - 0.5 * control
    pairs = case.sum(axis=1) * control.sum(axis=1)
    wins = (case * below).sum(axis=1)
    return np.asarray(np.divide(wins, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0))


def _ranked(score: npt.ArrayLike) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int64]]:
    """The order of the scores, and where in it each run of equal scores starts."""
    values = np.asarray(score, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    ties = np.flatnonzero(np.concatenate(([True], np.diff(values[order]) > 0)))
    return order, ties


def auc(weights: Weights, score: npt.ArrayLike) -> Float:
    """(k,): cumulative/dynamic AUC at each time, in [0, 1]; NaN without both cases and controls.

    ``score``: (n,), or (n, k) with one for each time; higher means sooner. Cases have bought by u; controls have not
    bought by u: open beyond u, or lost. IPCW for both: Blanche, Dartigues and Jacqmin-Gadda, Statistics in
    Medicine 32 (2013), 5381-5397, the second definition of controls.
    """
    return np.concatenate([_at_time(weights, score, j, None) for j in range(len(weights.times))])


def auc_draws(weights: Weights, score: npt.ArrayLike, counts: npt.NDArray[np.int64], *, chunk: int = 50) -> Float:
    """(d, k): the AUC in each bootstrap draw; ``counts`` (d, n) tells how often each row was drawn.

    The weights stay those of the whole sample: the censoring distribution is not drawn anew.
    """
    columns = []
    for j in range(len(weights.times)):
        parts = [_at_time(weights, score, j, counts[i : i + chunk]) for i in range(0, len(counts), chunk)]
        columns.append(np.concatenate(parts))
    return np.stack(columns, axis=1)


def _at_time(weights: Weights, score: npt.ArrayLike, j: int, counts: npt.NDArray[np.int64] | None) -> Float:
    values = np.asarray(score, dtype=np.float64)
    order, ties = _ranked(values if values.ndim == 1 else values[:, j])
    bought: Bool = weights.bought[:, j]
    times = np.ones((1, len(bought)), dtype=np.int64) if counts is None else counts
    drawn = times * weights.weight[None, :, j]
    return _weighted_auc(order, ties, drawn * bought, drawn * ~bought)
