"""How sure a figure is: resampling whole leads (or accounts), so that rows of one lead stay together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.metrics.censoring import Float

DRAWS = 1000


@dataclass(frozen=True)
class Estimate:
    """A figure with the limits of its interval (95 % unless said otherwise)."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.4f} ({self.low:.4f} to {self.high:.4f})"


def _codes(groups: npt.ArrayLike) -> tuple[npt.NDArray[np.int64], int]:
    names, codes = np.unique(np.asarray(groups), return_inverse=True)
    return codes.astype(np.int64), len(names)


def _drawn(n: int, draws: int, seed: int) -> npt.NDArray[np.int64]:
    """(draws, n): how often each of n groups is drawn when n are drawn with replacement."""
    rng = np.random.default_rng(seed)
    picked = rng.integers(0, n, size=(draws, n))
    picked += np.arange(draws)[:, None] * n
    return np.bincount(picked.ravel(), minlength=draws * n).reshape(draws, n)


def resample_counts(groups: npt.ArrayLike, *, draws: int = DRAWS, seed: int = 0) -> npt.NDArray[np.int64]:
    """(draws, n): how often each row is in each draw; rows of one group are drawn together."""
    codes, n = _codes(groups)
    return _drawn(n, draws, seed)[:, codes]


def bootstrap_means(values: npt.ArrayLike, groups: npt.ArrayLike, *, draws: int = DRAWS, seed: int = 0) -> Float:
    """(draws, c): the column means of ``values`` (n, c) in each draw of groups.

    Columns are drawn together: the difference or ratio of two columns of the result is the paired bootstrap of
    that difference or ratio. The same groups and seed give the same draws.
    """
    table = np.asarray(values, dtype=np.float64)
    codes, n = _codes(groups)
    sums = np.zeros((n, table.shape[1] + 1))
    np.add.at(sums, codes, np.column_stack((table, np.ones(len(table)))))
    chunk = max(1, 5_000_000 // n)
    totals = np.concatenate(
        [_drawn(n, min(chunk, draws - i), seed + i).astype(np.float64) @ sums for i in range(0, draws, chunk)]
    )
    return np.asarray(totals[:, :-1] / totals[:, -1:])


def interval(value: float, draws: npt.ArrayLike, *, level: float = 0.95) -> Estimate:
    """The percentile interval of ``draws`` around ``value``; draws that are NaN are left out."""
    found = np.asarray(draws, dtype=np.float64)
    found = found[np.isfinite(found)]
    if not len(found):
        return Estimate(float(value), float("nan"), float("nan"))
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(float(value), float(low), float(high))
