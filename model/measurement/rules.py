"""Attribution by rules: how much of its conversion each touch of a path is credited with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from features.events import DAY
from model.measurement.journeys import Float
from model.measurement.paths import Paths

ENDS, MIDDLE = 0.4, 0.2  # U: first and last, and all between
ANCHOR, REST = 0.3, 0.1  # W: first, created and handed over, and all others

# Each gives (touches,) credits of at least 0 that sum to 1 over each path that has touches.
Rule = Callable[[Paths, float], Float]


def first(paths: Paths, _: float) -> Float:
    return np.asarray(np.arange(len(paths.path)) == paths.start[paths.path], dtype=np.float64)


def last(paths: Paths, _: float) -> Float:
    return np.asarray(np.arange(len(paths.path)) == paths.start[paths.path + 1] - 1, dtype=np.float64)


def linear(paths: Paths, _: float) -> Float:
    return np.asarray(1.0 / np.diff(paths.start)[paths.path])


def time_decay(paths: Paths, half_life_days: float) -> Float:
    """Half as much for each half-life that the touch lies before the last one."""
    latest = paths.at[paths.start[paths.path + 1] - 1]
    return _whole(paths, np.exp2(-(latest - paths.at) / (half_life_days * DAY)))


def u_shaped(paths: Paths, _: float) -> Float:
    """40 % the first, 40 % the last, 20 % evenly between; half each where there is nothing between."""
    between = np.maximum(np.diff(paths.start) - 2, 1)[paths.path]
    ends = ENDS * (first(paths, 0) + last(paths, 0))
    return _whole(paths, np.where(ends > 0, ends, MIDDLE / between))


def w_shaped(paths: Paths, _: float) -> Float:
    """30 % the first touch, 30 % that by which the lead became known, 30 % that before its handoff, 10 % the others.

    The last one at or before that moment, the first one where there is none. Without a handoff the last touch counts
    as the one before it. One touch may be two or all of them.
    """
    weight = ANCHOR * first(paths, 0)
    for moment in (paths.created, paths.handed):
        at_or_before = paths.at <= moment[paths.path]
        nth = np.bincount(paths.path[at_or_before], minlength=len(paths))
        has = np.diff(paths.start) > 0
        np.add.at(weight, (paths.start[:-1] + np.maximum(nth, 1) - 1)[has], ANCHOR)
    others = np.bincount(paths.path[weight == 0], minlength=len(paths))
    return _whole(paths, np.where(weight > 0, weight, REST / np.maximum(others, 1)[paths.path]))


RULES: dict[str, Rule] = {
    "first": first,
    "last": last,
    "linear": linear,
    "time_decay": time_decay,
    "u_shaped": u_shaped,
    "w_shaped": w_shaped,
}


def _whole(paths: Paths, weight: Float) -> Float:
    total = np.bincount(paths.path, weights=weight, minlength=len(paths))
    return np.asarray(weight / total[paths.path])
