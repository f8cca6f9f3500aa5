"""The bootstrap that all figures of a dataset share: whole leads are drawn, so that differences are paired."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt

from features.compiled import compiled
from model.curves import Float
from model.metrics import Weights, resample_counts
from model.metrics.bootstrap import DRAWS

_AT_A_TIME = 100  # draws


class Draws:
    """``groups``: (n,) what is drawn, with all its rows. The same groups and seed give the same draws."""

    def __init__(self, groups: npt.ArrayLike, *, draws: int = DRAWS, seed: int = 0) -> None:
        names, codes = np.unique(np.asarray(groups), return_inverse=True)
        self.codes = codes.astype(np.int64)
        self.n_groups, self.draws, self.seed = len(names), draws, seed

    @cached_property
    def counts(self) -> npt.NDArray[np.int16]:
        """(draws, groups): how often each group is drawn."""
        parts = [
            resample_counts(np.arange(self.n_groups), draws=min(_AT_A_TIME, self.draws - i), seed=self.seed + i)
            for i in range(0, self.draws, _AT_A_TIME)
        ]
        return np.concatenate([part.astype(np.int16) for part in parts])

    def sums(self, values: Float) -> Float:
        """(draws, c): the column sums of ``values`` (n, c) or (n,)."""
        table = values.reshape(len(values), -1)
        columns = [np.bincount(self.codes, weights=column, minlength=self.n_groups) for column in table.T]
        by_group = np.stack(columns, axis=1)
        # as floats, since integers are multiplied a hundred times as slowly
        parts = [
            self.counts[i : i + _AT_A_TIME].astype(np.float64) @ by_group for i in range(0, self.draws, _AT_A_TIME)
        ]
        return np.concatenate(parts)

    def means(self, values: Float, weight: Float | None = None) -> Float:
        """(draws,): the weighted mean of ``values`` (n,); NaN where a draw weighs nothing."""
        w = np.ones(len(values)) if weight is None else weight
        total = self.sums(np.column_stack((values * w, w)))
        return np.asarray(np.divide(total[:, 0], total[:, 1], out=np.full(len(total), np.nan), where=total[:, 1] > 0))

    def aucs(self, weights: Weights, score: Float, rows: npt.NDArray[np.int64]) -> Float:
        """(draws, k): model.metrics.auc in each draw. ``weights``, ``score`` (r, k): of the r ``rows`` of all n.

        The weights stay those of the whole sample: the censoring distribution is not drawn anew.
        """
        found = []
        for j in range(len(weights.times)):
            order = np.argsort(score[:, j], kind="stable")
            value = score[order, j]
            begins = np.concatenate(([True], np.diff(value) > 0))
            weight, bought = weights.weight[order, j], weights.bought[order, j]
            codes = self.codes[rows[order]]
            found.append(_auc_draws(codes, begins, weight * bought, weight * ~bought, self.counts))
        return np.stack(found, axis=1)


@compiled
def _auc_draws(codes, begins, case, control, counts):  # type: ignore[no-untyped-def]
    """Rows in the order of their scores; ``begins`` marks the first of each run of equal ones, which count half."""
    found = np.empty(len(counts))
    for d in range(len(counts)):
        below, wins, cases, run_case, run_control = 0.0, 0.0, 0.0, 0.0, 0.0
        for i in range(len(codes)):
            if begins[i]:
                wins += run_case * (below + 0.5 * run_control)
                below += run_control
                cases += run_case
                run_case, run_control = 0.0, 0.0
            times = counts[d, codes[i]]
            run_case += times * case[i]
            run_control += times * control[i]
        wins += run_case * (below + 0.5 * run_control)
        pairs = (cases + run_case) * (below + run_control)
        found[d] = wins / pairs if pairs > 0 else np.nan
    return found
