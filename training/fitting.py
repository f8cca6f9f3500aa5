"""From a history to scorers: one to be measured on the newest block, one to serve that has learned from it too."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from features.catalogue import Catalogue, expand
from features.errors import InputError
from features.history import History
from features.lives import BOUGHT, Lives
from features.settings import Settings
from model.aalen_johansen import AalenJohansen
from model.curves import Curves
from model.examples import Examples, Split
from model.fit_scorer import fit_scorer
from model.hazard import PurchaseHazard
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
    catalogue: Catalogue = expand(history, split.test_since, roles=settings.events)
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
            hazard=_baseline(settings, signal, seed) if signal is not None and signal.baseline == NO_FEATURES else None,
        )


def _baseline(settings: Settings, signal: Signal, seed: int) -> PurchaseHazard:
    """Never enough endings to learn from features: the hazards of Aalen-Johansen, shrunk where there is little data."""
    kind = ShrunkenHazard if signal.verdict == "too little data" else PurchaseHazard
    return kind(settings.horizons, seed=seed, min_events=2**31)
