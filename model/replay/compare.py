"""Policies side by side on the same leads, with intervals by resampling whole leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from model.curves import Float
from model.metrics import Estimate, interval, resample_counts
from model.metrics.bootstrap import DRAWS
from model.replay.account import Result
from model.replay.rows import Bool


@dataclass(frozen=True, eq=False)
class Line:
    """One policy: counts of leads; the costs and ``above``, what it costs more than the own policy, are by lead.

    ``conversion``: purchases within the longest horizon by call made. ``wasted_share``: of the calls; ``late_share``:
    of the purchases. ``days_early``, ``days_late``: means where there were any.
    """

    policy: str
    leads: int
    calls: int
    won: int
    wasted: int
    late: int
    waiting: int
    cost: Estimate
    above: Estimate
    conversion: Estimate
    wasted_share: Estimate
    late_share: Estimate
    days_early: Estimate
    days_late: Estimate
    dated_late: int


def compare(results: Mapping[str, Result], *, own: str, seed: int = 0) -> list[Line]:
    """A line for each policy. Intervals of 95 %; the draws of leads are the same for all, so differences are paired."""
    n = len(results[own])
    counts = resample_counts(np.arange(n), draws=DRAWS, seed=seed).astype(np.float64)
    return [_line(name, result, results[own], counts) for name, result in results.items()]


def _line(name: str, result: Result, own: Result, counts: Float) -> Line:
    everyone = np.ones(len(result), dtype=bool)
    dated = np.isfinite(result.days_late)
    return Line(
        policy=name,
        leads=len(result),
        calls=int(result.called.sum()),
        won=int(result.won.sum()),
        wasted=int(result.wasted.sum()),
        late=int(result.late.sum()),
        waiting=int(result.waiting.sum()),
        cost=_mean(result.cost, everyone, counts),
        above=_mean(result.cost - own.cost, everyone, counts),
        conversion=_mean(result.won, result.called, counts),
        wasted_share=_mean(result.wasted, result.called, counts),
        late_share=_mean(result.late, result.won | result.late, counts),
        days_early=_mean(result.days_early, result.won, counts),
        days_late=_mean(result.days_late, dated, counts),
        dated_late=int(dated.sum()),
    )


def _mean(values: Float | Bool, among: Bool, counts: Float) -> Estimate:
    """The mean of ``values`` (m,) among some leads; NaN where there are none."""
    filled = np.where(among, values, 0.0).astype(np.float64)
    if not among.any():
        return Estimate(float("nan"), float("nan"), float("nan"))
    total, drawn = counts @ filled, counts @ among.astype(np.float64)
    draws = np.divide(total, drawn, out=np.full(len(total), np.nan), where=drawn > 0)
    return interval(float(filled.sum() / among.sum()), draws)


def by_group(results: Mapping[str, Result], groups: Sequence[str], *, own: str, seed: int = 0) -> dict[str, list[Line]]:
    """The same for each group of leads, in the order of their names. ``groups``: (m,) the group of each lead."""
    names = np.asarray(groups)
    return {
        str(name): compare(
            {policy: result.rows(names == name) for policy, result in results.items()}, own=own, seed=seed
        )
        for name in np.unique(names)
    }
