"""Features as an estimator can take them: as they are where it says so, else numbers without a gap."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.utils import get_tags

from model.curves import Float
from model.frame import Columns


@dataclass(frozen=True, eq=False)
class Encoding:
    """What scikit-learn's tags of the estimator ask for, settled at the fit.

    ``categories``: it takes pandas Categoricals; otherwise each level that was seen becomes a column of 0 and 1, named
    feature=level. ``gaps``: it takes missing values; otherwise a feature is filled with its median, and a column
    "feature missing" tells where. Columns that were the same in every row are left out.

    ``kept``: places among all made columns of those that stay; ``median``: (p,) of each feature.
    """

    columns: Columns
    categories: bool
    gaps: bool
    median: Float
    kept: npt.NDArray[np.int64]

    @classmethod
    def of(cls, estimator: Any, columns: Columns, matrix: Float) -> Self:
        """``matrix``: (n, p) as ``columns`` encode, n > 0."""
        tags = get_tags(estimator).input_tags
        median = np.array([np.median(known) if len(known := c[~np.isnan(c)]) else 0.0 for c in matrix.T])
        every = cls(columns, bool(tags.categorical), bool(tags.allow_nan), median, np.empty(0, dtype=np.int64))
        made = every._made(matrix)
        first = made[:1]
        differs = ~((made == first) | (np.isnan(made) & np.isnan(first))).all(axis=0)
        return cls(every.columns, every.categories, every.gaps, median, np.flatnonzero(differs))

    def frame(self, matrix: Float) -> pd.DataFrame:
        """(n, columns): float64 and, where it takes them, Categoricals."""
        made = pd.DataFrame(self._made(matrix)[:, self.kept], columns=self.names)
        if self.categories:
            for name in self.names:
                if name in self.columns.levels:
                    codes = np.nan_to_num(made[name].to_numpy(), nan=-1.0).astype(np.int64)
                    made[name] = pd.Categorical.from_codes(codes, categories=pd.Index(self.columns.levels[name]))
        return made

    @cached_property
    def names(self) -> list[str]:
        """Of the columns that the estimator is given."""
        every: list[str] = []
        for name in self.columns.names:
            levels = self.columns.levels.get(name)
            every += [name] if levels is None or self.categories else [f"{name}={level}" for level in levels]
        every += [] if self.gaps else [f"{name} missing" for name in self.columns.names]
        return [every[i] for i in self.kept]

    def _made(self, matrix: Float) -> Float:
        missing = np.isnan(matrix)
        parts = []
        for j, name in enumerate(self.columns.names):
            column, levels = matrix[:, j], self.columns.levels.get(name)
            if levels is not None and not self.categories:
                parts.append((column[:, None] == np.arange(len(levels))).astype(np.float64))
            else:
                # a category without a value stays without one: no median of codes means anything
                filled = column if self.gaps or levels is not None else np.where(missing[:, j], self.median[j], column)
                parts.append(filled[:, None])
        if not self.gaps:
            parts.append(missing.astype(np.float64))
        return np.concatenate(parts, axis=1) if parts else np.empty((len(matrix), 0))

    def to_json(self) -> dict[str, Any]:
        return {
            "columns": list(self.columns.names),
            "levels": {name: list(levels) for name, levels in self.columns.levels.items()},
            "categories": self.categories,
            "gaps": self.gaps,
            "median": self.median.tolist(),
            "kept": self.kept.tolist(),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        columns = Columns(tuple(data["columns"]), {name: tuple(levels) for name, levels in data["levels"].items()})
        return cls(
            columns,
            data["categories"],
            data["gaps"],
            np.array(data["median"], dtype=np.float64),
            np.array(data["kept"], dtype=np.int64),
        )


def typical(columns: Columns, matrix: Float) -> Float:
    """(p,): the median of each feature, of a category its most frequent level; missing where that is most frequent."""
    found = np.full(len(columns.names), np.nan)
    for j, name in enumerate(columns.names):
        known = matrix[~np.isnan(matrix[:, j]), j]
        if name in columns.levels:
            counts = np.bincount(known.astype(np.int64), minlength=1)
            if counts.max() > len(matrix) - len(known):
                found[j] = counts.argmax()
        elif 2 * len(known) > len(matrix):
            found[j] = np.median(known)
    return found
