"""What a trial is judged by: blocks of the past, each learned from what lay before it and known only then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from features.catalogue import Catalogue, expand
from features.errors import InputError
from features.estimator_settings import Parameter
from features.events import to_iso
from features.history import History
from features.lives import BOUGHT, lead_lives
from features.own_rows import own_rows
from features.settings import Settings
from model.aalen_johansen import AalenJohansen
from model.curves import Float
from model.examples import Examples, Split, calendar_split
from model.rolling import rolling_splits
from training.evaluation import Block, ibs_losses
from training.fitting import check_enough, fit_examples


@dataclass(frozen=True, eq=False)
class Fold:
    """One origin of time with the features of all its examples. ``reference``: the integrated Brier score of
    Aalen-Johansen on the test block, by which folds of any difficulty can be put side by side.
    """

    split: Split
    catalogue: Catalogue
    train: Examples
    calibrate: Examples
    test: Examples
    block: Block
    reference: float

    @property
    def said(self) -> str:
        leads = len(np.unique(self.block.groups))
        return f"{to_iso(self.split.test_since)[:10]} to {to_iso(self.split.test_until)[:10]}, {leads:,} leads"


def rolling_origin(history: History, held_out: Split, *, folds: int, longest: float) -> list[Split]:
    """Splits of what was known when ``held_out``'s test block began, the oldest first: nothing of that block, and no
    label that became known in it, is in any of them. Test blocks do not overlap.

    Fewer than ``folds`` where the past is too short; InputError where it is too short for one.
    """
    newest = calendar_split(history, known_by=held_out.test_since, longest=longest)
    check_enough(lead_lives(history, newest.test_since))
    for count in range(folds, 1, -1):
        try:
            splits = rolling_splits(newest, count, longest=longest)
            check_enough(lead_lives(history, splits[0].test_since))
        except InputError:
            continue
        return splits
    return [newest]


def prepare(history: History, split: Split, settings: Settings, *, seed: int) -> Fold | None:
    """None where nobody purchased in the test block: every curve would be right that says so."""
    catalogue = expand(history, split.test_since, rows=own_rows(settings.features_file), roles=settings.events)
    test = split.test(history)
    if not ((test.outcome == BOUGHT) & (test.duration <= settings.horizons[-1])).any():
        return None
    train = split.train(history, seed=seed).with_features(history, catalogue)
    block = Block(test.duration, test.outcome, test.lead_ids.astype(str), settings.horizons)
    base = AalenJohansen(settings.horizons).fit(None, train.y).predict_curves(np.empty((len(test), 0)))
    return Fold(
        split=split,
        catalogue=catalogue,
        train=train,
        calibrate=split.calibrate(history).with_features(history, catalogue),
        test=test.with_features(history, catalogue),
        block=block,
        reference=float(ibs_losses(block, base).mean()),
    )


def losses(fold: Fold, settings: Settings, parameters: Mapping[str, Parameter], *, seed: int) -> Float:
    """(n,): what each test row adds to the integrated Brier score of the scorer that training would make so.

    One thread: several trials at a time make better use of several cores.
    """
    asked = settings.estimator.model_copy(update={"parameters": {**parameters, "n_jobs": 1}})
    settings = settings.model_copy(update={"estimator": asked})
    scorer = fit_examples(fold.train, fold.calibrate, fold.catalogue, settings, seed=seed, version="")
    return ibs_losses(fold.block, scorer.curves(fold.test.features, fold.test.as_of))
