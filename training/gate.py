"""May a new model serve? Decided on the newest block, against the curve without features and the serving model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from model.metrics import Estimate

# Expected over observed outside of this, by more than chance, at any horizon: the probabilities mislead.
LEAST_RATIO, MOST_RATIO = 0.8, 1.25
MOST_ICI = 0.1  # beside what chance gives
LEAST_SKILL = -0.02  # worse than no features by this much is refused even where chance could explain it


@dataclass(frozen=True)
class Check:
    """One thing that was asked, whether it holds, and the figures that say so."""

    name: str
    passed: bool
    reason: str


@dataclass(frozen=True)
class Verdict:
    """All checks; the model passes when each does."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def reasons(self) -> str:
        """The reasons of what failed, or of everything where nothing did."""
        failed = [check.reason for check in self.checks if not check.passed]
        return "; ".join(failed or [check.reason for check in self.checks])


def judge(
    *,
    skill: Estimate,
    ratios: dict[int, Estimate],
    icis: dict[int, float],
    leads: int,
    against_champion: Estimate | None,
) -> Verdict:
    """``skill`` over Aalen-Johansen; ``ratios`` expected over observed and ``icis`` by horizon; on so many ``leads``.

    ``against_champion``: integrated Brier score of the new model less that of the serving one, paired by lead;
    None where nothing serves yet. Each has its 95 % interval.
    """
    checks = [_beats_reference(skill), *_calibrated(ratios, icis, MOST_ICI + _index_of_chance(leads))]
    if against_champion is not None:
        checks.append(
            Check(
                "not worse than the serving model",
                against_champion.low <= 0,
                f"integrated Brier score less that of the serving model: {against_champion}",
            )
        )
    return Verdict(tuple(checks))


def _beats_reference(skill: Estimate) -> Check:
    good = skill.high >= 0 and skill.value >= LEAST_SKILL
    return Check("not worse than Aalen-Johansen", good, f"skill over Aalen-Johansen {skill}")


def _index_of_chance(leads: int) -> float:
    """The calibration index that noise alone gives a perfect model, at most (see model.metrics.ici, p = 1/2)."""
    return 0.25 / math.sqrt(0.3 * leads)


def _calibrated(ratios: dict[int, Estimate], icis: dict[int, float], most: float) -> Sequence[Check]:
    return [
        Check(
            f"calibrated at {horizon} days",
            # a ratio that is not a number: nobody bought by then, nothing can be said against the model
            not (ratio.low > MOST_RATIO or ratio.high < LEAST_RATIO or icis[horizon] > most),
            f"expected over observed at {horizon} days {ratio}, calibration index {icis[horizon]:.3f}",
        )
        for horizon, ratio in ratios.items()
    ]
