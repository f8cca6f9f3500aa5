"""What it costs to call on the dates that follow from curves, and from simple rules. One currency: a day early is 1.

First among those who buy by the longest horizon H, where only the date matters; then among all, where a call to a lead
that does not buy by H is in vain, so that a method also has to say whom not to call. Rows count with their IPCW weight
at H.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.prediction.kept import Asked
from benchmarks.prediction.pool import Pool
from features.lives import BOUGHT, GONE
from model.curves import Curves, Float
from model.decision import CallCosts, call_days, decide, expected_cost
from model.metrics import Estimate, interval, ipcw, timing_losses

EARLY, LATE, WASTED = 1.0, (5.0, 10.0, 30.0), 10.0
NOW, BEFORE, HINDSIGHT = "call now", "best constant delay, chosen before", "best constant delay, in hindsight"
DEADLINE, NEVER = "on the declared deadline", "never call"
ALWAYS_OWN, ALWAYS_BEST = "always, on {}'s date given a purchase", "always, on {}'s date of least cost"
ALWAYS_BEFORE, ALWAYS_HINDSIGHT = "always, constant delay, chosen before", "always, constant delay, in hindsight"
Bool = npt.NDArray[np.bool_]
_CELLS = 4_000_000  # of a curve that are looked at together
NOTHING = Estimate(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True, eq=False)
class Dates:
    """What one method's curves say for each late cost: ``given`` (n,) the best day if the lead buys by H; ``least``
    (n,) the day of least cost when calls can be in vain, ``call`` (n,) whether to call at all.
    """

    given: dict[float, Float]
    least: dict[float, Float]
    call: dict[float, Bool]

    @classmethod
    def of(cls, curves: Sequence[Curves]) -> Dates:
        """``curves``: blocks of rows in turn."""
        given: dict[float, list[npt.NDArray[Any]]] = {late: [] for late in LATE}
        least: dict[float, list[npt.NDArray[Any]]] = {late: [] for late in LATE}
        call: dict[float, list[npt.NDArray[Any]]] = {late: [] for late in LATE}
        for part in _parts(curves):
            conditional = given_purchase(part)
            for late in LATE:
                given[late].append(best_days(conditional, late=late))
                decided = decide(part, CallCosts(EARLY, late, WASTED))
                least[late].append(decided.day)
                call[late].append(decided.call)
        return cls(*map(_joined, (given, least, call)))


def given_purchase(curves: Curves) -> Curves:
    """F1(u) / F1(H), even where nobody is expected to buy. A curve that falls stays at its highest value."""
    rising = np.maximum.accumulate(curves.purchased, axis=1)
    total = rising[:, -1:]
    even = np.broadcast_to(curves.days / curves.days[-1], rising.shape)
    purchased = np.where(total > 1e-12, rising / np.maximum(total, 1e-12), even)
    return Curves(curves.days, purchased, np.zeros_like(purchased))


def best_days(conditional: Curves, *, late: float) -> Float:
    """(n,) the whole day on which a call costs least on average, for those who buy for certain."""
    cost, _ = expected_cost(conditional, CallCosts(EARLY, late, 0.0))
    return np.asarray(call_days(float(conditional.days[-1]))[np.argmin(cost, axis=1)])


def cost_of(
    day: Float, call: Bool, duration: Float, outcome: npt.ArrayLike, *, longest: float, late: float, wasted: float
) -> Float:
    """(n,) what came of calling on ``day`` (or of not calling), as model.decision counts it.

    Bought by H at T: early (T - day)+ + late (day - T)+; not called: late (H - T). Not bought by H: ``wasted`` if
    called while not lost yet, else 0.
    """
    codes = np.asarray(outcome)
    bought = (codes == BOUGHT) & (duration <= longest)
    gone = (codes == GONE) & (duration <= day)
    dated = np.where(call, timing_losses(duration, day, early=EARLY, late=late), late * (longest - duration))
    return np.where(bought, dated, np.where(call & ~gone, wasted, 0.0))


def best_constant(
    duration: Float, outcome: npt.ArrayLike, weight: Float, *, longest: float, late: float, wasted: float | None
) -> float:
    """The one whole day that would have cost least for all; ``wasted`` None looks at purchasers by H alone."""
    codes = np.asarray(outcome)
    kept = weight > 0
    if wasted is None:
        kept &= (codes == BOUGHT) & (duration <= longest)
    days = call_days(longest)
    if not kept.any():
        return float(days[0])
    t, codes, w = duration[kept], codes[kept], weight[kept]
    everyone = np.ones(len(t), dtype=bool)
    found = [
        w @ cost_of(np.full(len(t), day), everyone, t, codes, longest=longest, late=late, wasted=wasted or 0.0)
        for day in days
    ]
    return float(days[int(np.argmin(found))])


@dataclass(frozen=True, eq=False)
class Line:
    """One way of choosing dates: mean cost and how much that is above the product's, paired, for each late cost."""

    policy: str
    cost: dict[float, Estimate]
    above: dict[float, Estimate]
    note: str = ""


@dataclass(frozen=True, eq=False)
class Timing:
    """``purchasers``: lines over those who bought by H; ``everyone``: lines over all. ``of_truth``: the product's cost
    over that of the true hazard's own date, among purchasers.
    """

    rows: int
    purchasers: list[Line]
    everyone: list[Line]
    of_truth: dict[float, Estimate] | None


def timing(pool: Pool, dates: Mapping[str, Dates], *, own: str, truth: str) -> Timing | None:
    """``dates``: of each method by name. None where nobody bought or the product has no answer."""
    rows = np.flatnonzero(pool.bought & (pool.weight > 0))
    if own not in dates or not len(rows):
        return None
    among = _among_purchasers(pool, dates)
    everyone = _among_all(pool, dates, own=own)
    ratio = None
    if truth in dates:
        ratio = {late: _ratio(pool, among[own][late], among[truth][late], rows) for late in LATE}
    return Timing(
        rows=len(rows),
        purchasers=_lines(pool, among, own=own, rows=rows),
        everyone=_lines(pool, everyone, own=own, rows=np.flatnonzero(pool.weight > 0)),
        of_truth=ratio,
    )


def _among_purchasers(pool: Pool, dates: Mapping[str, Dates]) -> dict[str, dict[float, Float]]:
    """(n,) costs of each policy for each late cost; right for purchasers by H alone."""
    deadline = np.clip(np.concatenate([fold.deadline for fold in pool.folds]), 0.0, pool.longest)
    chosen: dict[str, dict[float, Float]] = {name: found.given for name, found in dates.items()}
    chosen[BEFORE] = {late: _constants(pool, late=late, wasted=None) for late in LATE}
    chosen[HINDSIGHT] = {late: _in_hindsight(pool, late=late, wasted=None) for late in LATE}
    chosen[NOW] = {late: np.zeros(len(pool)) for late in LATE}
    if np.isfinite(deadline).any():
        chosen[DEADLINE] = dict.fromkeys(LATE, deadline)
    return {
        name: {late: timing_losses(pool.duration, day, early=EARLY, late=late) for late, day in days.items()}
        for name, days in chosen.items()
    }


def _among_all(pool: Pool, dates: Mapping[str, Dates], *, own: str) -> dict[str, dict[float, Float]]:
    everyone, nobody = np.ones(len(pool), dtype=bool), np.zeros(len(pool), dtype=bool)
    costs: dict[str, dict[float, Float]] = {}

    def put(name: str, late: float, day: Float, call: Bool) -> None:
        costs.setdefault(name, {})[late] = cost_of(
            day, call, pool.duration, pool.outcome, longest=pool.longest, late=late, wasted=WASTED
        )

    for late in LATE:
        for name, found in dates.items():
            put(name, late, found.least[late], found.call[late])
        put(ALWAYS_OWN.format(own), late, dates[own].given[late], everyone)
        put(ALWAYS_BEST.format(own), late, dates[own].least[late], everyone)
        put(ALWAYS_BEFORE, late, _constants(pool, late=late, wasted=WASTED), everyone)
        put(ALWAYS_HINDSIGHT, late, _in_hindsight(pool, late=late, wasted=WASTED), everyone)
        put(NEVER, late, np.zeros(len(pool)), nobody)
    return costs


def _constants(pool: Pool, *, late: float, wasted: float | None) -> Float:
    """(n,) for each row the constant that was best on its fold's past."""
    return np.concatenate([np.full(len(fold), _past_constant(fold, late=late, wasted=wasted)) for fold in pool.folds])


def _past_constant(fold: Asked, *, late: float, wasted: float | None) -> float:
    longest = float(fold.horizons[-1])
    weights = ipcw(fold.past_duration, fold.past_outcome, [longest])
    return best_constant(
        fold.past_duration, fold.past_outcome, weights.weight[:, 0], longest=longest, late=late, wasted=wasted
    )


def _in_hindsight(pool: Pool, *, late: float, wasted: float | None) -> Float:
    day = best_constant(pool.duration, pool.outcome, pool.weight, longest=pool.longest, late=late, wasted=wasted)
    return np.full(len(pool), day)


def _lines(pool: Pool, costs: Mapping[str, dict[float, Float]], *, own: str, rows: npt.NDArray[np.int64]) -> list[Line]:
    lines = []
    for policy, by_late in costs.items():
        mean, above, note = {}, {}, ""
        for late, cost in by_late.items():
            known = rows[np.isfinite(cost[rows])]
            if len(known) < len(rows):  # a rule that not every lead allows is compared where it can be followed
                note = f"{100 * len(known) / len(rows):.0f} % of them"
            mean[late] = _estimate(pool, cost, known)
            above[late] = _estimate(pool, cost - costs[own][late], known)
        lines.append(Line(policy, mean, above, note))
    return lines


def _estimate(pool: Pool, values: Float, rows: npt.NDArray[np.int64]) -> Estimate:
    if not len(rows):
        return NOTHING
    weight = np.zeros(len(pool))
    weight[rows] = pool.weight[rows]
    filled = np.where(weight > 0, values, 0.0)
    return interval(float(np.average(filled, weights=weight)), pool.draws.means(filled, weight))


def _ratio(pool: Pool, one: Float, other: Float, rows: npt.NDArray[np.int64]) -> Estimate:
    weight = np.zeros(len(pool))
    weight[rows] = pool.weight[rows]
    drawn = pool.draws.sums(np.column_stack((one * weight, other * weight)))
    return interval(float((one @ weight) / (other @ weight)), drawn[:, 0] / drawn[:, 1])


def _parts(curves: Sequence[Curves]) -> Iterator[Curves]:
    """Blocks small enough to be looked at in one piece."""
    step = max(1, _CELLS // len(curves[0].days))
    for block in curves:
        for i in range(0, len(block), step):
            yield block.rows(slice(i, i + step))


def _joined(found: dict[float, list[npt.NDArray[Any]]]) -> dict[float, npt.NDArray[Any]]:
    return {late: np.concatenate(parts) for late, parts in found.items()}
