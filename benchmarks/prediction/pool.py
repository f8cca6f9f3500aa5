"""The folds of one dataset as one block of rows. A lead that is asked about in two folds is drawn with both."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from benchmarks.prediction.draws import Draws
from benchmarks.prediction.kept import Asked
from model.aalen_johansen import AalenJohansen
from model.curves import Curves, Float
from model.frame import endings
from model.metrics import Weights, auc, brier_losses, integrate, ipcw

Int64 = npt.NDArray[np.int64]


class Pool:
    """``folds``: of one dataset, with the same horizons. Everything (n,) is over the rows of all folds in turn."""

    def __init__(self, folds: Sequence[Asked], *, draws: int = 1000, seed: int = 0) -> None:
        if len({fold.horizons for fold in folds}) != 1:
            raise ValueError("expected folds with the same horizons")
        self.folds = list(folds)
        self.name = folds[0].dataset
        self.horizons = folds[0].horizons
        self.longest = float(self.horizons[-1])
        self.grid = folds[0].grid
        self.draws = Draws(self.groups, draws=draws, seed=seed)

    def __len__(self) -> int:
        return sum(map(len, self.folds))

    @cached_property
    def groups(self) -> npt.NDArray[np.str_]:
        return np.concatenate([fold.groups for fold in self.folds])

    @cached_property
    def outcome(self) -> npt.NDArray[np.int8]:
        return np.concatenate([fold.outcome for fold in self.folds])

    @cached_property
    def duration(self) -> Float:
        return np.concatenate([fold.duration for fold in self.folds])

    @cached_property
    def rows(self) -> list[Int64]:
        """The rows of each fold."""
        ends = np.cumsum([0, *map(len, self.folds)])
        return [np.arange(a, b) for a, b in pairwise(ends.tolist())]

    @cached_property
    def at_horizons(self) -> list[Weights]:
        return [ipcw(fold.duration, fold.outcome, fold.horizons) for fold in self.folds]

    @cached_property
    def daily(self) -> list[Weights]:
        """On each day of the grid after day 0."""
        return [ipcw(fold.duration, fold.outcome, self.grid[1:]) for fold in self.folds]

    @cached_property
    def weight(self) -> Float:
        """(n,) at the longest horizon: 0 for rows that were not followed so long."""
        return np.concatenate([weights.weight[:, -1] for weights in self.at_horizons])

    @cached_property
    def bought(self) -> npt.NDArray[np.bool_]:
        """(n,) by the longest horizon."""
        return np.concatenate([weights.bought[:, -1] for weights in self.at_horizons])

    @property
    def together(self) -> Weights:
        """At the horizons, for all rows."""
        parts = self.at_horizons
        return Weights(
            parts[0].times,
            np.concatenate([part.bought for part in parts]),
            np.concatenate([part.weight for part in parts]),
            self.share_cut,
        )

    @property
    def share_cut(self) -> float:
        shares = [part.share_cut for part in self.daily]
        return float(np.average(shares, weights=[len(fold) for fold in self.folds]))

    def losses(self, curves: Sequence[Curves]) -> Float:
        """(n,): what each row adds to the integrated Brier score. ``curves``: one block for each fold, on the grid."""
        parts = []
        for weights, of_fold in zip(self.daily, curves, strict=True):
            parts.append(integrate(self.grid[1:], brier_losses(weights, of_fold.purchased[:, 1:])))
        return np.concatenate(parts)

    def aucs(self, chances: Float) -> tuple[Float, Float]:
        """(k,) and (draws, k): the mean of the folds' AUC, weighted by their rows; leads of one fold are ranked among
        each other only. ``chances``: (n, k).
        """
        size = np.array([len(fold) for fold in self.folds], dtype=np.float64)
        values = np.stack([auc(w, chances[r]) for w, r in zip(self.at_horizons, self.rows, strict=True)])
        drawn = np.stack([self.draws.aucs(w, chances[r], r) for w, r in zip(self.at_horizons, self.rows, strict=True)])
        return _mean(values, size), _mean(drawn, size)

    def reference(self) -> list[Curves]:
        """Aalen-Johansen's curve of each fold's past, for each of its rows."""
        found = []
        for fold in self.folds:
            fitted = AalenJohansen(self.horizons).fit(None, endings(fold.past_outcome, fold.past_duration))
            purchased, lost = fitted.predict_curves(range(1)).at(self.grid)
            shape = (len(fold), len(self.grid))
            found.append(Curves(self.grid, np.broadcast_to(purchased, shape), np.broadcast_to(lost, shape)))
        return found

    def truth(self) -> list[Curves] | None:
        """The true curves, where a simulator knows them for every fold."""
        best = [fold.best for fold in self.folds if fold.best is not None]
        return [one.curves(self.grid) for one in best] if len(best) == len(self.folds) else None


def _mean(values: Float, size: Float) -> Float:
    """Over the folds (the first axis), those without both cases and controls left out."""
    shape = (-1, *(1,) * (values.ndim - 1))
    weight = np.where(np.isfinite(values), size.reshape(shape), 0.0)
    total = weight.sum(axis=0)
    filled = (np.nan_to_num(values) * weight).sum(axis=0)
    return np.asarray(np.divide(filled, total, out=np.full(filled.shape, np.nan), where=total > 0))
