"""Purchase windows against what happened, over all and in bands of readiness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.prediction.kept import Result
from benchmarks.prediction.pool import Pool
from model.curves import Float
from model.metrics import Estimate, interval

BANDS = (0, 20, 40, 60, 80, 100)  # of readiness


@dataclass(frozen=True, eq=False)
class WindowsFound:
    """Over those who bought by the longest horizon H. ``share``: of them that were given a window; among these
    ``coverage``, by readiness in ``bands`` (NaN where none bought) with ``band_rows`` each, ``width`` and
    ``score`` (interval score) in days.
    """

    asked: float
    rows: int
    share: Estimate
    coverage: Estimate
    bands: list[Estimate]
    band_rows: list[int]
    width: Estimate
    score: Estimate


def windows(pool: Pool, results: Sequence[Result]) -> WindowsFound | None:
    """``results``: of one method, for each fold. None for a method without windows."""
    parts = [(result.window, result.readiness) for result in results]
    if any(window is None or readiness is None for window, readiness in parts):
        return None
    start = np.concatenate([window[0] for window, _ in parts if window is not None])
    end = np.concatenate([window[1] for window, _ in parts if window is not None])
    readiness = np.concatenate([one for _, one in parts if one is not None])
    asked = results[0].extra.get("window_coverage", 0.8)
    bought = pool.weight * pool.bought
    given = np.isfinite(start) & np.isfinite(end)
    weight = bought * given
    t = pool.duration
    lo, hi = np.where(given, start, 0.0), np.where(given, end, 0.0)
    covered = ((t >= lo) & (t <= hi)).astype(np.float64)
    missed = np.maximum(lo - t, 0) + np.maximum(t - hi, 0)
    band = np.clip(np.searchsorted(BANDS, readiness, side="right") - 1, 0, len(BANDS) - 2)
    return WindowsFound(
        asked=float(asked),
        rows=int((bought > 0).sum()),
        share=_mean(pool, given.astype(np.float64), bought),
        coverage=_mean(pool, covered, weight),
        bands=[_mean(pool, covered, weight * (band == k)) for k in range(len(BANDS) - 1)],
        band_rows=[int(((weight > 0) & (band == k)).sum()) for k in range(len(BANDS) - 1)],
        width=_mean(pool, hi - lo, weight),
        score=_mean(pool, hi - lo + 2 / (1 - asked) * missed, weight),
    )


def _mean(pool: Pool, values: Float, weight: Float) -> Estimate:
    if not weight.sum() > 0:
        return Estimate(float("nan"), float("nan"), float("nan"))
    return interval(float(np.average(values, weights=weight)), pool.draws.means(values, weight))
