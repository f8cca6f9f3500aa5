"""What a feature does to the predictions: accumulated local effects, and where the data lie."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from model.curves import Float


@dataclass(frozen=True, eq=False)
class Effect:
    """How the mean prediction moves with one feature.

    A number: ``at`` (m + 1,) limits of m bins with about equally many rows, ``effect`` (m + 1,) the accumulated effect
    there. Texts: ``at`` names of levels, ``effect`` of each. The mean over the rows is 0. ``share``: of the rows in
    each bin or of each level; ``missing``: of the rows that have no value, which lie nowhere.
    """

    feature: str
    at: tuple[float, ...] | tuple[str, ...]
    effect: Float
    share: Float
    missing: float

    @property
    def is_text(self) -> bool:
        return bool(self.at) and isinstance(self.at[0], str)

    @property
    def spread(self) -> float:
        """The greatest less the least effect."""
        return float(np.ptp(self.effect)) if len(self.effect) else 0.0


def effect_of(predict: Callable[[pd.DataFrame], Float], X: pd.DataFrame, name: str, *, bins: int = 20) -> Effect | None:
    """``predict``: (n,) for a frame like ``X``. None for a column without two values.

    Numbers: accumulated local effects, each bin from the rows that lie in it, so that no row is asked about at values
    far from its own (Apley and Zhu, Journal of the Royal Statistical Society B 82 (2020), 1059-1086). Texts: the mean
    prediction of all rows at each level (partial dependence, Friedman 2001), levels having no order.
    """
    column = X[name]
    known = X[column.notna().to_numpy()]
    missing = 1 - len(known) / max(1, len(X))
    if isinstance(column.dtype, pd.CategoricalDtype):
        return _of_levels(predict, X, known[name], missing)
    values = known[name].to_numpy(dtype=np.float64)
    if len(np.unique(values)) < 2:
        return None
    edges = np.unique(np.quantile(values, np.linspace(0, 1, bins + 1), method="inverted_cdf"))
    of_row = np.clip(np.searchsorted(edges, values, side="left") - 1, 0, len(edges) - 2)
    ends = [predict(known.assign(**{name: limits[of_row]})) for limits in (edges[:-1], edges[1:])]
    counts = np.bincount(of_row, minlength=len(edges) - 1)
    local = np.bincount(of_row, weights=ends[1] - ends[0], minlength=len(edges) - 1) / np.maximum(counts, 1)
    total = np.concatenate(([0.0], np.cumsum(local)))
    middle = float(np.average((total[1:] + total[:-1]) / 2, weights=counts))
    return Effect(name, tuple(edges.tolist()), total - middle, counts / len(X), missing)


def _of_levels(
    predict: Callable[[pd.DataFrame], Float], X: pd.DataFrame, values: pd.Series[Any], missing: float
) -> Effect | None:
    shares = values.value_counts(normalize=True)
    seen = shares[shares > 0]
    if len(seen) < 2:
        return None
    name, dtype = str(values.name), values.dtype
    means = np.array(
        [predict(X.assign(**{name: pd.Series(level, index=X.index, dtype=dtype)})).mean() for level in seen.index]
    )
    share = seen.to_numpy() * (1 - missing)
    effect = (means - np.average(means, weights=share)).astype(np.float64)
    return Effect(name, tuple(map(str, seen.index)), effect, share.astype(np.float64), missing)
