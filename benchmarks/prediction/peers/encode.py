"""The same features for every peer, written as each kind of learner can read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from model.curves import Float
from model.frame import Columns

RARE = 20  # rows; a level or a gap on fewer says nothing to a linear model
CLIP = 5.0  # standard deviations
OFTEN_MISSING = 0.02  # of the rows


@dataclass(frozen=True, eq=False)
class TreeCode:
    """For trees: ordinal codes and NaN. Columns that do not vary in training are dropped (hazardous 0.2.0 fails on
    those that are all missing).
    """

    columns: Columns
    kept: npt.NDArray[np.int64]

    @classmethod
    def fit(cls, X: pd.DataFrame) -> Self:
        columns = Columns.of(X)
        matrix = columns.encode(X)
        kept = [j for j in range(matrix.shape[1]) if _varies(matrix[:, j])]
        return cls(columns, np.array(kept or [0], dtype=np.int64))

    def transform(self, X: pd.DataFrame) -> Float:
        """(n, q)."""
        return np.ascontiguousarray(self.columns.encode(X)[:, self.kept])

    @property
    def names(self) -> list[str]:
        return [self.columns.names[j] for j in self.kept]

    @property
    def categorical(self) -> list[int]:
        """Positions of the categories among the kept columns."""
        return [k for k, name in enumerate(self.names) if name in self.columns.levels]


@dataclass(frozen=True, eq=False)
class LinearCode:
    """For linear models: medians for gaps, with an indicator where gaps are frequent; one column for each frequent
    level; log1p of columns that are never negative and lean to the right (counts, amounts, days); all standardised and
    cut at 5 standard deviations.
    """

    columns: Columns
    numeric: npt.NDArray[np.int64]  # positions of the numeric columns that vary
    logged: npt.NDArray[np.bool_]  # (numeric,)
    median: Float  # (numeric,) after the logarithm
    gaps: npt.NDArray[np.int64]  # positions of columns with an indicator
    levels: tuple[tuple[int, float], ...]  # (position, code), NaN for missing
    mean: Float
    scale: Float

    @classmethod
    def fit(cls, X: pd.DataFrame) -> Self:
        columns = Columns.of(X)
        matrix = columns.encode(X)
        category = set(columns.categorical)
        numeric = np.array(
            [j for j in range(matrix.shape[1]) if j not in category and _varies(matrix[:, j])], dtype=np.int64
        )
        logged = np.array([_leans_right(matrix[:, j]) for j in numeric], dtype=bool)
        part = _log(matrix[:, numeric], logged)
        median = np.array([_median(part[:, k]) for k in range(len(numeric))])
        missing = np.isnan(matrix)
        least = max(RARE, OFTEN_MISSING * len(matrix))
        gaps = [j for j in numeric.tolist() if least <= missing[:, j].sum() <= len(matrix) - least]
        levels = [
            (j, code)
            for j in sorted(category)
            for code in [*range(len(columns.levels[columns.names[j]])), np.nan]
            if RARE <= _is(matrix[:, j], code).sum() <= len(matrix) - RARE
        ]
        # columns missing on the same rows would repeat one indicator
        distinct = {missing[:, j].tobytes(): j for j in reversed(gaps)}
        bare = cls(
            columns,
            numeric,
            logged,
            median,
            np.array(sorted(distinct.values()), dtype=np.int64),
            tuple(levels),
            np.zeros(1),
            np.ones(1),
        )
        raw = bare.transform(X, bare=True)
        spread = raw.std(axis=0)
        return cls(
            columns, numeric, logged, median, bare.gaps, bare.levels, raw.mean(axis=0), np.where(spread > 0, spread, 1)
        )

    def transform(self, X: pd.DataFrame, *, bare: bool = False) -> Float:
        """(n, q) without NaN. ``bare``: before it is standardised."""
        matrix = self.columns.encode(X)
        part = _log(matrix[:, self.numeric], self.logged)
        blocks = [np.where(np.isnan(part), self.median, part), np.isnan(matrix[:, self.gaps]).astype(np.float64)]
        blocks += [_is(matrix[:, j], code).astype(np.float64)[:, None] for j, code in self.levels]
        raw = np.concatenate(blocks, axis=1)
        return raw if bare else np.clip((raw - self.mean) / self.scale, -CLIP, CLIP)


def _varies(column: Float) -> bool:
    """Whether a column has two values, a gap counting as one."""
    known = column[~np.isnan(column)]
    return len(known) > 0 and (len(known) < len(column) or bool(known.min() < known.max()))


def _is(column: Float, code: float) -> npt.NDArray[np.bool_]:
    return np.isnan(column) if np.isnan(code) else column == code


def _median(column: Float) -> float:
    return float(np.nanmedian(column))


def _leans_right(column: Float) -> bool:
    """Never negative, and a skewness above 1."""
    known = column[~np.isnan(column)]
    if known.min() < 0 or known.max() <= 2:
        return False
    centred = known - known.mean()
    spread = centred.std()
    return bool(spread > 0 and np.mean(centred**3) / spread**3 > 1)


def _log(part: Float, logged: npt.NDArray[np.bool_]) -> Float:
    out = part.copy()
    out[:, logged] = np.log1p(np.maximum(part[:, logged], 0.0))
    return out
