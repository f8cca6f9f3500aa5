"""What a scorer asks of the estimator that it holds, and all that it asks."""

from __future__ import annotations

from typing import Any, Protocol, Self

import lightgbm as lgb
import numpy.typing as npt
import pandas as pd

from model.curves import Curves, Float
from model.frame import Columns, Endings


class CurveModel(Protocol):
    """An estimator of both incidences, with features as it was fitted on. PurchaseHazard is one, and so is any
    estimator that model.own.Adapted holds.

    ``columns_``: the features of the fit; an array given as ``X`` is taken as encoded by them. The same parameters and
    data give the same curves, and a row gets the same curve alone and among others.
    """

    @property
    def columns_(self) -> Columns: ...

    def fit(
        self,
        X: pd.DataFrame,
        y: Endings,
        *,
        groups: npt.ArrayLike | None = None,
        as_of: npt.ArrayLike | None = None,
        entry: npt.ArrayLike | None = None,
    ) -> Self: ...

    def predict_curves(self, X: pd.DataFrame | Float, *, as_of: npt.ArrayLike | None = None) -> Curves: ...

    def predict_held_out(
        self, X: pd.DataFrame | Float, groups: npt.ArrayLike, *, as_of: npt.ArrayLike | None = None
    ) -> Curves:
        """The same by members that have not seen the lead of each row; only after ``fit``."""

    def booster(self, ending: int) -> lgb.Booster | None:
        """The trees of an ending, for who looks into them; None where there are none."""

    @property
    def feature_names_(self) -> list[str]:
        """The columns that ``booster`` sees."""

    def set_params(self, **params: Any) -> Any:
        """``n_jobs`` among them: the threads of a prediction, from ``warm_up`` on."""

    def warm_up(self) -> None:
        """Do now what the first prediction would wait for."""
