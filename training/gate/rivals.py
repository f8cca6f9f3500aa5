"""The serving model and the best so far, as they were measured: found in the registry."""

from __future__ import annotations

import sys

from features.errors import InputError
from features.settings import Settings
from model.scorer import Scorer
from training.gate.duel import Rival
from training.tracking import MEASURED, Tracking
from training.versions import BEST


def rivals(tracking: Tracking, settings: Settings) -> tuple[Rival | None, Rival | None]:
    """What serves, and the best so far: as they were measured, fitted without the newest block of their own training.

    None where there is none, and where its files are of a format that this program no longer reads, which is said on
    stderr: the remedy is a new model, so nothing may keep it from being trained.
    """
    serving = _rival(tracking, settings.model_alias, "the serving model")
    return serving, None if serving is None else _rival(tracking, BEST, "the best so far")


def _rival(tracking: Tracking, alias: str, name: str) -> Rival | None:
    version = tracking.find(alias)
    if version is None:
        return None
    files = tracking.load(version, folder=MEASURED)
    try:
        return Rival(name, version, Scorer.from_files(files))
    except InputError as error:
        print(f"{name} cannot be compared with: {error}", file=sys.stderr)
        return None
