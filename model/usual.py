"""What is usual for leads of the same age: what a fact about one lead is held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from features.catalogue import Catalogue
from model.curves import Float

_BANDS, _PER_BAND = 6, 50  # bands of age, and rows that each needs
_MEANS = frozenset({"count", "sum", "distinct", "active_days", "decayed", "colleagues", "date_changes"})


@dataclass(frozen=True, eq=False)
class Usual:
    """``age``: (b,) rising, in days, the middle of each band; ``value``: (b, p), the mean of what is counted, else the
    median of those that have a value; for categories NaN. ``missing``: (b, p) the share without a value. ``shares``:
    for each categorical column the share of its levels.
    """

    age: Float
    value: Float
    missing: Float
    shares: dict[str, tuple[float, ...]]

    @classmethod
    def of(cls, catalogue: Catalogue, matrix: Float) -> Self:
        """From rows (n, p) as ``build_matrix`` encodes them, n > 0."""
        ages = age_of(catalogue, matrix)
        bands = int(np.clip(len(matrix) // _PER_BAND, 1, _BANDS))
        parts = np.array_split(np.argsort(ages, kind="stable"), bands)
        shares = {}
        value, missing = np.full((2, bands, matrix.shape[1]), np.nan)
        for j, spec in enumerate(catalogue.features):
            column = matrix[:, j]
            if spec.levels is not None:
                counted = np.bincount(column[np.isfinite(column)].astype(np.int64), minlength=len(spec.levels) + 1)
                shares[spec.name] = tuple((counted / len(matrix)).round(4).tolist())
            for b, rows in enumerate(parts):
                known = column[rows][np.isfinite(column[rows])]
                missing[b, j] = 1.0 - len(known) / len(rows)
                if spec.levels is None and len(known):
                    value[b, j] = known.mean() if spec.aggregation in _MEANS else np.median(known)
        age = np.maximum.accumulate([float(np.median(ages[rows])) for rows in parts])
        return cls(age, np.asarray(_short(value)), missing.round(4), shares)

    def at(self, age: float) -> tuple[Float, Float]:
        """(p,) each: the usual values and shares missing of the band that is nearest to an age in days."""
        band = int(np.argmin(np.abs(self.age - age)))
        return self.value[band], self.missing[band]

    def to_json(self) -> dict[str, Any]:
        holes = [[None if np.isnan(v) else v for v in row] for row in self.value.tolist()]
        return {
            "age": self.age.tolist(),
            "value": holes,
            "missing": self.missing.tolist(),
            "shares": {name: list(values) for name, values in self.shares.items()},
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        value = np.array([[np.nan if v is None else v for v in row] for row in data["value"]], dtype=np.float64)
        shares = {name: tuple(values) for name, values in data["shares"].items()}
        return cls(np.array(data["age"], dtype=np.float64), value, np.array(data["missing"]), shares)


def age_of(catalogue: Catalogue, matrix: Float) -> Float:
    """(n,) the lead's age in days, 0 where no feature tells it."""
    for j, spec in enumerate(catalogue.features):
        if spec.aggregation == "age":
            return np.nan_to_num(matrix[:, j])
    return np.zeros(len(matrix))


def _short(values: Float) -> Float:
    """Four digits are enough to compare with."""
    size = 10.0 ** (3 - np.floor(np.log10(np.maximum(np.abs(values), 1e-9))))
    return np.asarray(np.round(values * size) / size)
