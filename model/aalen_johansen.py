"""The Aalen-Johansen curve: the cumulative incidence of both endings without any feature, and the baseline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError

from features.errors import InputError
from features.lives import BOUGHT, GONE
from model.curves import Curves, Float
from model.frame import Endings, check_endings, check_entry, lead_weights
from model.grid import bin_edges, check_horizons


def aalen_johansen(
    duration: npt.ArrayLike,
    outcome: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    entry: npt.ArrayLike | None = None,
) -> tuple[Float, Float, Float]:
    """Cumulative incidences of *purchased* and *lost* at 0 and at each time when something ended.

    ``duration``: (n,) days until the ending or until sight of the lead is lost; ``outcome``: (n,) 0, 1 or 2;
    ``entry``: (n,) days from which on each row is at risk (left truncation), below its duration. Returns days, F1,
    F2, each (m + 1,). At equal times endings come before censoring. Aalen and Johansen (1978), with weighted
    counts: F_k(t) = sum over s <= t of S(s-) dN_k(s) / Y(s), Y(s) = rows with entry < s <= duration.
    """
    time = np.asarray(duration, dtype=np.float64)
    end = np.asarray(outcome)
    weight = np.ones(len(time)) if weights is None else np.asarray(weights, dtype=np.float64)
    if entry is not None and not np.all(np.asarray(entry) < time):
        raise InputError(where="entry", expected="entry below duration in each row", got="an entry at or after it")
    times = np.unique(time[end > 0])
    order = np.argsort(time, kind="stable")
    left = _weight_before(time[order], weight[order], times)
    at_risk = weight.sum() - left
    if entry is not None:
        start = np.asarray(entry, dtype=np.float64)
        order = np.argsort(start, kind="stable")
        at_risk = _weight_before(start[order], weight[order], times) - left
    where = np.searchsorted(times, time)
    rates = []
    for code in (BOUGHT, GONE):
        mine = end == code
        ended = np.bincount(where[mine], weights=weight[mine], minlength=len(times))
        rates.append(np.divide(ended, at_risk, out=np.zeros(len(times)), where=at_risk > 0))
    survival = np.cumprod(np.clip(1.0 - rates[0] - rates[1], 0.0, 1.0))
    before = np.concatenate([[1.0], survival[:-1]]) if len(times) else survival
    f1, f2 = (np.concatenate([[0.0], np.cumsum(before * rate)]) for rate in rates)
    excess = max(f1[-1] + f2[-1], 1.0)  # the last digit of a sum; one factor for all, so that both still rise
    return np.concatenate([[0.0], times]), f1 / excess, f2 / excess


def _weight_before(sorted_times: Float, weight: Float, times: Float) -> Float:
    total = np.concatenate([[0.0], np.cumsum(weight)])
    return np.asarray(total[np.searchsorted(sorted_times, times, side="left")])


def incidence_at(days: Float, incidence: Float, wanted: Float) -> Float:
    """A step function's value at the wanted days."""
    return np.asarray(incidence[np.searchsorted(days, wanted, side="right") - 1])


class AalenJohansen(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """The same curve for everybody, with the interface of PurchaseHazard: the baseline without features.

    ``horizons``: days, rising; the curve ends at the longest. ``by_lead``: every lead counts once, however many
    landmarks it has; otherwise each row counts once.
    """

    def __init__(self, horizons: Sequence[float] = (7, 30, 90), *, by_lead: bool = False) -> None:
        self.horizons = horizons
        self.by_lead = by_lead

    def fit(
        self,
        X: Any,  # noqa: ARG002 - the baseline looks at no feature
        y: Endings,
        *,
        groups: npt.ArrayLike | None = None,
        as_of: npt.ArrayLike | None = None,  # noqa: ARG002
        entry: npt.ArrayLike | None = None,
    ) -> Self:
        """``y``: structured (n,) with fields outcome and duration; ``groups``: (n,) lead of each row; ``entry``: (n,)
        days from which on each row is at risk.
        """
        horizons = check_horizons(self.horizons)
        outcome, duration = check_endings(y)
        weights = lead_weights(groups, len(duration), 1.0) if self.by_lead else None
        start = check_entry(entry, duration, horizons[-1])
        days, f1, f2 = aalen_johansen(duration, outcome, weights, start)
        daily = np.arange(0.0, min(horizons[-1], 366.0))
        self.days_ = np.union1d(daily, bin_edges(horizons))
        self.purchased_ = incidence_at(days, f1, self.days_)
        self.lost_ = incidence_at(days, f2, self.days_)
        return self

    def predict_curves(self, X: Any, *, as_of: npt.ArrayLike | None = None) -> Curves:  # noqa: ARG002
        if not hasattr(self, "days_"):
            raise NotFittedError("this AalenJohansen is not fitted; call fit first")
        shape = (len(X), len(self.days_))
        return Curves(self.days_, np.broadcast_to(self.purchased_, shape), np.broadcast_to(self.lost_, shape))
