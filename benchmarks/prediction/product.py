"""leadtime as a method, in the one configuration that it ships, and what becomes of it without one of its parts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.prediction.fold import Answer, Fold, Method
from benchmarks.prediction.kept import DEADLINE
from features.business_settings import Costs
from features.catalogue import Catalogue
from model.calibration import Calibration
from model.decision import decide
from model.examples import Examples
from model.fit_scorer import fit_scorer
from model.hazard import PurchaseHazard
from model.window import date_span

NAME = "leadtime"
COVERAGE = 0.8  # of the windows, as in the default settings


class NotHere(Exception):
    """This variant is the same as the whole on this dataset, or cannot be made of it."""


def leadtime(fold: Fold, *, keep_calibration: bool = True, **parameters: Any) -> Answer:
    """Fitted, calibrated and asked as ``training.train`` and ``training.score`` do; without a calendar, the estimator
    alone. ``parameters``: of the estimator, those that differ from its defaults.
    """
    hazard = PurchaseHazard(fold.horizons, **parameters)
    if fold.calibrate is None:
        return _alone(fold, hazard)
    began = time.perf_counter()
    scorer = fit_scorer(
        fold.learn,
        fold.calibrate,
        fold.catalogue or Catalogue(()),
        horizons=fold.horizons,
        costs=Costs(),
        window_coverage=COVERAGE,
        hazard=hazard,
    )
    if not keep_calibration:
        scorer = replace(scorer, calibration=Calibration.identity(fold.horizons))
    fitted = time.perf_counter()
    as_of = fold.test.as_of
    curves = scorer.curves(fold.test.features, as_of)
    predicted = time.perf_counter()
    readiness = scorer.readiness.of(curves.at([scorer.ready_horizon])[0][:, 0])
    first, _, last = scorer.windows.days(curves, readiness)
    # windows as they are answered: whole dates, and none where no call is worth it
    given = decide(curves, scorer.costs).call
    start, end = date_span(first, as_of)[0], date_span(last, as_of)[1]
    return Answer(
        curves=curves,
        window=(np.where(given, start, np.nan), np.where(given, end, np.nan)),
        readiness=readiness,
        fit_seconds=fitted - began,
        predict_seconds=predicted - fitted,
        extra={"window_coverage": COVERAGE, "fit_rows": len(fold.learn)},
    )


def _alone(fold: Fold, hazard: PurchaseHazard) -> Answer:
    """Rows without a calendar: nothing later to calibrate on, hence no windows."""
    began = time.perf_counter()
    hazard.fit(fold.learn.features, fold.learn.y, groups=fold.learn.group)
    fitted = time.perf_counter()
    curves = hazard.predict_curves(fold.test.features)
    predicted = time.perf_counter()
    return Answer(
        curves=curves,
        fit_seconds=fitted - began,
        predict_seconds=predicted - fitted,
        extra={"fit_rows": len(fold.learn)},
    )


def without_deadline(fold: Fold) -> Answer:
    """Nothing is known of the declared deadline."""
    columns = [name for name in fold.learn.features.columns if "deadline" in str(name)]
    if DEADLINE not in columns or fold.learn.features[DEADLINE].isna().all():
        raise NotHere("no lead declared a deadline")

    def bare(examples: Examples) -> Examples:
        return replace(examples, X=examples.features.drop(columns=columns))

    catalogue = fold.catalogue
    if catalogue is not None:
        catalogue = replace(catalogue, features=tuple(f for f in catalogue.features if f.name not in columns))
    return leadtime(
        replace(
            fold,
            learn=bare(fold.learn),
            calibrate=None if fold.calibrate is None else bare(fold.calibrate),
            test=bare(fold.test),
            catalogue=catalogue,
        )
    )


def with_landmark_weights(fold: Fold) -> Answer:
    """Every lead counts the same, however many landmarks it has."""
    if len(np.unique(fold.learn.group)) == len(fold.learn):
        raise NotHere("every lead has one landmark")
    return leadtime(fold, lead_power=1.0)


def without_calibration(fold: Fold) -> Answer:
    """The curves as the boosters give them; windows are still learned on the later block."""
    if fold.calibrate is None:
        raise NotHere("nothing is calibrated here")
    return leadtime(fold, keep_calibration=False)


def random_split(fold: Fold) -> Answer:
    """Calibrated on rows of any time instead of the newest, as a split without a calendar would."""
    if fold.calibrate is None:
        raise NotHere("there is no calendar")
    drawn = np.random.default_rng(0).permutation(len(fold.learn))[: len(fold.calibrate)]
    return leadtime(replace(fold, calibrate=fold.learn.rows(np.sort(drawn))))


_ABLATIONS: dict[str, Callable[[Fold], Answer]] = {
    "no deadline": without_deadline,
    "landmark weights": with_landmark_weights,
    "no calibration": without_calibration,
    "random split": random_split,
}
ABLATIONS: dict[str, Method] = {f"{NAME}, {name}": method for name, method in _ABLATIONS.items()}
