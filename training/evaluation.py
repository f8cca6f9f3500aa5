"""How good curves are on one block of rows: the figures that the gate, MLflow and the reports share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.curves import Curves, Float
from model.metrics import (
    Estimate,
    Weights,
    auc,
    auc_draws,
    bootstrap_means,
    brier_losses,
    expected_observed,
    ici,
    integrate,
    interval,
    ipcw,
    lift_at,
    resample_counts,
    skill,
)

AUC_DRAWS = 200  # each sorts all rows anew; enough for an interval


@dataclass(frozen=True, eq=False)
class Block:
    """Rows whose answers are known: ``duration`` (n,) days, ``outcome`` (n,) 0, 1, 2, ``groups`` (n,) names of leads.

    Scores are judged at ``horizons`` and over (0, last horizon], each day.
    """

    duration: Float
    outcome: npt.NDArray[np.int8]
    groups: npt.NDArray[np.str_]
    horizons: tuple[int, ...]

    @property
    def grid(self) -> Float:
        """Each day to the longest horizon."""
        return np.arange(1.0, self.horizons[-1] + 1)

    def weights(self, times: npt.ArrayLike | None = None) -> Weights:
        return ipcw(self.duration, self.outcome, self.grid if times is None else times)

    def __len__(self) -> int:
        return len(self.duration)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Figures of one model on one block, by horizon where they are. ``ibs_losses``: (n,), each row's share."""

    ibs: Estimate
    skill: Estimate
    auc: dict[int, Estimate]
    ratio: dict[int, Estimate]
    ici: dict[int, float]
    lift: float
    share_cut: float
    ibs_losses: Float

    def metrics(self) -> dict[str, float]:
        """The few that are worth a column in MLflow, as docs/mlflow.md explains them."""
        found = {
            "ibs": self.ibs.value,
            "skill": self.skill.value,
            "skill_low": self.skill.low,
            "skill_high": self.skill.high,
            "lift_top_tenth": self.lift,
        }
        for horizon in self.auc:
            one = self.auc[horizon]
            found |= {f"auc_{horizon}": one.value, f"auc_{horizon}_low": one.low, f"auc_{horizon}_high": one.high}
            found[f"expected_over_observed_{horizon}"] = self.ratio[horizon].value
            found[f"ici_{horizon}"] = self.ici[horizon]
        return found


def ibs_losses(block: Block, curves: Curves) -> Float:
    """(n,): what each row adds to the integrated Brier score."""
    return integrate(block.grid, brier_losses(block.weights(), curves.at(block.grid)[0]))


def evaluate(block: Block, curves: Curves, reference: Curves, *, seed: int = 0) -> Evaluation:
    """``curves`` on ``block``, with ``reference`` (Aalen-Johansen) to measure skill against.

    Intervals: 95 %, by resampling the block's groups; paired where two models are compared.
    """
    horizons = list(block.horizons)
    predicted = curves.at(horizons)[0]
    weights = block.weights(horizons)
    own, other = ibs_losses(block, curves), ibs_losses(block, reference)
    observed = weights.weight * weights.bought
    table = np.column_stack((own, other, predicted, observed))
    draws, k = bootstrap_means(table, block.groups, seed=seed), len(horizons)
    with np.errstate(divide="ignore", invalid="ignore"):  # draws without a purchase are left out of the interval
        ratios = draws[:, 2 : 2 + k] / draws[:, 2 + k :]
    counts = resample_counts(block.groups, draws=AUC_DRAWS, seed=seed)
    aucs, auc_spread = auc(weights, predicted), auc_draws(weights, predicted, counts)
    expected, index = expected_observed(weights, predicted), ici(weights, predicted)
    middle = len(horizons) // 2
    return Evaluation(
        ibs=interval(float(own.mean()), draws[:, 0]),
        skill=interval(float(skill(own.mean(), other.mean())), skill(draws[:, 0], draws[:, 1])),
        auc={h: interval(aucs[j], auc_spread[:, j]) for j, h in enumerate(horizons)},
        ratio={h: interval(expected[j], ratios[:, j]) for j, h in enumerate(horizons)},
        ici={h: float(index[j]) for j, h in enumerate(horizons)},
        lift=lift_at(weights, predicted[:, middle], max(1, len(block) // 10), column=middle),
        share_cut=block.weights().share_cut,
        ibs_losses=own,
    )


def difference(one: Float, other: Float, groups: npt.ArrayLike, *, seed: int = 0) -> Estimate:
    """Mean of ``one`` less mean of ``other`` (n,), paired by group."""
    gap = (one - other)[:, None]
    return interval(float(gap.mean()), bootstrap_means(gap, groups, seed=seed)[:, 0])
