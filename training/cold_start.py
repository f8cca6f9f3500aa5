"""With too little data to learn from features: a curve from the few endings there are, which says what it is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from features.errors import InputError
from features.events import to_iso
from features.history import History
from features.lives import BOUGHT, Lives, lead_lives
from features.settings import Settings
from model.examples import Split, calendar_split, learns_of_purchases
from model.signal import Signal, too_little
from model.window import Windows
from training.fitting import LEAST_LEADS, LEAST_PURCHASES, Fitted, fit, serving_split
from training.gate import Check, Verdict

FEWEST_LEADS, FEWEST_PURCHASES = 10, 5  # below, even one curve for everybody would be a guess


@dataclass(frozen=True)
class Lacking:
    """What there is of the leads and purchases that it takes to learn from features, where it is not enough.

    ``unmeasured``: where there would be enough, why nothing could be kept back to measure a model on.
    """

    leads: int
    purchases: int
    unmeasured: str = ""

    @property
    def why(self) -> str:
        """How far it is to the minimum, or why that is not all."""
        return self.unmeasured or (
            f"{self.leads:,} of the {LEAST_LEADS} leads and {self.purchases:,} of the {LEAST_PURCHASES} purchases that "
            "it takes to learn from what leads do"
        )

    @property
    def signal(self) -> Signal:
        return too_little(self.why, self.purchases)


def blocks(history: History, *, known_by: int, longest: float) -> tuple[Split, Lacking | None]:
    """What is learned from and measured on, and what is lacking for the latter: None where there is enough.

    A company with a long sales cycle may have purchases enough, and all of them in the newest block; then what serves
    with fewer of them still does.
    """
    lives = lead_lives(history, known_by)
    found = lacking(lives)
    if found is None:
        split = calendar_split(history, known_by=known_by, longest=longest, tested=False)
        why = _unmeasured(history, split)
        if not why:
            return split, None
        found = Lacking(len(lives.outcome), int((lives.outcome == BOUGHT).sum()), why)
    return cold_split(history, known_by=known_by, longest=longest), found


def _unmeasured(history: History, split: Split) -> str:
    """Why no model can be measured on the newest block; empty where one can."""
    since, until = to_iso(split.test_since)[:10], to_iso(split.test_until)[:10]
    if not learns_of_purchases(history, split):
        return f"no purchase before {since}, where the newest block begins that a model would have to be measured on"
    if not len(split.test(history)):
        return f"no lead was open between {since} and {until}, the newest block that a model would be measured on"
    return ""


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


def judge_cold(found: Lacking, *, serving: str | None) -> Verdict:
    """Where nothing serves, one curve for everybody is better than none; what serves already, it does not replace."""
    if serving is not None:
        reason = f"too little data to be held against the serving model: {found.why}"
    else:
        reason = f"nothing serves yet, and one curve for everybody is better than none: {found.why}"
    held = Check("something to hold against the serving model", serving is None, reason, main=True)
    return Verdict((held,), champion=serving)
