"""What a search found against the settings in force, on the newest block, which no trial has seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from features.estimator_settings import Parameter
from features.settings import Settings
from model.metrics import Estimate
from training.evaluation import difference
from training.tune.folds import Fold, losses


@dataclass(frozen=True)
class Compared:
    """Integrated Brier scores on the newest block, of the parameters found and of those in force. ``gap``: the first
    less the second, paired by lead, with its 95 % interval.
    """

    found: float
    in_force: float
    gap: Estimate

    @property
    def better(self) -> bool:
        """By more than chance: the best of many trials is the luckiest of them, too."""
        return self.gap.high < 0

    @property
    def gain(self) -> Estimate:
        """By how many percent of the score in force the one found is better."""
        share = -100 / self.in_force
        return Estimate(self.gap.value * share, self.gap.high * share, self.gap.low * share)

    @property
    def said(self) -> str:
        gain = self.gain
        return (
            f"integrated Brier score {self.found:.5f} against {self.in_force:.5f}, "
            f"a gain of {gain.value:.2f} % ({gain.low:.2f} to {gain.high:.2f})"
        )


def compare(
    newest: Fold,
    settings: Settings,
    found: Mapping[str, Parameter],
    *,
    seed: int,
) -> Compared:
    """``found``: all parameters that differ from the estimator's defaults."""
    own = losses(newest, settings, found, seed=seed)
    other = losses(newest, settings, settings.estimator.parameters, seed=seed)
    gap = difference(own, other, newest.block.groups, seed=seed)
    return Compared(float(own.mean()), float(other.mean()), gap)
