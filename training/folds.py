"""Rolling-origin folds: would a model trained then have been good on what followed? One child run for each."""

from __future__ import annotations

from dataclasses import dataclass

from features.errors import InputError
from features.events import to_iso
from features.history import History
from features.lives import lead_lives
from features.settings import Settings
from model.examples import Split
from model.metrics import Estimate
from model.rolling import mean_over_folds, rolling_splits
from training.fitting import check_enough, fit
from training.measuring import Measured, measure
from training.progress import stage
from training.tracking import Run


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


def run_folds(
    run: Run,
    history: History,
    split: Split,
    settings: Settings,
    *,
    folds: int,
    seed: int,
    version: str,
    newest: Measured | None = None,
) -> Folds | None:
    """Fit and measure each fold in a child of ``run``, and log the means there; None for no folds.

    ``newest``: what was measured on the test block of ``split``, not to be fitted again. InputError where the history
    is too short for so many.
    """
    if not folds:
        return None
    done = []
    for number, part in enumerate(rolling_splits(split, folds, longest=settings.horizons[-1]), start=1):
        with stage(f"fold {number} of {folds}") as folding:
            check_enough(lead_lives(history, part.test_since))
            measured = newest
            if part != split or measured is None:
                fitted = fit(history, part, settings, seed=seed, version=version)
                test = part.test(history).with_features(history, fitted.scorer.catalogue)
                if not len(test):
                    raise InputError(
                        where="--folds",
                        expected=f"leads that are open between {to_iso(part.test_since)} and {to_iso(part.test_until)}",
                        got="none",
                        remedy="Ask for fewer folds, or load a longer history",
                    )
                measured = measure(fitted, test, seed=seed)
            fold = Fold(number, part, measured)
            with run.child(fold.name, tags={"kind": "fold"}) as child:
                child.log(params=_params(fold), metrics=measured.metrics())
            folding.note = f"skill {100 * measured.evaluation.skill.value:.1f} %"
            done.append(fold)
    found = Folds(tuple(done))
    run.log(metrics=found.metrics())
    return found


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
