"""The date to call on: where the expected cost of calling too early, too late or in vain is least."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from model.curves import Curves, Float


class Costs(Protocol):
    """What a badly timed call costs; features.settings.Costs is one."""

    @property
    def early(self) -> float: ...
    @property
    def late(self) -> float: ...
    @property
    def wasted_call(self) -> float: ...


@dataclass(frozen=True)
class CallCosts:
    """``early``, ``late``: each day that a call comes before or after the purchase; ``wasted_call``: a call to a lead
    that does not buy within the longest horizon; ``lost``: a lead that was lost before the call. One currency.
    """

    early: float = 1.0
    late: float = 5.0
    wasted_call: float = 10.0
    lost: float = 0.0

    @classmethod
    def of(cls, costs: Costs) -> CallCosts:
        return cls(costs.early, costs.late, costs.wasted_call, getattr(costs, "lost", 0.0))


@dataclass(frozen=True, eq=False)
class Decision:
    """For each of n rows: ``call`` whether to call at all, ``day`` the best day to call on, ``priority`` what it
    costs if no call can be made for a week.
    """

    call: npt.NDArray[np.bool_]
    day: Float
    priority: Float


def call_days(longest: float) -> Float:
    """The days on which a call is considered: each whole day up to the longest horizon."""
    return np.arange(0.0, np.floor(longest) + 1.0)


def expected_cost(curves: Curves, costs: CallCosts) -> tuple[Float, Float]:
    """The expected cost of a call on each of ``call_days``, (n, d), and of never calling, (n,).

    With H the longest horizon, T the day of the purchase and F1, F2 the incidences:
    J(a) = early E[(T - a)+; T <= H] + late E[(a - T)+; T <= H] + lost F2(a) + wasted_call (1 - F1(H) - F2(a)).
    A call is in vain for those who do not buy by H, except those already lost by a: they are no longer called.
    The expectations are areas under F1. Never calling costs what a call at H does, without the call in vain.
    """
    longest = float(curves.days[-1])
    days = call_days(longest)
    fine = np.union1d(days, curves.days)
    f1, f2 = curves.at(fine)
    area = np.concatenate(
        [np.zeros((len(f1), 1)), np.cumsum((f1[:, 1:] + f1[:, :-1]) / 2 * np.diff(fine), axis=1)], axis=1
    )
    at = np.searchsorted(fine, days)
    final1, final2 = f1[:, -1:], f2[:, -1:]
    late = costs.late * area[:, at]
    early = costs.early * (final1 * (longest - days) - (area[:, -1:] - area[:, at]))
    in_vain = costs.wasted_call * np.maximum(1.0 - final1 - f2[:, at], 0.0)
    never = costs.late * area[:, -1] + costs.lost * final2[:, 0]
    return np.maximum(early, 0.0) + late + costs.lost * f2[:, at] + in_vain, never


def decide(curves: Curves, costs: CallCosts) -> Decision:
    """The best day for each row; no call where never calling costs less.

    ``priority`` = (least cost if the call comes in 7 days or later, or never) - (least cost), in the currency of the
    costs; never below 0, and 0 where no call is due within a week.
    """
    cost, never = expected_cost(curves, costs)
    days = call_days(float(curves.days[-1]))
    best = np.argmin(cost, axis=1)
    least = np.take_along_axis(cost, best[:, None], axis=1)[:, 0]
    call = least <= never
    later = np.minimum(cost[:, days >= min(7.0, days[-1])].min(axis=1), never)
    return Decision(call, days[best], np.maximum(later - np.minimum(least, never), 0.0))
