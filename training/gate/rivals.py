"""The serving model and the best so far, as they were measured: found in the registry."""

from __future__ import annotations

import sys
from dataclasses import dataclass

from features.errors import InputError
from features.settings import Settings
from model.scorer import Scorer
from training.gate.duel import Rival
from training.tracking import MEASURED, FilesMissing, Tracking
from training.tracking.versions import BEST


@dataclass(frozen=True, eq=False)
class Rivals:
    """``champion``: what serves, ``best``: the last version that was shown to be better than the best before it.

    None where there is none, or it cannot be compared with. ``serving``: the number of the version that serves.
    """

    champion: Rival | None = None
    best: Rival | None = None
    serving: str | None = None


def find_rivals(tracking: Tracking, settings: Settings) -> Rivals:
    """As they were measured: fitted without the newest block of their own training.

    Where files are gone, or of a format that this program no longer reads, that is said on stderr: the remedy is a new
    model, so nothing may keep it from being trained. ModelUnavailable where the tracking server does not answer.
    """
    serving = tracking.find(settings.model_alias)
    if serving is None:
        return Rivals()
    champion = _rival(tracking, settings, settings.model_alias, "the serving model")
    best = _rival(tracking, settings, BEST, "the best so far") if tracking.find(BEST) != serving else None
    return Rivals(champion, best, serving)


def _rival(tracking: Tracking, settings: Settings, alias: str, name: str) -> Rival | None:
    version = tracking.find(alias)
    if version is None:
        return None
    try:
        files = tracking.load(version, folder=MEASURED)
        scorer = Scorer.from_files(files, trusted=settings.estimator.trusts, costs=settings.costs)
        return Rival(name, version, scorer)
    except (InputError, FilesMissing) as error:
        print(f"{name} cannot be compared with: {error}", file=sys.stderr)
        return None
