"""From the hazards of each cause to the incidences of both endings."""

from __future__ import annotations

import numpy as np

from model.curves import Float


def incidences(purchase: Float, loss: Float) -> tuple[Float, Float]:
    """F1, F2, each (n, m), from cumulative hazards (n, m) that start at 0 and rise.

    Within a step both hazards are taken as constant: S = exp(-(H1 + H2)), and what leaves is shared as the hazards are.
    """
    step1, step2 = (np.diff(hazard, axis=1, prepend=0.0) for hazard in (purchase, loss))
    total = step1 + step2
    before = np.exp(-(np.cumsum(total, axis=1) - total))
    leaves = before * -np.expm1(-total)
    share = np.divide(step1, total, out=np.zeros_like(total), where=total > 0)
    return np.cumsum(leaves * share, axis=1), np.cumsum(leaves * (1.0 - share), axis=1)


def interpolate(times: Float, values: Float, grid: Float) -> Float:
    """(n, m): curves (n, k) at rising ``times`` above 0, linear from 0 at day 0 and constant after the last."""
    at = np.concatenate([[0.0], times])
    curves = np.concatenate([np.zeros((len(values), 1)), values], axis=1)
    right = np.clip(np.searchsorted(at, grid, side="left"), 1, len(at) - 1)
    share = np.clip((grid - at[right - 1]) / (at[right] - at[right - 1]), 0.0, 1.0)
    return np.asarray(curves[:, right - 1] * (1 - share) + curves[:, right] * share)
