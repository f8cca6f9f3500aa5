"""Do the events still look as they did? Types that vanished or are new, and properties that are no longer given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from features.events import DAY, ENDINGS, ERASED
from features.history import History
from features.texts import read_properties
from training.data_checks.finding import Finding
from training.data_checks.weeks import LEAST_WEEKS, LEVEL_WEEKS, expected, weekly

LARGE, NOTABLE = 0.2, 0.02  # shares of all events: without such a type nothing can be right; the type is worth a word
LEAST_EXPECTED = 20  # events of a type in a week, for their absence to say something
MOST_READ = 20_000  # events whose properties are read, of each time
USUAL, CHANGED = 0.2, 0.25  # share of a type's events that give a property; by so much less, it is missing
LEAST_EVENTS = 100


def types(history: History, end: int) -> Iterator[Finding]:
    """Event types in the newest week that were not there before, and the other way round."""
    begin = int(history.known_at.min())
    whole = {
        name: weekly(history.known_at[history.type_code == code], end, weeks=LEVEL_WEEKS + 1, begin=begin)
        for code, name in enumerate(history.types)
        if name not in (*ENDINGS, ERASED)
    }
    weeks = max(map(len, whole.values()), default=0)
    if weeks < LEAST_WEEKS + 1:
        got = f"{max(0, weeks - 1)}"
        yield Finding("types", "ok", f"{LEAST_WEEKS} weeks or more to compare with", got)
        return
    total, newest = sum(found[:-1].sum() for found in whole.values()), sum(found[-1] for found in whole.values())
    quiet = True
    for name, found in whole.items():
        before, usual = found[:-1], expected(found[:-1])
        share = before.sum() / max(total, 1)
        if found[-1] == 0 and share >= NOTABLE and usual.mean >= LEAST_EXPECTED and usual.low > 0:
            level, quiet = "refuse" if share >= LARGE else "warn", False
            yield Finding(
                "types",
                "refuse" if level == "refuse" else "warn",
                f"{usual} events {name!r} in the newest 7 days ({100 * share:.0f} % of all before)",
                "none",
                "Look whether the source still sends them, and under the same name",
            )
        elif before.sum() == 0 and found[-1] >= max(LEAST_EXPECTED, NOTABLE * newest):
            quiet = False
            yield Finding(
                "types",
                "warn",
                f"event types that were there in the {len(before)} weeks before",
                f"{found[-1]:,.0f} events {name!r}, {100 * found[-1] / newest:.0f} % of the newest 7 days",
                "If an old type was renamed, the features of the old name end here",
            )
    if quiet:
        yield Finding("types", "ok", "the event types of the weeks before", "the same")


def properties(history: History, end: int) -> Iterator[Finding]:
    """Properties (of `identify`: traits) that the events of a type give less often than they did."""
    since = [end - (LEVEL_WEEKS + 1) * 7 * DAY, end - 7 * DAY, end + 1]
    quiet = True
    for code, kind in enumerate(history.types):
        of_type = history.type_code == code
        parts = [
            _given(history, np.flatnonzero(of_type & (history.known_at >= low) & (history.known_at < high)))
            for low, high in pairwise(since)
        ]
        (before, n), (now, m) = parts
        if min(n, m) < LEAST_EVENTS:
            continue
        for name, count in sorted(before.items()):
            usual, share = count / n, now.get(name, 0) / m
            # by more than chance, too: four standard errors of the difference
            error = float(np.sqrt(usual * (1 - usual) * (1 / n + 1 / m)))
            if usual >= USUAL and usual - share > max(CHANGED * usual, 4 * error):
                quiet = False
                what = "trait" if kind == "identify" else f"property of {kind!r}"
                yield Finding(
                    "properties",
                    "warn",
                    f"the {what} {name!r} in {100 * usual:.0f} % of the events, as in the weeks before",
                    f"in {100 * share:.0f} % in the newest 7 days",
                    "Look whether a form or an integration has changed; what is missing is learned from as missing",
                )
    if quiet:
        yield Finding("properties", "ok", "the properties of the weeks before", "the same")


def _given(history: History, rows: np.ndarray) -> tuple[Counter[str], int]:
    """How many of these events give each property a value, and of how many that is said: evenly drawn."""
    rows = rows[:: max(1, -(-len(rows) // MOST_READ))]
    found: Counter[str] = Counter()
    for said in read_properties(history, rows):
        found.update(name for name, value in said.items() if value not in (None, ""))
    return found, len(rows)
