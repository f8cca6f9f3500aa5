"""The figures of every method on one dataset, and of the true hazard where it is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.prediction.kept import DONE, Asked, Result, results_of
from benchmarks.prediction.pool import Pool
from benchmarks.prediction.product import ABLATIONS, NAME
from benchmarks.prediction.timing import NOTHING, Dates, Timing, timing
from benchmarks.prediction.windows import WindowsFound, windows
from model.curves import Curves, Float
from model.metrics import Estimate, expected_observed, ici, interval
from model.metrics.bootstrap import DRAWS
from model.metrics.reliability import SPAN

TRUTH = "true hazard"


@dataclass(frozen=True, eq=False)
class Scored:
    """One method on all folds of a dataset. ``worse_by``: its integrated Brier score less the product's;
    ``auc_worse_by``: the product's AUC less its own, at each horizon; ``ratio_worse_by``: how much further off its
    expected over observed is, as a logarithm; all three paired, above 0 where the product is ahead. ``ici_noise``: what
    noise alone gives a perfect model. Seconds are a fold's mean, ``peak_mb`` the most of any. ``losses``: (n,);
    ``*drawn``: the figures in each draw.
    """

    name: str
    ibs: Estimate
    skill: Estimate
    worse_by: Estimate
    auc: dict[int, Estimate]
    auc_worse_by: dict[int, Estimate]
    ratio: dict[int, Estimate]
    ratio_worse_by: dict[int, Estimate]
    ici: dict[int, float]
    ici_noise: dict[int, float]
    losses: Float
    drawn: Float
    auc_drawn: Float
    off_drawn: Float
    wrong: int = 0
    tuning_seconds: float = float("nan")
    fit_rows: float = float("nan")
    fit_seconds: float = float("nan")
    predict_seconds: float = float("nan")
    peak_mb: float = float("nan")
    chosen: str = ""


@dataclass(frozen=True, eq=False)
class Measured:
    """One dataset. ``failed``: what became of the methods without a full set of answers. ``simulated``: the truth is
    known. ``reference``: (draws,) of Aalen-Johansen's score, and ``reference_ibs`` itself.
    """

    pool: Pool
    scored: dict[str, Scored]
    failed: dict[str, str]
    windows: WindowsFound | None
    timing: Timing | None
    reference_ibs: float
    reference: Float

    @property
    def name(self) -> str:
        return self.pool.name

    @property
    def horizons(self) -> tuple[int, ...]:
        return self.pool.horizons

    @property
    def own(self) -> Scored | None:
        return self.scored.get(NAME)

    @property
    def peers(self) -> list[Scored]:
        """The others, best first."""
        found = [one for name, one in self.scored.items() if name not in (NAME, TRUTH, *ABLATIONS)]
        return sorted(found, key=lambda one: one.ibs.value)

    @property
    def has_histories(self) -> bool:
        return all(fold.has_histories for fold in self.pool.folds)

    @property
    def simulated(self) -> bool:
        return TRUTH in self.scored

    @property
    def relative(self) -> Estimate:
        """The product's integrated Brier score over the best peer's; the best peer is the same in every draw."""
        if self.own is None or not self.peers:
            return NOTHING
        best = self.peers[0]
        return interval(self.own.ibs.value / best.ibs.value, self.own.drawn / best.drawn)

    @property
    def of_truth(self) -> Estimate:
        """The share of the true hazard's skill over Aalen-Johansen that the product reaches."""
        if self.own is None or not self.simulated:
            return NOTHING
        return self.share_of_truth(self.own)

    def share_of_truth(self, one: Scored) -> Estimate:
        best = self.scored[TRUTH]
        value = (self.reference_ibs - one.ibs.value) / (self.reference_ibs - best.ibs.value)
        return interval(value, (self.reference - one.drawn) / (self.reference - best.drawn))


def measure(folds: Sequence[Asked], keep: Path, *, draws: int = DRAWS) -> Measured:
    """``keep`` holds what the methods answered to these folds of one dataset."""
    answers, failed = _answers(folds, keep)
    return measure_answers(Pool(folds, draws=draws), answers, failed)


def measure_answers(pool: Pool, answers: dict[str, list[Result]], failed: dict[str, str]) -> Measured:
    """``answers``: of each method, one for each fold."""
    reference = pool.losses(pool.reference())
    base, base_drawn = float(reference.mean()), pool.draws.means(reference)
    scored: dict[str, Scored] = {}
    dates: dict[str, Dates] = {}
    truth = pool.truth()
    names = sorted(answers, key=lambda name: name != NAME)  # the product first, for the others are compared to it
    for name in [*names, *([TRUTH] if truth is not None else [])]:
        results = answers.get(name, [])
        curves = [r.daily.curves(pool.grid) for r in results if r.daily is not None] if results else truth or []
        base_line = base, base_drawn
        scored[name] = _score(pool, name, curves, results, reference=base_line, own=scored.get(NAME))
        if len(pool.draws.codes) and pool.bought.any():
            dates[name] = Dates.of(curves)
    return Measured(
        pool=pool,
        scored=scored,
        failed=failed,
        windows=windows(pool, answers[NAME]) if NAME in answers else None,
        timing=timing(pool, dates, own=NAME, truth=TRUTH),
        reference_ibs=base,
        reference=base_drawn,
    )


def _answers(folds: Sequence[Asked], keep: Path) -> tuple[dict[str, list[Result]], dict[str, str]]:
    """Of each method that answered every fold its results; of the others what they said where they did not."""
    found: dict[str, dict[str, Result]] = {}
    for fold in folds:
        for result in results_of(keep, fold):
            found.setdefault(result.method, {})[fold.origin] = result
    answers, failed = {}, {}
    for method, by_origin in found.items():
        results = [by_origin.get(fold.origin) for fold in folds]
        done = [result for result in results if result is not None and result.status == DONE]
        if len(done) == len(folds):
            answers[method] = done
            continue
        for fold, one in zip(folds, results, strict=True):
            if one is None or one.status != DONE:
                told = "not run" if one is None else f"{one.status}: {one.message}".rstrip(": ")
                failed[method] = told if len(folds) == 1 else f"{told} ({fold.origin})"
                break
    return answers, failed


def _score(
    pool: Pool,
    name: str,
    curves: Sequence[Curves],
    results: Sequence[Result],
    *,
    reference: tuple[float, Float],
    own: Scored | None,
) -> Scored:
    horizons = list(pool.horizons)
    losses = pool.losses(curves)
    drawn = pool.draws.means(losses)
    chances = np.concatenate([part.at(horizons)[0] for part in curves])
    values, aucs = pool.aucs(chances)
    together = pool.together
    ratio, index = expected_observed(together, chances), ici(together, chances)
    k = len(horizons)
    totals = pool.draws.sums(np.column_stack((chances, together.weight * together.bought)))
    with np.errstate(divide="ignore", invalid="ignore"):  # draws without a purchase are left out of the interval
        ratios = totals[:, :k] / totals[:, k:]
        off, offs = np.abs(np.log(ratio)), np.abs(np.log(ratios))
    p = (together.weight * together.bought).mean(axis=0).clip(0, 1)
    # rows of one lead share its ending: as many count as there are leads, which errs to the small side
    noise = 0.5 * np.sqrt(p * (1 - p) / (SPAN * pool.draws.n_groups))
    nothing = Estimate(0.0, 0.0, 0.0) if name == NAME else NOTHING
    worse, auc_worse, ratio_worse = nothing, dict.fromkeys(horizons, nothing), dict.fromkeys(horizons, nothing)
    if own is not None:
        worse = interval(float(losses.mean() - own.losses.mean()), drawn - own.drawn)
        auc_worse = {
            h: interval(own.auc[h].value - values[j], own.auc_drawn[:, j] - aucs[:, j]) for j, h in enumerate(horizons)
        }
        ratio_worse = {
            h: interval(off[j] - abs(np.log(own.ratio[h].value)), offs[:, j] - own.off_drawn[:, j])
            for j, h in enumerate(horizons)
        }
    return Scored(
        name=name,
        ibs=interval(float(losses.mean()), drawn),
        skill=interval(1 - float(losses.mean()) / reference[0], 1 - drawn / reference[1]),
        worse_by=worse,
        auc={h: interval(float(values[j]), aucs[:, j]) for j, h in enumerate(horizons)},
        auc_worse_by=auc_worse,
        ratio={h: interval(float(ratio[j]), ratios[:, j]) for j, h in enumerate(horizons)},
        ratio_worse_by=ratio_worse,
        ici={h: float(index[j]) for j, h in enumerate(horizons)},
        ici_noise={h: float(noise[j]) for j, h in enumerate(horizons)},
        losses=losses,
        drawn=drawn,
        auc_drawn=aucs,
        off_drawn=offs,
        wrong=sum(result.wrong for result in results),
        tuning_seconds=_mean([result.extra.get("tuning_seconds", 0.0) for result in results]),
        fit_rows=_mean([result.extra.get("fit_rows", float("nan")) for result in results]),
        fit_seconds=_mean([result.fit_seconds for result in results]),
        predict_seconds=_mean([result.predict_seconds for result in results]),
        peak_mb=max((result.peak_mb for result in results), default=float("nan")),
        chosen="; ".join(dict.fromkeys(result.chosen for result in results if result.chosen)),
    )


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
