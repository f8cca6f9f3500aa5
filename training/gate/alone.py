"""What a model must be able to do by itself, whatever else serves."""

from __future__ import annotations

import math
from collections.abc import Mapping

from model.metrics import Estimate
from training.gate.verdict import Check

# Expected over observed outside of this, by more than chance, at any horizon: the probabilities mislead.
LEAST_RATIO, MOST_RATIO = 0.8, 1.25
MOST_ICI = 0.1  # beside what chance gives
LEAST_SKILL = -0.02  # worse than no features by this much is refused even where chance could explain it


def beats_reference(skill: Estimate) -> Check:
    """``skill`` over Aalen-Johansen."""
    good = skill.high >= 0 and skill.value >= LEAST_SKILL
    return Check("not worse than Aalen-Johansen", good, f"skill over Aalen-Johansen {skill}", _figures(skill), True)


def calibrated(
    ratios: Mapping[int, Estimate],
    icis: Mapping[int, float],
    *,
    leads: int,
    serving: Mapping[int, float] | None = None,
) -> list[Check]:
    """``ratios`` expected over observed and ``icis`` by horizon, on so many ``leads``.

    ``serving``: the ratios of the serving model on the same leads. Where that misleads as much or more, the fault does
    not keep the new model out: after a change of the market it is the better of two that are wrong.
    """
    most = MOST_ICI + _index_of_chance(leads)
    checks = []
    for horizon, ratio in ratios.items():
        # a ratio that is not a number: nobody bought by then, nothing can be said against the model
        wrong = ratio.low > MOST_RATIO or ratio.high < LEAST_RATIO or icis[horizon] > most
        reason = f"expected over observed at {horizon} days {ratio}, calibration index {icis[horizon]:.3f}"
        theirs = None if serving is None else serving.get(horizon)
        if wrong and theirs is not None and _off(theirs) >= _off(ratio.value) and _off(theirs) > _off(MOST_RATIO):
            wrong, reason = False, f"{reason}; {theirs:.4f} for the serving model"
        figures = _figures(ratio) | {"ici": icis[horizon]}
        checks.append(Check(f"calibrated at {horizon} days", not wrong, reason, figures))
    return checks


def _off(ratio: float) -> float:
    return abs(math.log(ratio)) if ratio > 0 else 0.0


def _figures(estimate: Estimate) -> dict[str, float]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def _index_of_chance(leads: int) -> float:
    """The calibration index that noise alone gives a perfect model, at most (see model.metrics.ici, p = 1/2)."""
    return 0.25 / math.sqrt(0.3 * leads)
