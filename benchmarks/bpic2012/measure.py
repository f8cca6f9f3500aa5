"""The same figures for every method, on the same requests, with intervals over cases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model.curves import Curves
from model.metrics import Estimate, ici, interval, resample_counts
from training.evaluation import Block, Evaluation, difference, evaluate

ICI_DRAWS = 200


@dataclass(frozen=True, eq=False)
class Row:
    """One method's line in the tables. ``worse_by``: its integrated Brier score less the product's, paired by case."""

    name: str
    found: Evaluation
    ici: dict[int, Estimate]
    worse_by: Estimate


def compare(block: Block, methods: dict[str, Curves], *, reference: str, product: str, seed: int = 0) -> list[Row]:
    """Every method measured on ``block``, skill against ``reference``; a curve for each row of the block."""
    found = {name: evaluate(block, curves, methods[reference], seed=seed) for name, curves in methods.items()}
    own = found[product].ibs_losses
    return [
        Row(
            name=name,
            found=evaluation,
            ici=_ici_intervals(block, methods[name], seed=seed),
            worse_by=difference(evaluation.ibs_losses, own, block.groups, seed=seed),
        )
        for name, evaluation in found.items()
    ]


def _ici_intervals(block: Block, curves: Curves, *, seed: int) -> dict[int, Estimate]:
    horizons = list(block.horizons)
    weights, predicted = block.weights(horizons), curves.at(horizons)[0]
    counts = resample_counts(block.groups, draws=ICI_DRAWS, seed=seed)
    draws = []
    for count in counts:
        rows = np.repeat(np.arange(len(block)), count)
        draws.append(ici(weights.rows(rows), predicted[rows]))
    index = ici(weights, predicted)
    return {h: interval(index[j], np.array(draws)[:, j]) for j, h in enumerate(horizons)}
