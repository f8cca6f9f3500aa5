"""Which features a model's accuracy rests on: how much worse it gets when one of them is shuffled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from model.curves import Float
from model.metrics import Estimate


@dataclass(frozen=True)
class Importance:
    """``loss``: by how much the mean loss rises when ``feature`` is shuffled, over the shuffles: their mean, with the
    least and the greatest of them for limits.
    """

    feature: str
    loss: Estimate


def permutation_importance(
    losses: Callable[[pd.DataFrame], Float], X: pd.DataFrame, names: Sequence[str], *, repeats: int = 3, seed: int = 0
) -> list[Importance]:
    """For each of ``names``, the greatest first. ``losses``: of each row (n,) of a frame like ``X``.

    Breiman, Machine Learning 45 (2001), 5-32, for any model: Fisher, Rudin and Dominici, Journal of Machine Learning
    Research 20 (2019), paper 177. Features that tell the same stand in for each other and share their importance.
    """
    rng = np.random.default_rng(seed)
    usual = float(losses(X).mean())
    orders = [rng.permutation(len(X)) for _ in range(repeats)]
    found = []
    for name in names:
        rises = [
            float(losses(X.assign(**{name: X[name].iloc[order].set_axis(X.index)})).mean()) - usual for order in orders
        ]
        found.append(Importance(name, Estimate(float(np.mean(rises)), min(rises), max(rises))))
    return sorted(found, key=lambda one: -one.loss.value)
