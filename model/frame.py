"""What an estimator is given: the frame of features, its frozen columns, and the endings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.errors import InputError
from model.curves import Float

Int64 = npt.NDArray[np.int64]
Endings = npt.NDArray[np.void]
ENDINGS = np.dtype([("outcome", np.int8), ("duration", np.float64)])


def endings(outcome: npt.ArrayLike, duration: npt.ArrayLike) -> Endings:
    """The structured array that ``fit`` takes as y. ``outcome``: 0 open, 1 bought, 2 lost; ``duration``: days."""
    outcome = np.asarray(outcome)
    y = np.empty(len(outcome), dtype=ENDINGS)
    y["outcome"], y["duration"] = outcome, duration
    return y


def check_endings(y: Any) -> tuple[npt.NDArray[np.int8], Float]:
    """Outcome and duration, each (n,), of a structured array or a frame with these two among its fields.

    InputError unless outcomes are 0, 1, 2 and durations finite and above 0.
    """
    kind = "a structured array with fields outcome and duration"
    if y is None:
        said = "An estimator of curves requires y to be passed, but the target y is None"
        raise InputError(where="y", expected=kind, got="none", remedy=said)
    names = y.columns if isinstance(y, pd.DataFrame) else getattr(getattr(y, "dtype", None), "names", None) or ()
    if not {"outcome", "duration"} <= set(names):
        raise InputError(where="y", expected=kind, got=f"fields {list(names)}")
    outcome = np.asarray(y["outcome"])
    if outcome.ndim != 1:
        raise InputError(where="y", expected="one ending for each row", got=f"shape {outcome.shape}")
    duration = np.asarray(y["duration"], dtype=np.float64)
    if not len(duration):
        raise InputError(where="y", expected="at least one row", got="none")
    strange = sorted(set(np.unique(outcome).tolist()) - {0, 1, 2})
    if strange:
        raise InputError(where="y", expected="outcomes 0 (open), 1 (bought), 2 (lost)", got=f"{strange[:5]}")
    if not np.all(np.isfinite(duration) & (duration > 0)):
        bad = duration[~(np.isfinite(duration) & (duration > 0))][0]
        raise InputError(where="y", expected="durations in days above 0", got=f"{bad}")
    return outcome.astype(np.int8), duration


def check_entry(entry: npt.ArrayLike | None, duration: Float, longest: float) -> Float | None:
    """(n,) days from which each row is under observation. InputError unless from 0 on and below its duration, and for
    some row below ``longest``, the longest horizon.
    """
    if entry is None:
        return None
    start = np.asarray(entry, dtype=np.float64)
    if start.shape != duration.shape:
        raise InputError(
            where="entry", expected=f"one value for each of {len(duration)} rows", got=f"shape {start.shape}"
        )
    bad = ~((start >= 0) & (start < duration))
    if bad.any():
        raise InputError(
            where="entry",
            expected="days from 0 on, before the row's own duration",
            got=f"{start[bad][0]} with a duration of {duration[bad][0]}",
            remedy="Leave out rows that ended before they came under observation",
        )
    if not start.min() < longest:
        raise InputError(
            where="entry",
            expected=f"rows under observation within {longest:g} days",
            got=f"none before {start.min():g}",
        )
    return start


def lead_weights(groups: npt.ArrayLike | None, n: int, power: float) -> Float:
    """(n,) weights n_i ** -power, where n_i is the number of rows of the row's lead."""
    if groups is None or power == 0:
        return np.ones(n)
    _, code, count = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    return np.asarray(count[code].astype(np.float64) ** -power)


@dataclass(frozen=True)
class Columns:
    """The columns of the features, frozen when a model is fitted.

    ``levels``: for each categorical column its levels in order; numeric columns have none.
    """

    names: tuple[str, ...]
    levels: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, X: pd.DataFrame) -> Columns:
        """InputError for a column that is neither a number nor a Categorical of texts."""
        if not isinstance(X, pd.DataFrame):
            raise InputError(where="X", expected="a DataFrame of features", got=type(X).__name__)
        if not X.columns.is_unique:
            twice = X.columns[X.columns.duplicated()][0]
            raise InputError(where="X", expected="each column once", got=f"{twice!r} more than once")
        levels: dict[str, tuple[str, ...]] = {}
        for name, kind in X.dtypes.items():
            if isinstance(kind, pd.CategoricalDtype):
                levels[str(name)] = texts = tuple(map(_level, kind.categories))
                if len(set(texts)) < len(texts):
                    twice = next(text for text in texts if texts.count(text) > 1)
                    raise InputError(
                        where=f"X, column {name!r}", expected="levels of different texts", got=f"{twice!r} twice"
                    )
            elif not pd.api.types.is_numeric_dtype(kind):
                raise InputError(
                    where=f"X, column {name!r}",
                    expected="numbers or a pandas Categorical",
                    got=str(kind),
                    remedy="Turn texts into a Categorical with fixed levels",
                )
        return cls(tuple(map(str, X.columns)), levels)

    @property
    def categorical(self) -> list[int]:
        """Positions of the categorical columns."""
        return [i for i, name in enumerate(self.names) if name in self.levels]

    def encode(self, X: pd.DataFrame | Float) -> Float:
        """(n, p) float64 in the frozen order: categoricals as codes of the frozen levels, missing as NaN.

        An array is taken as encoded already. A level not seen at fit counts as missing. InputError when columns are
        missing or unknown, and for infinite values.
        """
        if isinstance(X, np.ndarray):
            if X.ndim != 2 or X.shape[1] != len(self.names):
                raise InputError(
                    where="X", expected=f"an array of {len(self.names)} columns", got=f"one of shape {X.shape}"
                )
            matrix = X.astype(np.float64, copy=False)
        else:
            matrix = self._encode_frame(X)
        if np.isinf(matrix).any():
            column = self.names[int(np.flatnonzero(np.isinf(matrix).any(axis=0))[0])]
            raise InputError(where=f"X, column {column!r}", expected="finite numbers or missing", got="an infinite one")
        return matrix

    def _encode_frame(self, X: pd.DataFrame) -> Float:
        if not isinstance(X, pd.DataFrame):
            raise InputError(where="X", expected="a DataFrame of features", got=type(X).__name__)
        absent = [name for name in self.names if name not in X.columns]
        unknown = [str(name) for name in X.columns if str(name) not in set(self.names)]
        if absent or unknown:
            raise InputError(
                where="X",
                expected=f"the {len(self.names)} columns of the fit",
                got=f"{len(X.columns)} columns; missing {absent[:5]}, not known {unknown[:5]}",
                remedy="Build the features with the catalogue that the model was trained with",
            )
        matrix = np.empty((len(X), len(self.names)), dtype=np.float64)
        for i, name in enumerate(self.names):
            column = X[name]
            if name in self.levels:
                matrix[:, i] = _codes(column, self.levels[name])
            elif isinstance(column.dtype, pd.CategoricalDtype) or not pd.api.types.is_numeric_dtype(column.dtype):
                raise InputError(where=f"X, column {name!r}", expected="numbers", got=str(column.dtype))
            else:
                matrix[:, i] = column.to_numpy(dtype=np.float64, na_value=np.nan)
        return matrix


def _level(value: object) -> str:
    """What a level goes by: 1 and the 1.0 that it becomes in a column with gaps are the same."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _codes(column: pd.Series[Any], levels: tuple[str, ...]) -> Float:
    if not isinstance(column.dtype, pd.CategoricalDtype):
        raise InputError(where=f"X, column {column.name!r}", expected="a pandas Categorical", got=str(column.dtype))
    own = tuple(map(_level, column.dtype.categories))
    place = {level: float(i) for i, level in enumerate(levels)}
    known = np.array([*(place.get(level, np.nan) for level in own), np.nan])  # code -1 (missing) is the last
    return np.asarray(known[column.cat.codes.to_numpy()])
