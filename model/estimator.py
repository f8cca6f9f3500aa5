"""What scikit-learn asks of an estimator of curves: checked features and tags, incidences at times, a score."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from features.errors import InputError
from features.events import DAY
from model.aalen_johansen import aalen_johansen, incidence_at
from model.curves import Curves, Float
from model.frame import Endings, check_endings
from model.grid import bin_edges
from model.metrics.brier import brier, integrate
from model.metrics.censoring import ipcw

_LATEST = 366 * 500 * DAY  # microseconds; above it are nanoseconds


class CurveEstimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Base of estimators with ``horizons`` (days, rising), ``fit(X, y)`` and ``predict_curves(X)``.

    ``n_features_in_``: the number of features seen at fit; ``feature_names_in_``: their names, only after a fit on a
    frame whose names are texts.
    """

    horizons: Sequence[float]

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        return tags

    def predict_curves(self, X: pd.DataFrame | Float, *, as_of: npt.ArrayLike | None = None) -> Curves:
        raise NotImplementedError

    def predict_cumulative_incidence(
        self, X: pd.DataFrame | Float, times: npt.ArrayLike | None = None, *, as_of: npt.ArrayLike | None = None
    ) -> Float:
        """(n, 3, k): the probabilities to be still open (0), purchased (1) and lost (2) by each of k times.

        ``times``: (k,) days within 0 and the longest horizon, in any order; without them the horizons. The three sum
        to 1. ``as_of``: as for ``predict_curves``. The layout is that of the package hazardous.
        """
        bought, lost = self.predict_curves(X, as_of=as_of).at(self.horizons if times is None else times)
        return np.stack([np.maximum(1.0 - bought - lost, 0.0), bought, lost], axis=1)

    def score(self, X: pd.DataFrame | Float, y: Endings, *, as_of: npt.ArrayLike | None = None) -> float:
        """Skill of the purchase curves: 1 is perfect, 0 is as good as one curve for everybody, below 0 is worse.

        1 - IBS / IBS of the Aalen-Johansen curve of ``y`` itself, as R^2 compares with the mean of y; IBS: integrated
        Brier score up to the longest horizon, weighted for censoring. Where that curve is perfect: 1 or 0. All rows
        are taken as followed from day 0 (no left truncation).
        """
        outcome, duration = check_endings(y)
        curves = self.predict_curves(X, as_of=as_of)
        if len(curves) != len(duration):
            raise InputError(
                where="score", expected="as many rows in X as in y", got=f"{len(curves)} and {len(duration)}"
            )
        times = bin_edges(self.horizons)[1:]
        weights = ipcw(duration, outcome, times)
        days, purchased, _ = aalen_johansen(duration, outcome)
        constant = np.broadcast_to(incidence_at(days, purchased, times), (len(duration), len(times)))
        own, reference = (float(integrate(times, brier(weights, f))) for f in (curves.at(times)[0], constant))
        if reference == 0:
            return 1.0 if own == 0 else 0.0
        return 1.0 - own / reference

    def _features_at_fit(self, X: Any) -> pd.DataFrame:
        """X as a frame: a frame as it is, an array (n, p) of finite or missing numbers with the names x0, x1, ..

        ValueError (scikit-learn's) for what is no table, sparse, complex or infinite.
        """
        if not isinstance(X, pd.DataFrame):
            numbers: Float = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
            return pd.DataFrame(numbers, columns=[f"x{i}" for i in range(numbers.shape[1])])
        frame = _with_names(X)
        wrong = [name for name, kind in frame.dtypes.items() if pd.api.types.is_complex_dtype(kind)]
        if wrong:
            raise InputError(where=f"X, column {wrong[0]!r}", expected="real numbers", got="complex ones")
        self.n_features_in_ = X.shape[1]
        self.__dict__.pop("feature_names_in_", None)  # of an earlier fit
        if _named(X):
            self.feature_names_in_ = np.array(X.columns, dtype=object)
        return frame

    def _features(self, X: Any) -> pd.DataFrame | Float:
        """X for predictions: a frame, or an array with as many columns as at fit.

        After a fit on a frame an array is taken as encoded by its columns already. ValueError as at fit.
        """
        if isinstance(X, pd.DataFrame):
            return _with_names(X)
        if hasattr(self, "feature_names_in_"):
            return np.asarray(X, dtype=np.float64)
        numbers: Float = validate_data(
            self, X, reset=False, dtype=np.float64, ensure_all_finite="allow-nan", ensure_min_samples=0
        )
        return numbers


def _named(X: pd.DataFrame) -> bool:
    return any(isinstance(name, str) for name in X.columns)


def _with_names(X: pd.DataFrame) -> pd.DataFrame:
    """A frame whose columns go by number is an array to scikit-learn: they go by place, as x0, x1, .."""
    if not _named(X):
        return X.set_axis([f"x{i}" for i in range(X.shape[1])], axis=1)
    if not all(isinstance(name, str) for name in X.columns):
        raise InputError(where="X", expected="names that are all texts", got=repr(list(X.columns)[:10]))
    return X


def aligned(name: str, values: npt.ArrayLike | None, n: int) -> npt.NDArray[Any] | None:
    """One value for each of n rows, or None. InputError otherwise, and for as-of times that are no microseconds."""
    if values is None:
        return None
    array = np.asarray(values)
    if array.shape != (n,):
        raise InputError(where=name, expected=f"one value for each of {n} rows", got=f"shape {array.shape}")
    if name == "as_of" and not np.issubdtype(array.dtype, np.integer):
        raise InputError(where=name, expected="whole microseconds since 1970 UTC", got=str(array.dtype))
    if name == "as_of" and n and array.max() > _LATEST:
        raise InputError(
            where=name,
            expected="microseconds since 1970 UTC",
            got=f"{array.max()}, some 500 years ahead",
            remedy="Divide nanoseconds by 1,000",
        )
    return array
