"""What handing over brings: leads handed over against those of the random holdout, by what the draw intended.

A lead is in the arm of its first opening under a holdout share between 0 and 1, whatever was done with it later, and is
followed from that opening on. Rows are weighted with 1 / (chance of their arm), so that a share which changed over time
does not make the arms differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from features.events import DAY
from features.history import Int64
from features.lives import BOUGHT
from model.measurement.incidence import DRAWS, aalen_johansen, share_within
from model.measurement.journeys import Bool, Float, Journeys
from model.measurement.period import Period
from model.metrics.bootstrap import Estimate, interval, resample_counts

_PERMUTATIONS = (100, 500)  # fewer of them the more leads there are
_CELLS = 2_500_000  # leads times permutations, beyond which there are fewer
Measure = Literal["purchases", "value", "days"]
_BESIDE: tuple[tuple[int, Measure], ...] = ((1, "value"), (2, "days"))


@dataclass(frozen=True, eq=False)
class Arms:
    """Openings under a holdout, one for each of n leads: when, drawn with which share, and what came of it.

    ``days``: to the ending or to now; ``followed``: to now. ``value``: of the purchase, 0 where not known.
    """

    lead: Int64
    at: Int64
    held_out: Bool
    share: Float
    days: Float
    outcome: npt.NDArray[np.int8]
    value: Float
    followed: Float
    account: Int64
    called: Bool

    def __len__(self) -> int:
        return len(self.lead)


@dataclass(frozen=True)
class Compared:
    """One figure of both arms. ``difference``, ``ratio``: handed over minus, and over, held out.

    ``purchases``: the share of leads that bought within ``horizon`` days, leads still open censored; ``value``: of
    these purchases for each lead; ``days``: waited for the purchase within the horizon, the whole of it where there was
    none. ``ratio``: None where that of the held out is 0. ``p``: of a difference so large by the draw alone.
    """

    measure: Measure
    horizon: int
    handed_over: Estimate
    held_out: Estimate
    difference: Estimate
    ratio: Estimate | None
    p: float


@dataclass(frozen=True)
class Plan:
    """How many openings it takes to tell that handing over makes ``1 + hoped`` times as many buy within ``horizon``.

    ``base_rate``: of those not handed over. ``followed``: openings so long ago.
    """

    horizon: int
    hoped: float
    share: float
    base_rate: float
    needed: int
    followed: int

    @property
    def still_needed(self) -> int:
        return max(self.needed - self.followed, 0)


def arms(data: Journeys, period: Period) -> Arms:
    """The first opening of each lead under a holdout, if it was in the period."""
    given = data.handoffs
    with np.errstate(invalid="ignore"):
        rows = given.first((given.holdout_share > 0) & (given.holdout_share < 1))
    rows = rows[period.holds(given.at[rows])]
    lead, at = given.lead[rows], given.at[rows]
    value = np.where(np.isfinite(data.value[lead]), data.value[lead], 0.0)
    since = np.full(len(data.lead_ids), np.iinfo(np.int64).max, dtype=np.int64)
    since[lead] = at
    later = data.calls.at >= since[data.calls.lead]
    called = np.zeros(len(data.lead_ids), dtype=bool)
    called[data.calls.lead[later]] = True
    return Arms(
        lead=lead,
        at=at,
        held_out=given.held_out[rows],
        share=given.holdout_share[rows],
        days=(data.ended_at[lead] - at) / DAY,
        outcome=data.outcome[lead],
        value=np.where(data.outcome[lead] == BOUGHT, value, 0.0),
        followed=(data.known_by - at) / DAY,
        account=data.account[lead],
        called=called[lead],
    )


def compare(
    both: Arms, horizons: Sequence[int], *, draws: int = DRAWS, permutations: int | None = None, seed: int = 0
) -> list[Compared]:
    """For each horizon that somebody of both arms was followed for; value and days at the longest of them.

    Shares: Wilson's interval for as many leads as their spread over draws of accounts is worth, and from both the
    difference (Newcombe, Statistics in Medicine 17 (1998), 873-890, method 10) and the ratio (Donner and Zou,
    Statistical Methods in Medical Research 21 (2012), 347-359). Value and days: percentiles of draws of whole accounts,
    the same in both arms. ``p``: leads are drawn anew into the arms, each with its share; exact whatever the accounts.
    """
    arm = (~both.held_out, both.held_out)
    if not all(mine.any() for mine in arm):
        return []
    seen = [h for h in horizons if all(both.followed[mine].max() >= h for mine in arm)]
    if not seen:
        return []
    counts = np.concatenate([np.ones((1, len(both))), resample_counts(both.account, draws=draws, seed=seed)])
    drawn = _figures(both, both.held_out[None, :], counts, seen)
    least, most = _PERMUTATIONS
    again = _drawn_anew(both, seen, permutations or min(max(_CELLS // len(both), least), most), seed)
    found = []
    for j, horizon in enumerate(seen):
        sizes = [len(np.unique(both.account[mine & (both.followed >= horizon)])) for mine in arm]
        one, other = (share_within(float(drawn[i, 0, 0, j]), drawn[i, 0, 1:, j], sizes[i]) for i in (0, 1))
        found.append(
            Compared(
                "purchases", horizon, one, other, difference(one, other), ratio(one, other), _p(drawn, again, 0, j)
            )
        )
    last = len(seen) - 1
    for k, name in _BESIDE:
        one, other = (interval(float(drawn[i, k, 0, last]), drawn[i, k, 1:, last]) for i in (0, 1))
        above, below = drawn[0, k, :, last], drawn[1, k, :, last]
        less = above - below
        each = np.divide(above, below, out=np.full(len(below), np.nan), where=below > 0)
        times = interval(float(each[0]), each[1:]) if np.isfinite(each[0]) else None
        apart, p = interval(float(less[0]), less[1:]), _p(drawn, again, k, last)
        found.append(Compared(name, seen[last], one, other, apart, times, p))
    return found


def difference(one: Estimate, other: Estimate) -> Estimate:
    """Of two independent figures with intervals, by the squares of how far these reach."""
    value = one.value - other.value
    low = value - np.hypot(one.value - one.low, other.high - other.value)
    return Estimate(value, float(low), float(value + np.hypot(one.high - one.value, other.value - other.low)))


def ratio(one: Estimate, other: Estimate) -> Estimate | None:
    """None where the other is 0; the upper end is infinite where the other's interval begins at 0."""
    if not other.value > 0:
        return None
    product = one.value * other.value

    def root(near: float, far: float) -> tuple[float, float, float]:
        a, b = near * (2 * one.value - near), far * (2 * other.value - far)
        return a, b, product + float(np.sqrt(max(product**2 - a * b, 0.0)))

    a, _, below = root(one.low, other.high)
    _, b, above = root(one.high, other.low)
    return Estimate(one.value / other.value, a / below if below > 0 else 0.0, above / b if b > 0 else np.inf)


def plan(both: Arms, horizon: int, hoped: float, share: float, *, power: float = 0.8) -> Plan | None:
    """By the z test of two shares, two-sided at 5 % (Fleiss, Levin and Paik, Statistical Methods for Rates and
    Proportions, 3rd edition, formula 4.14 and 4.17 without continuity correction).

    The base rate is that of the held out leads, while none was followed so far that of all. None while that is not
    known either, or 0. A rate that would rise above 1 is taken as 1.
    """
    rows = both.held_out & (both.followed >= horizon)
    rows = both.held_out if rows.any() else np.ones(len(both), dtype=bool)
    if not (len(both) and (both.followed[rows] >= horizon).any() and 0 < share < 1 and hoped > 0):
        return None
    order = np.flatnonzero(rows)[np.argsort(both.days[rows], kind="stable")]
    times, curve = aalen_johansen(
        both.days[order],
        both.outcome[order] > 0,
        (both.outcome[order] == BOUGHT).astype(np.float64)[None, :],
        np.ones((1, len(order))),
    )
    place = int(np.searchsorted(times, horizon, side="right")) - 1
    base = float(curve[0, 0, place]) if place >= 0 else 0.0
    if not 0 < base < 1:
        return None
    lifted, k = min(base * (1 + hoped), 1.0), (1 - share) / share
    mean = (base + k * lifted) / (1 + k)
    z_level, z_power = float(norm.ppf(0.975)), float(norm.ppf(power))
    spread = z_level * np.sqrt(mean * (1 - mean) * (1 + 1 / k))
    spread += z_power * np.sqrt(base * (1 - base) + lifted * (1 - lifted) / k)
    needed = int(np.ceil((spread / (lifted - base)) ** 2 / share))
    return Plan(horizon, hoped, share, base, needed, int((both.followed >= horizon).sum()))


def _figures(both: Arms, held_out: Bool, counts: Float, horizons: Sequence[int]) -> Float:
    """(2, 3, draws, horizons): share, value and days of who is handed over and of who is held out.

    ``held_out``: (draws, n) or one row for all draws of ``counts``.
    """
    order = np.argsort(both.days, kind="stable")
    time, outcome, value = both.days[order], both.outcome[order], both.value[order]
    bought = (outcome == BOUGHT).astype(np.float64)
    marks = np.stack([bought, bought * value])
    out, share = held_out[:, order], both.share[order]
    found = []
    for mine, chance in ((~out, 1 - share), (out, share)):
        weight = counts[:, order] * mine / chance
        times, curves = aalen_johansen(time, outcome > 0, marks, np.asarray(weight))
        edges = np.append(times, np.inf)
        at = [int(np.searchsorted(times, h, side="right")) for h in horizons]
        padded = np.concatenate([np.zeros((*curves.shape[:2], 1)), curves], axis=2)
        waited = []
        for h in horizons:
            steps = np.diff(np.minimum(np.concatenate([[0.0], edges]), h))
            waited.append(h - padded[0] @ steps)
        found.append(np.stack([padded[0][:, at], padded[1][:, at], np.stack(waited, axis=1)]))
    return np.stack(found)


def _drawn_anew(both: Arms, horizons: Sequence[int], permutations: int, seed: int) -> Float:
    """Differences (3, permutations, horizons) when the arms are drawn again and nothing else changes."""
    rng = np.random.default_rng(seed)
    held_out = rng.random((permutations, len(both))) < both.share
    found = _figures(both, held_out, np.ones((1, len(both))), horizons)
    return np.asarray(found[0] - found[1])


def _p(drawn: Float, again: Float, measure: int, horizon: int) -> float:
    """The share of draws at least as far from 0, the draw that was made among them."""
    apart = abs(drawn[0, measure, 0, horizon] - drawn[1, measure, 0, horizon])
    far = np.abs(again[measure, :, horizon]) >= apart * (1 - 1e-9)
    return float((1 + far.sum()) / (1 + len(far)))
