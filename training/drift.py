"""How far what the serving model sees, and says, is distributed otherwise now than when it was trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from features.builder import build
from features.errors import InputError
from features.events import DAY, parse_time
from features.history import History
from model.curves import Float
from model.drift import BINS, CALENDAR, Profile, chance_index, drifts, profiles
from model.examples import Examples, weekly_landmarks
from model.scorer import Scorer

PERIOD = 28 * DAY
ROWS = 10_000  # of each period, at most


@dataclass(frozen=True)
class Drift:
    """Population stability indices of open leads between two periods of 28 days, each ending at ``then`` and ``now``.

    ``features``: by name, the largest first; ``scores``: of readiness. ``rows``: looked at, then and now. ``chance``:
    what the index comes to when nothing has changed. ``agreement``: rank correlation of the new model's chances and
    the serving one's for the same leads now; None where nothing serves, and the new model itself is looked at.
    """

    then: int
    now: int
    features: Mapping[str, float]
    scores: float
    rows: tuple[int, int]
    chance: float
    agreement: float | None

    def metrics(self) -> dict[str, float]:
        return {"psi_scores": self.scores, "psi_features_max": max(self.features.values(), default=float("nan"))}


def drift(history: History, *, known_by: int, fresh: Scorer, champion: Scorer | None) -> Drift | None:
    """None where either period has no open lead. ``fresh``: the new model."""
    scorer = champion or fresh
    then = min(_learned_until(scorer), known_by)
    before, after = _open_leads(history, then), _open_leads(history, known_by)
    if not len(before) or not len(after):
        return None
    names = [spec.name for spec in scorer.catalogue.features if spec.aggregation not in CALENDAR]
    frames = [build(history, block.requests(), scorer.catalogue) for block in (before, after)]
    readiness = [
        scorer.readiness.of(_chance(scorer, X, block)) for X, block in zip(frames, (before, after), strict=True)
    ]
    leads = [len(np.unique(block.group)) for block in (before, after)]
    agreement = None
    if champion is not None:
        own = _chance(fresh, build(history, after.requests(), fresh.catalogue), after)
        agreement = float(spearmanr(own, _chance(champion, frames[1], after)).statistic)
    return Drift(
        then=then,
        now=known_by,
        features=drifts(profiles(frames[0], names), frames[1]),
        scores=Profile.of(pd.Series(readiness[0])).index(pd.Series(readiness[1])),
        rows=(len(before), len(after)),
        chance=chance_index(leads[0], leads[1], BINS),
        agreement=agreement,
    )


def _learned_until(scorer: Scorer) -> int:
    """A version is named after the day until which it learned; what was measured had learned from less."""
    try:
        return parse_time(scorer.version[:10])
    except InputError:
        return parse_time(scorer.notes["train_known_by"])


def _open_leads(history: History, until: int) -> Examples:
    """On every day, so that all weekdays count alike in both periods; of very many rows some."""
    rows = weekly_landmarks(history, since=until - PERIOD, until=until, known_by=until + 1, step=DAY)
    if len(rows) <= ROWS:
        return rows
    return rows.rows(np.sort(np.random.default_rng(0).choice(len(rows), ROWS, replace=False)))


def _chance(scorer: Scorer, X: pd.DataFrame, rows: Examples) -> Float:
    """(n,) of a purchase by the horizon that readiness ranks."""
    return np.asarray(scorer.curves(X, rows.as_of).at([scorer.ready_horizon])[0][:, 0])
