"""Rolling-origin folds: would a model trained then have been good on what followed? One child run for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from features.errors import InputError
from features.events import to_iso
from features.lives import lead_lives
from model.examples import Split
from model.metrics import Estimate
from model.rolling import mean_over_folds, rolling_splits
from training.fitting import check_enough, fit
from training.learn import FIT, MEASURE
from training.material import Material
from training.measuring import Measured, measure
from training.progress import Progress
from training.tracking import Run

_STAGE = "fold "


@dataclass(frozen=True, eq=False)
class Fold:
    """One origin of time and what was measured after it. ``number``: 1 is the oldest."""

    number: int
    split: Split
    measured: Measured

    @property
    def name(self) -> str:
        return f"fold {self.number}: {to_iso(self.split.test_since)[:10]} to {to_iso(self.split.test_until)[:10]}"


@dataclass(frozen=True, eq=False)
class Folds:
    """All folds of a run, the oldest first."""

    folds: tuple[Fold, ...]

    def over(self, metric: str) -> Estimate:
        """The mean of a metric over the folds, with its interval."""
        return mean_over_folds([fold.measured.metrics()[metric] for fold in self.folds])

    def metrics(self) -> dict[str, float]:
        """``<name>_folds`` with its interval for the few that judge a model."""
        found = {"folds": float(len(self.folds))}
        for name in ("skill", "ibs", "window_coverage"):
            mean = self.over(name)
            found |= {f"{name}_folds": mean.value, f"{name}_folds_low": mean.low, f"{name}_folds_high": mean.high}
        return found


def plan_folds(given: Material, folds: int) -> list[Split]:
    """The splits of so many folds, the oldest first; none for 0, nor where there is too little to measure a model on.

    InputError, before any work is done, where the history is too short for so many or too little is known in one.
    """
    if not folds or (given.lacking is not None and folds > 0):
        return []
    history, parts = given.history, rolling_splits(given.split, folds, longest=given.settings.horizons[-1])
    for part in parts:
        check_enough(lead_lives(history, part.test_since))
        if not len(part.test(history)):
            raise InputError(
                where="--folds",
                expected=f"leads that are open between {to_iso(part.test_since)} and {to_iso(part.test_until)}",
                got="none",
                remedy="Ask for fewer folds, or load a longer history",
            )
    return parts


def stage_seconds(before: Mapping[str, float], folds: int) -> dict[str, float]:
    """What to expect of a training with so many folds after one whose stages took ``before`` (seconds).

    A fold takes what one took then, on average, or as long as to fit and to measure the model itself.
    """
    took = [seconds for name, seconds in before.items() if name.startswith(_STAGE)]
    each = sum(took) / len(took) if took else sum(before.get(name, 0.0) for name in (FIT, MEASURE))
    others = {name: seconds for name, seconds in before.items() if not name.startswith(_STAGE)}
    return others | {_stage(number, folds): each for number in range(1, folds + 1) if each}


def run_folds(
    run: Run, given: Material, parts: Sequence[Split], progress: Progress, *, newest: Measured | None = None
) -> Folds | None:
    """Fit and measure each of ``plan_folds`` in a child of ``run``, and log the means there; None for no folds.

    ``newest``: what was measured on the test block of the newest split, not to be fitted again.
    """
    if not parts:
        return None
    done = []
    for number, part in enumerate(parts, start=1):
        with progress.stage(_stage(number, len(parts))) as folding:
            measured = newest
            if part != given.split or measured is None:
                fitted = fit(given.history, part, given.settings, seed=given.seed, version=given.version)
                test = part.test(given.history).with_features(given.history, fitted.scorer.catalogue)
                measured = measure(fitted, test, seed=given.seed)
            fold = Fold(number, part, measured)
            with run.child(fold.name, tags={"kind": "fold"}) as child:
                child.log(params=_params(fold), metrics=measured.metrics())
            folding.note = f"skill {100 * measured.evaluation.skill.value:.1f} %"
            done.append(fold)
    found = Folds(tuple(done))
    run.log(metrics=found.metrics())
    return found


def _stage(number: int, folds: int) -> str:
    return f"{_STAGE}{number} of {folds}"


def _params(fold: Fold) -> dict[str, object]:
    split = fold.split
    return {
        "fold": fold.number,
        "known_by": to_iso(split.test_since),
        "test_since": to_iso(split.test_since),
        "test_until": to_iso(split.test_until),
        "followed_until": to_iso(split.known_by),
        "test_examples": len(fold.measured.block),
    }
