"""The bins of time after an as-of time in which the hazards are constant."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from features.errors import InputError
from model.curves import Float

# Fine where calls are decided, coarse where only the level counts.
_EDGES = (*range(1, 8), 10, 12, 14, *range(21, 92, 7), 120, 150, 180, 270, 365)


def check_horizons(horizons: Sequence[float]) -> tuple[float, ...]:
    """The horizons as floats. InputError unless they are rising and above 0 days."""
    try:
        checked = tuple(map(float, horizons))
    except (TypeError, ValueError):
        checked = ()
    rising = all(a < b for a, b in pairwise((0.0, *checked)))  # which NaN never is
    if not checked or not rising or checked[-1] == math.inf:
        raise InputError(where="horizons", expected="rising numbers of days above 0", got=repr(horizons))
    return checked


def bin_edges(horizons: Sequence[float]) -> Float:
    """Edges in days from 0 to the longest horizon; each horizon is one of them.

    Daily to 7 days, every second or third day to 14, weekly to 91, then 30 days and more. An edge closer to a
    horizon than half its own step gives way to it. Horizons under a day are cut into four bins.
    """
    checked = check_horizons(horizons)
    longest = checked[-1]
    regular = list(map(float, _EDGES))
    while regular[-1] < longest:
        regular.append(round(regular[-1] * 1.25))
    if checked[0] < 1:
        regular = [checked[0] * k / 4 for k in (1, 2, 3)] + regular
    steps = np.diff([0.0, *regular])
    kept = [
        edge
        for edge, step in zip(regular, steps, strict=True)
        if edge < longest and min(abs(edge - h) for h in checked) >= step / 2
    ]
    return np.array(sorted({0.0, *kept, *checked}), dtype=np.float64)


def nearest_horizon(horizons: Sequence[float], days: float) -> float:
    """The horizon nearest to ``days``, the shorter of two equally near."""
    return float(min(horizons, key=lambda h: (abs(h - days), h)))
