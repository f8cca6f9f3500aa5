"""leadtime as a method, in the one configuration that it ships, and what becomes of it without one of its parts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.prediction.fold import Answer, Fold, Method
from benchmarks.prediction.kept import DEADLINE
from features.catalogue import Catalogue
from features.events import DAY
from features.settings import Costs
from model.calibration import Calibration
from model.curves import Float
from model.decision import decide
from model.examples import Examples, Int64
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
        fold.train,
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
        extra={"window_coverage": COVERAGE, "fit_rows": len(fold.train)},
    )


def _alone(fold: Fold, hazard: PurchaseHazard) -> Answer:
    """Rows without a calendar: nothing later to calibrate on, hence no windows."""
    began = time.perf_counter()
    hazard.fit(fold.train.features, fold.train.y, groups=fold.train.group)
    fitted = time.perf_counter()
    curves = hazard.predict_curves(fold.test.features)
    predicted = time.perf_counter()
    return Answer(
        curves=curves,
        fit_seconds=fitted - began,
        predict_seconds=predicted - fitted,
        extra={"fit_rows": len(fold.train)},
    )


def without_deadline(fold: Fold) -> Answer:
    """Nothing is known of the declared deadline."""
    columns = [name for name in fold.train.features.columns if "deadline" in str(name)]
    if DEADLINE not in columns or fold.train.features[DEADLINE].isna().all():
        raise NotHere("no lead declared a deadline")

    def bare(examples: Examples) -> Examples:
        return replace(examples, X=examples.features.drop(columns=columns))

    catalogue = fold.catalogue
    if catalogue is not None:
        catalogue = replace(catalogue, features=tuple(f for f in catalogue.features if f.name not in columns))
    return leadtime(
        replace(
            fold,
            train=bare(fold.train),
            calibrate=None if fold.calibrate is None else bare(fold.calibrate),
            test=bare(fold.test),
            catalogue=catalogue,
        )
    )


def without_landmark_weights(fold: Fold) -> Answer:
    """Every landmark counts once, however many its lead has."""
    if len(np.unique(fold.train.group)) == len(fold.train):
        raise NotHere("every lead has one landmark")
    return leadtime(fold, lead_power=0.0)


def without_calibration(fold: Fold) -> Answer:
    """The curves as the boosters give them; windows are still learned on the later block."""
    if fold.calibrate is None:
        raise NotHere("nothing is calibrated here")
    return leadtime(fold, keep_calibration=False)


@dataclass(frozen=True, eq=False)
class Mixed(Examples):
    """Examples of several blocks: each row has its own cut of the labels, ``cut`` (n,) microseconds."""

    cut: Int64 | None = None

    @property
    def followed(self) -> Float:
        cut = np.full(len(self), self.known_by) if self.cut is None else self.cut
        return np.asarray((cut - self.as_of) / DAY)

    def rows(self, which: npt.NDArray[np.bool_] | Int64) -> Mixed:
        return replace(
            self,
            lead_ids=self.lead_ids[which],
            as_of=self.as_of[which],
            outcome=self.outcome[which],
            duration=self.duration[which],
            group=self.group[which],
            X=None if self.X is None else self.X.iloc[np.arange(len(self))[which]].reset_index(drop=True),
            cut=None if self.cut is None else self.cut[which],
        )


def random_split(fold: Fold) -> Answer:
    """The rows of both blocks shuffled before they are parted again, as a split without a calendar would."""
    if fold.calibrate is None:
        raise NotHere("there is no calendar")
    both = mixed(fold.train, fold.calibrate)
    order = np.random.default_rng(0).permutation(len(both))
    parted = np.sort(order[: len(fold.train)]), np.sort(order[len(fold.train) :])
    return leadtime(replace(fold, train=both.rows(parted[0]), calibrate=both.rows(parted[1])))


def mixed(one: Examples, other: Examples) -> Mixed:
    """The rows of both, those of ``one`` first."""
    blocks = (one, other)
    return Mixed(
        lead_ids=np.concatenate([b.lead_ids for b in blocks]),
        as_of=np.concatenate([b.as_of for b in blocks]),
        outcome=np.concatenate([b.outcome for b in blocks]),
        duration=np.concatenate([b.duration for b in blocks]),
        group=np.unique(np.concatenate([b.lead_ids for b in blocks]).astype(str), return_inverse=True)[1],
        known_by=max(b.known_by for b in blocks),
        X=pd.concat([b.features for b in blocks], ignore_index=True),
        cut=np.concatenate([np.full(len(b), b.known_by, dtype=np.int64) for b in blocks]),
    )


_ABLATIONS: dict[str, Callable[[Fold], Answer]] = {
    "no deadline": without_deadline,
    "no landmark weights": without_landmark_weights,
    "no calibration": without_calibration,
    "random split": random_split,
}
ABLATIONS: dict[str, Method] = {f"{NAME}, {name}": method for name, method in _ABLATIONS.items()}
