"""What was asked of the predictions, beside what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.prediction.cells import interval_of, number, percent, signed, some
from benchmarks.prediction.measure import TRUTH, Measured, Scored
from benchmarks.prediction.product import NAME
from benchmarks.prediction.timing import (
    ALWAYS_BEFORE,
    ALWAYS_BEST,
    ALWAYS_HINDSIGHT,
    ALWAYS_OWN,
    BEFORE,
    HINDSIGHT,
    LATE,
    NEVER,
    NOW,
    Line,
)
from model.metrics import Estimate, interval

MET, NOT_MET, UNKNOWN = "met", "**not met**", "not measured"
BOOST = "SurvivalBoost"


@dataclass(frozen=True)
class Bar:
    """``demand``: as the issue has it; ``found``: the figure; ``met``: None where nothing was measured."""

    demand: str
    found: str
    met: bool | None

    @property
    def verdict(self) -> str:
        return UNKNOWN if self.met is None else MET if self.met else NOT_MET


def bars(all_measured: Sequence[Measured]) -> list[Bar]:
    have = [one for one in all_measured if one.own is not None]
    return [*_scores(have), *_truth(have), *_probabilities(have), *_windows(have), *_timing(have), *_speed(have)]


def mean_relative(have: Sequence[Measured]) -> Estimate:
    """The mean over datasets of the product's score over the best peer's."""
    found = [(one.relative.value, one.own.drawn / one.peers[0].drawn) for one in have if one.own and one.peers]
    if not found:
        return Estimate(float("nan"), float("nan"), float("nan"))
    return interval(float(np.mean([value for value, _ in found])), np.mean([drawn for _, drawn in found], axis=0))


def _scores(have: Sequence[Measured]) -> list[Bar]:
    mean = mean_relative(have)
    ranked = sorted((one for one in have if one.peers), key=lambda one: -one.relative.value)
    behind, asked = [], 0
    for one in have:
        for h in one.horizons:
            rivals = [peer for peer in one.peers if np.isfinite(peer.auc[h].value)]
            if not rivals:
                continue
            best = max(rivals, key=lambda peer: peer.auc[h].value)
            asked += 1
            if best.auc_worse_by[h].high < 0:
                behind.append(f"{one.name}, {h} days: {best.name} {signed(_negative(best.auc_worse_by[h]), 3)}")
    return [
        Bar(
            "mean relative IBS at most 0.985 of the best peer's",
            interval_of(mean, 4),
            _at_most(mean.value, 0.985),
        ),
        Bar(
            "on no dataset above 1.01",
            f"{ranked[0].name}: {interval_of(ranked[0].relative, 4)}" if ranked else "-",
            _at_most(ranked[0].relative.value, 1.01) if ranked else None,
        ),
        _counted("AUC at each horizon not below the best peer's beyond the interval", behind, asked),
    ]


def _truth(have: Sequence[Measured]) -> list[Bar]:
    known = [one for one in have if one.simulated]
    low = [f"{one.name} {percent(one.of_truth)}" for one in known if not one.of_truth.value >= 0.95]
    share = Bar(
        "in simulation at least 95 % of the true hazard's skill",
        "; ".join(f"{one.name} {percent(one.of_truth)}" for one in known) or "-",
        None if not known else not low,
    )
    rich = [one for one in known if "rich" in one.name and one.timing is not None and one.timing.of_truth is not None]
    found = [
        (f"late {late:g}: {percent(_less_one(one.timing.of_truth[late]))}", one.timing.of_truth[late].value)
        for one in rich
        if one.timing is not None and one.timing.of_truth is not None
        for late in LATE
    ]
    cost = Bar(
        "timing cost at most 5 % above that of the true hazard's own date where engagement is rich",
        "; ".join(text for text, _ in found) or "-",
        None if not found else all(value <= 1.05 for _, value in found),
    )
    wrong = sum(one.own.wrong for one in have if one.own)
    rows = sum(len(one.pool) for one in have)
    return [
        share,
        cost,
        Bar("no curve that falls or sums above 1", f"{wrong} of {rows:,}", wrong == 0 if have else None),
    ]


def _probabilities(have: Sequence[Measured]) -> list[Bar]:
    found = []
    for what, chosen, most in (
        ("simulation", [one for one in have if one.simulated], 0.01),
        ("real histories", [one for one in have if one.has_histories and not one.simulated], 0.03),
        ("public sets without histories", [one for one in have if not one.has_histories and not one.simulated], 0.03),
    ):
        above, asked, worst = [], 0, 0.0
        for one in chosen:
            own = _own(one)
            for h in one.horizons:
                asked += 1
                worst = max(worst, own.ici[h])
                if not own.ici[h] <= most:
                    beside = f"noise alone about {own.ici_noise[h]:.3f}"
                    if one.simulated:
                        beside = f"the true hazard {one.scored[TRUTH].ici[h]:.4f}"
                    above.append(f"{one.name}, {h} days: {own.ici[h]:.4f} ({beside})")
        bar = _counted(f"ICI at most {most:g} at each horizon: {what}", above, asked)
        found.append(Bar(bar.demand, f"worst {number(worst, 4)}; {bar.found}" if asked else "-", bar.met))
    return found


def _windows(have: Sequence[Measured]) -> list[Bar]:
    simulated = [one for one in have if one.simulated and one.windows is not None]
    real = [one for one in have if not one.simulated and one.windows is not None]
    outside, bands = [], 0
    for one in simulated:
        for k, band in enumerate(one.windows.bands if one.windows else []):
            if np.isfinite(band.value):
                bands += 1
                if not 0.75 <= band.value <= 0.85:
                    outside.append(f"{one.name}, band {20 * k} to {20 * k + 20}: {percent(band)}")
    return [
        _coverage("80 % windows cover 78 to 82 % in simulation", simulated, 0.78, 0.82),
        _counted("and 75 to 85 % in each readiness band", outside, bands),
        _coverage("75 to 85 % overall on real data", real, 0.75, 0.85),
    ]


def _coverage(demand: str, chosen: Sequence[Measured], low: float, high: float) -> Bar:
    found = [(one.name, one.windows.coverage) for one in chosen if one.windows is not None]
    return Bar(
        demand,
        "; ".join(f"{name} {percent(coverage)}" for name, coverage in found) or "-",
        None if not found else all(low <= coverage.value <= high for _, coverage in found),
    )


def _timing(have: Sequence[Measured]) -> list[Bar]:
    among = [(one, one.timing.purchasers) for one in have if one.timing is not None]
    everyone = [(one, one.timing.everyone) for one in have if one.timing is not None]
    always = {ALWAYS_OWN.format(NAME), ALWAYS_BEST.format(NAME), ALWAYS_BEFORE, NEVER}
    below = "timing cost among purchasers below"
    return [
        _cheaper(f"{below} the best constant delay, chosen before", among, lambda _, p: p == BEFORE),
        _cheaper(f"{below} the best constant delay, in hindsight", among, lambda _, p: p == HINDSIGHT),
        _cheaper(f"{below} calling now", among, lambda _, p: p == NOW),
        _cheaper(f"{below} every peer's own date", among, lambda one, p: p in {peer.name for peer in one.peers}),
        _cheaper(
            "with a wasted call costing 10, no worse than always and never calling",
            everyone,
            lambda _, p: p in always,
            strict=False,
        ),
        _cheaper(
            "nor than always calling after the best delay in hindsight",
            everyone,
            lambda _, p: p == ALWAYS_HINDSIGHT,
            strict=False,
        ),
    ]


def _cheaper(
    demand: str,
    tables: Iterable[tuple[Measured, Sequence[Line]]],
    rival: Callable[[Measured, str], bool],
    *,
    strict: bool = True,
) -> Bar:
    """Is the product cheaper than each rival, on every dataset and for each late cost?"""
    cheaper, asked = [], 0
    for one, lines in tables:
        for line in lines:
            if not rival(one, line.policy):
                continue
            for late, above in line.above.items():
                asked += 1
                if above.value < 0 or (strict and above.value == 0):
                    noise = ", within noise" if above.high >= 0 else ""
                    cheaper.append(f"{one.name}, late {late:g}, {line.policy}: {signed(above, 2)}{noise}")
    return _counted(demand, cheaper, asked)


def _speed(have: Sequence[Measured]) -> list[Bar]:
    found, slow = [], False
    for one in have:
        boost = one.scored.get(BOOST)
        own = _own(one)
        if boost is not None and own.fit_seconds > 0 and np.isfinite(boost.fit_rows / own.fit_rows):
            times = (boost.fit_seconds / boost.fit_rows) / (own.fit_seconds / own.fit_rows)
            found.append(f"{one.name} {times:.1f}")
            slow |= not (times >= 10 and boost.ibs.value >= own.ibs.value)
    return [
        Bar(
            f"a fit at least 10 times as fast as {BOOST}'s, by row fitted on, at equal or better score",
            "; ".join(found) or "-",
            not slow if found else None,
        )
    ]


def _counted(demand: str, failing: Sequence[str], asked: int) -> Bar:
    text = f"{asked - len(failing)} of {asked}" + (f"; not: {some(failing)}" if failing else "")
    return Bar(demand, text if asked else "-", not failing if asked else None)


def _at_most(value: float, most: float) -> bool | None:
    return bool(value <= most) if np.isfinite(value) else None


def _negative(estimate: Estimate) -> Estimate:
    return Estimate(-estimate.value, -estimate.high, -estimate.low)


def _less_one(estimate: Estimate) -> Estimate:
    return Estimate(estimate.value - 1, estimate.low - 1, estimate.high - 1)


def _own(one: Measured) -> Scored:
    if one.own is None:
        raise ValueError(f"expected {NAME}'s answers on {one.name}")
    return one.own
