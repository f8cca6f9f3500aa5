"""How good predictions are: pure functions of arrays.

Rows are (lead, as-of time) pairs. Everywhere ``duration`` is (n,) in days > 0 from the as-of time to the ending or
to the end of observation, ``outcome`` is (n,) with 0 censored, 1 purchased, 2 lost, ``times`` is (k,) rising days.
"""

from model.metrics.auc import auc, auc_draws
from model.metrics.bootstrap import Estimate, bootstrap_means, interval, resample_counts
from model.metrics.brier import administrative_brier, brier, brier_losses, integrate, skill
from model.metrics.censoring import FLOOR, Weights, censoring_survival, ipcw
from model.metrics.decisions import (
    WindowFit,
    gain_curve,
    lift_at,
    precision_at,
    timing_losses,
    value_recall_at,
    window_fit,
)
from model.metrics.reliability import Decile, deciles, expected_observed, ici, smooth_reliability

__all__ = [
    "FLOOR",
    "Decile",
    "Estimate",
    "Weights",
    "WindowFit",
    "administrative_brier",
    "auc",
    "auc_draws",
    "bootstrap_means",
    "brier",
    "brier_losses",
    "censoring_survival",
    "deciles",
    "expected_observed",
    "gain_curve",
    "ici",
    "integrate",
    "interval",
    "ipcw",
    "lift_at",
    "precision_at",
    "resample_counts",
    "skill",
    "smooth_reliability",
    "timing_losses",
    "value_recall_at",
    "window_fit",
]
