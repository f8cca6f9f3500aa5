"""Readiness: where a lead's chance ranks in a reference population that is frozen with the model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.errors import InputError
from model.curves import Float

_KNOTS = 1001


@dataclass(frozen=True)
class Readiness:
    """100 x the rank of a probability among the reference population. ``chance``: rising; ``rank``: 0 to 100."""

    chance: tuple[float, ...]
    rank: tuple[float, ...]

    @classmethod
    def fit(cls, chances: npt.ArrayLike) -> Readiness:
        """``chances``: (n,) probabilities of the reference population. Equal ones share their middle rank."""
        reference = np.sort(np.asarray(chances, dtype=np.float64))
        if not len(reference):
            raise InputError(where="readiness", expected="a reference population", got="no probabilities")
        if len(reference) > _KNOTS:
            reference = np.quantile(reference, np.linspace(0, 1, _KNOTS))
        value, first, count = np.unique(reference, return_index=True, return_counts=True)
        rank = 100.0 * (first + count / 2) / len(reference)
        inside = (value > 1e-12) & (value < 1 - 1e-12)  # a slope between closer ones would be infinite
        return cls(
            chance=(0.0, *value[inside].tolist(), 1.0),
            rank=(0.0, *rank[inside].tolist(), 100.0),
        )

    def of(self, chances: npt.ArrayLike) -> Float:
        """(n,) readiness, 0 to 100: never falls as the probability rises."""
        return np.interp(np.asarray(chances, dtype=np.float64), self.chance, self.rank)
