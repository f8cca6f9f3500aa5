"""One guard for every peer's curves, and a count of those that needed it."""

from __future__ import annotations

import numpy as np

from model.curves import Curves, Float

TOLERANCE = 1e-9  # the last digits of sums


def valid_curves(days: Float, purchased: Float, lost: Float) -> tuple[Curves, int]:
    """Curves as the contract wants them, and how many rows were not so before.

    ``purchased``, ``lost``: (n, m) at ``days``, days[0] = 0. Each is cut to [0, 1] and made to rise (cumulative
    maximum); where both together exceed 1, the loss is shrunk, so that what is judged, the purchase, stays as said.
    ValueError for NaN or a wrong shape.
    """
    shape = (len(purchased), len(days))
    if purchased.shape != shape or lost.shape != shape:
        raise ValueError(f"expected two arrays {shape}, got {purchased.shape} and {lost.shape}")
    if np.isnan(purchased).any() or np.isnan(lost).any():
        raise ValueError("expected probabilities, got NaN")
    risen = []
    wrong = np.zeros(len(purchased), dtype=bool)
    for given in (purchased, lost):
        curve = np.clip(given, 0.0, 1.0)
        curve[:, 0] = 0.0
        np.maximum.accumulate(curve, axis=1, out=curve)
        wrong |= (np.abs(curve - given) > TOLERANCE).any(axis=1)
        risen.append(curve)
    bought, gone = risen
    room, wanted = np.maximum(1.0 - 1e-12 - bought[:, -1], 0.0), gone[:, -1]  # rounding carries no sum past 1
    wrong |= wanted > room + TOLERANCE
    # both rise: where the ends sum to 1, every earlier sum is below it
    factor = np.divide(room, wanted, out=np.ones_like(room), where=wanted > room)
    gone *= factor[:, None]
    return Curves(days, bought, gone), int(wrong.sum())
