"""Does as much come in as did? Events, leads, purchases and losses."""

from __future__ import annotations

from collections.abc import Iterator

from features.events import DAY, LOST, PURCHASED
from features.history import History
from training.data_checks.finding import Finding
from training.data_checks.weeks import LEAST_WEEKS, WEEKS, Int64, expected, weekly

GONE = 0.1  # of what was usual: less than that is no bad week but a broken feed
MOST_DAYS = 3  # that the newest event may be old
OUTCOME_WEEKS = 4  # purchases and losses are fewer: four weeks at once


def volume(history: History, entered: Int64, end: int) -> Iterator[Finding]:
    """``entered``: (leads,) when each could first be seen; ``end``: of the newest week. Microseconds."""
    feed = "Look whether all sources still send"
    yield _counted("events", "events", history.known_at, end, remedy=feed)
    yield _counted("leads", "new leads", entered, end, remedy=feed)
    for name, kind in (("purchases", PURCHASED), ("losses", LOST)):
        if kind in history.types:
            at = history.known_at[history.of_types(kind)]
            remedy = "Look whether the CRM still sends outcomes: without them every lead seems to be open"
            yield _counted(name, name, at, end, newest=OUTCOME_WEEKS, remedy=remedy)


def age(history: History, now: int) -> Finding:
    """How long ago the newest event became known."""
    days = (now - int(history.known_at.max())) / DAY
    got = f"{days:.1f} days"
    remedy = "" if days <= MOST_DAYS else "What happened since is not learned from"
    return Finding(
        "age", "ok" if days <= MOST_DAYS else "warn", f"a newest event of at most {MOST_DAYS} days", got, remedy
    )


def _counted(name: str, what: str, at: Int64, end: int, *, newest: int = 1, remedy: str) -> Finding:
    """The moments ``at`` of the newest weeks beside those of the weeks before."""
    counts = weekly(at, end, weeks=WEEKS + newest)
    before = counts[:-newest]
    if len(before) < LEAST_WEEKS:
        return Finding(name, "ok", f"{LEAST_WEEKS} weeks or more to compare with", f"{len(before)}")
    usual, found = expected(before, newest), float(counts[-newest:].sum())
    wanted, got = f"{usual} {what} in the newest {7 * newest} days", f"{found:,.0f}"
    if usual.low <= found <= usual.high:
        return Finding(name, "ok", wanted, got)
    if found > usual.high:
        return Finding(name, "warn", wanted, got, "Look whether something is sent twice")
    return Finding(name, "refuse" if found < GONE * usual.mean else "warn", wanted, got, remedy)
