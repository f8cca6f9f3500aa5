"""Shares of a total that add up to it to the last digit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

WIN_UNITS = 10_000  # a win is credited in ten-thousandths
MONEY_UNITS = 100  # an amount in hundredths


def share_out(total: int, weights: npt.ArrayLike) -> Int64:
    """(k,) whole units in proportion to ``weights`` (k,) >= 0 whose sum is ``total`` exactly.

    The method of the largest remainder (Hamilton): each gets the whole part of its quota, the units that are left go to
    the largest fractions, of equal ones to the first. Weights that are all 0: ValueError unless the total is 0.
    """
    weight = np.asarray(weights, dtype=np.float64)
    if total == 0:
        return np.zeros(len(weight), dtype=np.int64)
    if not weight.sum() > 0 or not np.isfinite(weight).all() or weight.min() < 0:
        raise ValueError("expected finite weights of at least 0 that are not all 0")
    quota = weight / weight.max()
    quota = quota / quota.sum() * total
    units: Int64 = np.floor(quota).astype(np.int64)
    left = total - int(units.sum())
    order = np.argsort(units - quota, kind="stable")
    order = order[weight[order] > 0]
    for i in range(abs(left)):  # a last digit of the sum may make it more than all of them, or one too few
        units[order[i % len(order)] if left > 0 else int(np.argmax(units))] += 1 if left > 0 else -1
    return units
