"""The methods that the product is compared with, each tuned alike: ``PEERS``, by the name shown in tables.

``forest`` needs scikit-survival and ``survival_boost`` hazardous, of the ``bench`` dependency group; both are imported
when they are fitted. A peer that a dataset has no data for raises ``NotApplicable``.
"""

from __future__ import annotations

from functools import partial

from benchmarks.prediction.fold import Method
from benchmarks.prediction.peers import (
    cox,
    forest,
    groups,
    horizons,
    logistic,
    naive_bayes,
    person_period,
    survival_boost,
)
from benchmarks.prediction.peers.tuning import NotApplicable, tuned

BASELINE = "Aalen-Johansen"

PEERS: dict[str, Method] = {
    BASELINE: tuned(groups.everybody),
    "Aalen-Johansen by stage": tuned(groups.by_stage),
    "last-touch recency": tuned(groups.by_recency),
    "deadline rule": tuned(groups.by_deadline),
    "logistic at 30 days": tuned(logistic.candidates, tune_rows=10_000),
    "ridge Cox": tuned(cox.candidates, tune_rows=8_000, final_rows=40_000),
    "random survival forest": tuned(forest.candidates, tune_rows=3_000, final_rows=10_000),
    "SurvivalBoost": tuned(survival_boost.candidates, tune_rows=2_000, final_rows=10_000),
    "LightGBM a horizon, censored as negative": tuned(partial(horizons.candidates, False), tune_rows=8_000),
    "LightGBM a horizon, censored dropped": tuned(partial(horizons.candidates, True), tune_rows=8_000),
    "Odoo's naive Bayes": tuned(naive_bayes.candidates, tune_rows=10_000),
    "person-period LightGBM, plain": tuned(person_period.candidates, tune_rows=8_000),
}

__all__ = ["BASELINE", "PEERS", "NotApplicable"]
