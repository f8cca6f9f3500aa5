"""The Brier score of a purchase curve at times, and over time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from model.metrics.censoring import Float, Weights, checked


def brier_losses(weights: Weights, purchased: npt.ArrayLike) -> Float:
    """(n, k): what each row adds to the Brier score at each time; its mean over rows is the score.

    ``purchased``: (n, k), the predicted incidence F1 at ``weights.times``, within [0, 1]. ValueError otherwise.
    Formula: w(u) (1{T <= u, D = 1} - F1(u))^2, with w of ``ipcw`` (Graf 1999; Schoop 2011).
    """
    predicted = np.asarray(purchased, dtype=np.float64)
    if predicted.shape != weights.weight.shape:
        raise ValueError(f"expected predictions {weights.weight.shape}, got {predicted.shape}")
    if not (np.min(predicted) >= 0 and np.max(predicted) <= 1):
        raise ValueError("expected probabilities within 0 and 1")
    return np.asarray(weights.weight * (weights.bought - predicted) ** 2)


def brier(weights: Weights, purchased: npt.ArrayLike) -> Float:
    """(k,): the IPCW Brier score at each time. 0 is perfect."""
    return np.asarray(brier_losses(weights, purchased).mean(axis=0))


def integrate(times: npt.ArrayLike, values: npt.ArrayLike) -> Float:
    """The mean of ``values`` (..., k) over (0, H], H = times[-1], by trapezoids. The value at day 0 is 0.

    Nobody has bought at day 0 and every curve says so, hence the 0 there.
    """
    grid = np.concatenate(([0.0], np.asarray(times, dtype=np.float64)))
    if len(grid) < 2 or not np.all(np.diff(grid) > 0):
        raise ValueError("expected rising times above 0")
    y = np.asarray(values, dtype=np.float64)
    y = np.concatenate((np.zeros((*y.shape[:-1], 1)), y), axis=-1)
    return np.asarray(np.trapezoid(y, grid, axis=-1) / grid[-1])


def administrative_brier(
    duration: npt.ArrayLike, outcome: npt.ArrayLike, followed: npt.ArrayLike, times: npt.ArrayLike, purchased: Float
) -> Float:
    """(k,): the mean squared error at each time over the rows that could be followed that long; NaN where none was.

    ``followed`` (n,): days from the as-of time to the end of the data, known for ended rows too. Right where only
    the end of the data censors. Kvamme and Borgan, Journal of Machine Learning Research 24 (2023), paper 2.
    """
    days, codes = checked(duration, outcome)
    grid = np.atleast_1d(np.asarray(times, dtype=np.float64))
    followed_for = np.asarray(followed, dtype=np.float64)[:, None] >= grid
    bought = (days[:, None] <= grid) & (codes[:, None] == 1)
    total = np.where(followed_for, (bought - np.asarray(purchased)) ** 2, 0.0).sum(axis=0)
    count = followed_for.sum(axis=0)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def skill(score: npt.ArrayLike, reference: npt.ArrayLike) -> Float:
    """1 - score / reference: 0 is as good as the reference, 1 perfect, below 0 worse. NaN for a perfect reference."""
    score, reference = np.asarray(score, dtype=np.float64), np.asarray(reference, dtype=np.float64)
    ratio = np.divide(score, reference, out=np.full(np.broadcast(score, reference).shape, np.nan), where=reference > 0)
    return np.asarray(1.0 - ratio)
