"""All checks of the data, one after the other."""

from __future__ import annotations

from collections.abc import Collection

from features.events import DAY
from features.history import History
from features.lives import lead_lives
from model.scorer import Scorer
from training.data_checks.delays import outcome_delays
from training.data_checks.drift import feature_drift
from training.data_checks.finding import Finding, refuse
from training.data_checks.schema import properties, types
from training.data_checks.volume import MOST_DAYS, age, volume
from training.gate import Rivals

NAMES = ("age", "events", "leads", "purchases", "losses", "types", "properties", "outcome_delay", "drift")


def checked(history: History, rivals: Rivals, *, known_by: int, ignored: Collection[str]) -> list[Finding]:
    """All findings as they count, see ``refuse``; InputError where the data are refused."""
    champion = None if rivals.champion is None else rivals.champion.scorer
    found = check_data(history, known_by=known_by, champion=champion)
    return refuse(found, ignored=ignored, serves=rivals.serving is not None)


def check_data(history: History, *, known_by: int, champion: Scorer | None = None) -> list[Finding]:
    """``history``: all that was known at ``known_by``, microseconds, from which weeks count back; of old data, which
    ``age`` tells, from their newest event. ``champion``: the serving model, for the drift of features.
    """
    newest = int(history.known_at.max())
    end = known_by if known_by - newest <= MOST_DAYS * DAY else newest
    entered = lead_lives(history, known_by).entered_at
    findings = [age(history, known_by), *volume(history, entered, end)]
    findings += [*types(history, end), *properties(history, end), outcome_delays(history, end)]
    if champion is not None:
        findings.append(feature_drift(history, champion, end))
    return findings
