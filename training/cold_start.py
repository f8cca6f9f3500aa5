"""With too little data to learn from features: a curve from the few endings there are, which says what it is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from features.errors import InputError
from features.history import History
from features.lives import BOUGHT, Lives
from features.settings import Settings
from model.examples import Split, calendar_split
from model.signal import Signal, too_little
from model.window import Windows
from training.fitting import LEAST_LEADS, LEAST_PURCHASES, Fitted, fit, serving_split
from training.gate import Check, Verdict

FEWEST_LEADS, FEWEST_PURCHASES = 10, 5  # below, even one curve for everybody would be a guess


@dataclass(frozen=True)
class Lacking:
    """What there is of the leads and purchases that it takes to learn from features, where it is not enough."""

    leads: int
    purchases: int

    @property
    def why(self) -> str:
        """How far it is to the minimum."""
        return (
            f"{self.leads:,} of the {LEAST_LEADS} leads and {self.purchases:,} of the {LEAST_PURCHASES} purchases that "
            "it takes to learn from what leads do"
        )

    @property
    def signal(self) -> Signal:
        return too_little(self.why, self.purchases)


def lacking(lives: Lives) -> Lacking | None:
    """None where there is enough to learn from features; InputError where there is too little for anything."""
    leads, purchases = len(lives.outcome), int((lives.outcome == BOUGHT).sum())
    for what, found, fewest, least in (
        ("leads", leads, FEWEST_LEADS, LEAST_LEADS),
        ("purchases", purchases, FEWEST_PURCHASES, LEAST_PURCHASES),
    ):
        if found < fewest:
            raise InputError(
                where="history",
                expected=f"at least {fewest} {what} for a first curve ({least} to learn from what leads do)",
                got=str(found),
                remedy="Load more leads and their outcomes with python -m features.load DIR",
            )
    return Lacking(leads, purchases) if leads < LEAST_LEADS or purchases < LEAST_PURCHASES else None


def cold_split(history: History, *, known_by: int, longest: float) -> Split:
    """Nothing is kept back for testing: it would be a handful of purchases, of which nothing could be said."""
    split = serving_split(calendar_split(history, known_by=known_by, longest=longest, tested=False))
    if not len(split.calibrate(history)):  # nobody was open on its few dates
        split = replace(split, calibrate_since=split.train_since)
    return split


def fit_cold(history: History, split: Split, settings: Settings, found: Lacking, *, seed: int, version: str) -> Fitted:
    """Aalen-Johansen shrunk towards a constant rate, with windows as wide as so few purchasers ask for."""
    fitted = fit(history, split, settings, seed=seed, version=version, signal=found.signal)
    bought = len(np.unique(fitted.train.group[fitted.train.outcome == BOUGHT]))
    windows = Windows.widened(settings.window_coverage, bought)
    return replace(fitted, scorer=replace(fitted.scorer, windows=windows))


def judge_cold(found: Lacking, *, serves: bool) -> Verdict:
    """Where nothing serves, one curve for everybody is better than none; what serves already, it does not replace."""
    if serves:
        reason = f"too little data to be held against the serving model: {found.why}"
    else:
        reason = f"nothing serves yet, and one curve for everybody is better than none: {found.why}"
    return Verdict((Check("something to hold against the serving model", not serves, reason),))
