"""From a history to scorers: one to be measured on the newest block, one to serve that has learned from it too."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from features.catalogue import Catalogue, expand
from features.errors import InputError
from features.history import History
from features.lives import BOUGHT, Lives
from features.own_rows import own_rows
from features.settings import Settings
from model.aalen_johansen import AalenJohansen
from model.curve_model import CurveModel
from model.curves import Curves
from model.examples import Examples, Split
from model.fit_scorer import fit_scorer
from model.hazard import PurchaseHazard
from model.own import Adapted, make
from model.scorer import Scorer
from model.shrunken import ShrunkenHazard
from model.signal import NO_FEATURES, Signal, time_alone

LEAST_LEADS, LEAST_PURCHASES = 50, 20


def check_enough(lives: Lives) -> None:
    """InputError, saying how many are needed and how many there are, for a history too small to learn from."""
    for what, found, least in (
        ("leads", len(lives.outcome), LEAST_LEADS),
        ("purchases", int((lives.outcome == BOUGHT).sum()), LEAST_PURCHASES),
    ):
        if found < least:
            raise InputError(
                where="history",
                expected=f"at least {least} {what} to learn from",
                got=str(found),
                remedy="Load more leads and their outcomes with python -m features.load DIR",
            )


def serving_split(split: Split) -> Split:
    """The same blocks moved up in time until nothing is kept back for testing: the newest labels are learned from."""
    ahead = split.known_by - split.test_since
    return replace(
        split,
        calibrate_since=split.calibrate_since + ahead,
        calibrate_until=split.calibrate_until + ahead,
        test_since=split.known_by,
        test_until=split.known_by,
    )


@dataclass(frozen=True, eq=False)
class Fitted:
    """A scorer and the examples that its hazard was fitted on."""

    scorer: Scorer
    train: Examples
    calibrate: Examples

    def baseline(self, n: int) -> Curves:
        """The curve without features of the same training examples, for ``n`` rows."""
        return AalenJohansen(self.scorer.horizons).fit(None, self.train.y).predict_curves(np.empty((n, 0)))


def fit(
    history: History, split: Split, settings: Settings, *, seed: int, version: str, signal: Signal | None = None
) -> Fitted:
    """Learn from what lies before the split's test block, calibrate on the newest of it.

    ``signal``: what answers; where it is a baseline, that is fitted instead of the model.
    """
    catalogue: Catalogue = expand(
        history, split.test_since, rows=own_rows(settings.features_file), roles=settings.events
    )
    if signal is not None and signal.baseline:
        catalogue = time_alone(catalogue)
    train = split.train(history, seed=seed).with_features(history, catalogue)
    calibrate = split.calibrate(history).with_features(history, catalogue)
    scorer = fit_examples(train, calibrate, catalogue, settings, seed=seed, version=version, signal=signal)
    return Fitted(scorer, train, calibrate)


def fit_examples(
    train: Examples,
    calibrate: Examples,
    catalogue: Catalogue,
    settings: Settings,
    *,
    seed: int,
    version: str,
    signal: Signal | None = None,
) -> Scorer:
    """The same from examples whose features are built."""
    # sums of matrix products in several threads are put together in another order: their last digits would differ
    with threadpool_limits(1, user_api="blas"):
        return fit_scorer(
            train,
            calibrate,
            catalogue,
            horizons=settings.horizons,
            costs=settings.costs,
            window_coverage=settings.window_coverage,
            seed=seed,
            version=version,
            signal=signal,
            hazard=_baseline(settings, signal, seed)
            if signal is not None and signal.baseline
            else estimator_of(settings, seed),
        )


def estimator_of(settings: Settings, seed: int) -> CurveModel:
    """What ``[estimator]`` asks for, unfitted."""
    asked = settings.estimator
    if not asked.own:
        return PurchaseHazard(settings.horizons, seed=seed, **asked.parameters)  # type: ignore[arg-type]
    estimator = make(asked.class_, asked.parameters)
    return Adapted(estimator, settings.horizons, trusted=asked.trusts, max_landmarks=asked.max_landmarks, seed=seed)


def _baseline(settings: Settings, signal: Signal, seed: int) -> PurchaseHazard:
    """What any estimator has to be better than. Without features there are never enough endings to learn from: the
    hazards of Aalen-Johansen, shrunk where there is little data.
    """
    parameters: dict[str, Any] = {} if settings.estimator.own else dict(settings.estimator.parameters)
    if signal.baseline == NO_FEATURES:
        parameters["min_events"] = 2**31
    kind = ShrunkenHazard if signal.verdict == "too little data" else PurchaseHazard
    return kind(settings.horizons, seed=seed, **parameters)
