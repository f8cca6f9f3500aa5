"""Do leads look otherwise than those that the serving model has learned from?"""

from __future__ import annotations

import numpy as np

from features.builder import build
from features.events import parse_time
from features.history import History
from model.drift import BINS, CALENDAR, MUCH, chance_index, drifts, profiles
from model.examples import WEEK, Examples, weekly_landmarks
from model.scorer import Scorer
from training.data_checks.finding import Finding

NEWEST, BEFORE = 4, 26  # weeks
MOST_ROWS, NAMED = 3_000, 5
MOST_PAIRS = 2_000_000  # of leads and dates, of which the rows are taken: with more leads there are fewer dates


def feature_drift(history: History, champion: Scorer, end: int) -> Finding:
    """The population stability index of each feature: leads open on the newest dates, beside those open on dates within
    the last half-year that the champion has learned from. All lie whole weeks apart: what a weekend does to a feature
    would be taken for drift.
    """
    known_by = champion.notes.get("train_known_by")
    until = min(parse_time(known_by) if known_by else end, end - NEWEST * WEEK)
    until -= (until - end) % WEEK
    after = _few(weekly_landmarks(history, since=end - NEWEST * WEEK, until=end, known_by=end))
    step = -(-BEFORE // max(2, MOST_PAIRS // max(1, history.n_leads))) * WEEK
    before = _few(weekly_landmarks(history, since=until - BEFORE * WEEK, until=until, known_by=end, step=step))
    expected = f"features distributed as in the {BEFORE} weeks that the serving model has learned from"
    n, m = (len(np.unique(rows.group)) for rows in (before, after))
    if min(n, m) < 50:
        return Finding("drift", "ok", expected, "too few leads to tell")
    frames = [build(history, rows.requests(), champion.catalogue) for rows in (before, after)]
    looked_at = [spec.name for spec in champion.catalogue.features if spec.aggregation not in CALENDAR]
    chance = chance_index(n, m, BINS + 1, chance=0.001 / max(1, len(looked_at)))
    found = drifts(profiles(frames[0], looked_at), frames[1])
    moved = {name: index for name, index in found.items() if index > MUCH + chance}
    if not moved:
        return Finding("drift", "ok", expected, f"a stability index of at most {max(found.values(), default=0):.2f}")
    first = ", ".join(f"{name} {index:.2f}" for name, index in list(moved.items())[:NAMED])
    return Finding(
        "drift",
        "warn",
        expected,
        f"{len(moved)} of {len(looked_at)} with an index above {MUCH + chance:.2f}: {first}",
        "If the market has changed, the new model is the remedy; if a source has, mend it",
    )


def _few(rows: Examples) -> Examples:
    step = max(1, -(-len(rows) // MOST_ROWS))
    return rows.rows(np.arange(0, len(rows), step))
