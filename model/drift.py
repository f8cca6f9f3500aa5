"""Drift: how far a column of features, or the scores, are distributed otherwise than they were.

The figure is the population stability index: sum of (p - q) ln(p / q) over bins. Below 0.1 little has changed, above
0.25 much has: Siddiqi, Credit Risk Scorecards (2006).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import chi2

BINS = 10
LITTLE, MUCH = 0.1, 0.25
CALENDAR = frozenset({"weekday", "month", "day_of_year"})  # aggregations that tell the date alone, which always moves
_LEAST = 1e-4  # share of a bin: an empty one would make the index infinite

Float = npt.NDArray[np.float64]


def stability_index(expected: npt.ArrayLike, actual: npt.ArrayLike) -> float:
    """The population stability index of two lists of shares, from 0 up. Neither needs to sum to 1."""
    p, q = (np.maximum(np.asarray(shares, dtype=np.float64), _LEAST) for shares in (actual, expected))
    return float(((p - q) * np.log(p / q)).sum())


def chance_index(expected: int, actual: int, bins: int, *, chance: float | None = None) -> float:
    """What the population stability index of two samples of one distribution exceeds with this probability only; its
    mean without ``chance``. ``expected``, ``actual``: how many each holds; ``bins``: with that of missing values.

    It is about (1/n + 1/m) times a chi-square of bins - 1 degrees of freedom: Yurdakul and Naranjo, Statistical
    properties of the population stability index, Journal of Risk Model Validation 14 (2020).
    """
    if min(expected, actual) == 0 or bins < 2:
        return math.inf
    factor = bins - 1 if chance is None else float(chi2.ppf(1 - chance, bins - 1))
    return factor * (1 / expected + 1 / actual)


def bin_edges(values: npt.ArrayLike, bins: int = BINS) -> Float:
    """The quantiles that part ``values`` into at most so many bins, each once: rising, without NaN, maybe none."""
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    if not len(known):
        return np.empty(0)
    return np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1], method="higher"))


def bin_shares(values: npt.ArrayLike, edges: npt.ArrayLike) -> Float:
    """The share of ``values`` in each bin, a bin ending with its edge; NaN for no values. (len(edges) + 1,)"""
    limits, found = np.asarray(edges, dtype=np.float64), np.asarray(values, dtype=np.float64)
    if not len(found):
        return np.full(len(limits) + 1, np.nan)
    counts = np.bincount(np.searchsorted(limits, found, side="left"), minlength=len(limits) + 1)
    return np.asarray(counts / len(found))


@dataclass(frozen=True)
class Profile:
    """How one column was distributed: shares of its bins or levels, the last being of missing values.

    ``edges`` of a numeric column, ``levels`` of a column of texts; the other is None. A text that is no level counts to
    a class of its own, before the missing ones.
    """

    shares: tuple[float, ...]
    edges: tuple[float, ...] | None = None
    levels: tuple[str, ...] | None = None

    @classmethod
    def of(cls, column: pd.Series[Any], bins: int = BINS) -> Profile:
        """ValueError for a column without rows."""
        if not len(column):
            raise ValueError("expected a column with rows, got none")
        if _is_numeric(column):
            empty = cls((), edges=tuple(bin_edges(column, bins).tolist()))
        else:
            empty = cls((), levels=tuple(sorted(set(column.dropna().astype(str)))))
        return cls(tuple(empty._shares(column).tolist()), empty.edges, empty.levels)

    def index(self, column: pd.Series[Any]) -> float:
        """The population stability index of ``column`` beside this profile; NaN for a column without rows."""
        return stability_index(self.shares, self._shares(column)) if len(column) else float("nan")

    def _shares(self, column: pd.Series[Any]) -> Float:
        missing = column.isna().to_numpy()
        if self.edges is not None:
            known = bin_shares(column[~missing].to_numpy(dtype=np.float64), self.edges)
        else:
            levels = list(self.levels or ())
            code = pd.Index(levels, dtype=object).get_indexer(pd.Index(column[~missing].astype(str)))
            counts = np.bincount(np.where(code < 0, len(levels), code), minlength=len(levels) + 1)
            known = counts / max(1, len(code))
        share = float(missing.mean())
        return np.append(np.zeros_like(known) if share == 1 else known * (1 - share), share)

    def to_json(self) -> dict[str, Any]:
        return {"shares": list(self.shares)} | (
            {"edges": list(self.edges)} if self.edges is not None else {"levels": list(self.levels or ())}
        )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Profile:
        edges, levels = data.get("edges"), data.get("levels")
        return cls(
            tuple(data["shares"]), None if edges is None else tuple(edges), None if levels is None else tuple(levels)
        )


def profiles(frame: pd.DataFrame, columns: Sequence[str] | None = None) -> dict[str, Profile]:
    """A profile for each column (or each of ``columns``) by its name."""
    return {str(name): Profile.of(frame[name]) for name in (columns or frame.columns)}


def drifts(before: Mapping[str, Profile], after: pd.DataFrame) -> dict[str, float]:
    """The index of each profile's column, the largest first; columns that ``after`` lacks are left out."""
    found = {name: profile.index(after[name]) for name, profile in before.items() if name in after.columns}
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _is_numeric(column: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(column.dtype) or bool(column.isna().all())
