"""Are outcomes told as soon as they were?"""

from __future__ import annotations

import numpy as np

from features.events import DAY, ENDINGS
from features.history import History
from training.data_checks.finding import Finding
from training.data_checks.weeks import WEEK

NEWEST, BEFORE, LEAST = 4, 26, 20  # weeks, weeks, outcomes in each
LATER, DAYS = 2.0, 2.0  # so many times as late, and at least by so many days


def outcome_delays(history: History, end: int) -> Finding:
    """From the ending of a lead to when it was recorded; late ones look like open leads meanwhile."""
    ended = history.of_types(*ENDINGS)
    known, delay = history.known_at[ended], (history.known_at - history.occurred_at)[ended] / DAY
    newest = delay[known >= end - NEWEST * WEEK]
    before = delay[(known < end - NEWEST * WEEK) & (known >= end - (NEWEST + BEFORE) * WEEK)]
    if min(len(newest), len(before)) < LEAST:
        return Finding("outcome_delay", "ok", "some outcomes to compare", "too few")
    usual, now = float(np.median(before)), float(np.median(newest))
    late = now > max(LATER * usual, usual + DAYS)
    return Finding(
        "outcome_delay",
        "warn" if late else "ok",
        f"outcomes recorded {usual:.1f} days after they happened (median), as in the {BEFORE} weeks before",
        f"{now:.1f} days in the newest {NEWEST} weeks",
        "The newest leads look as if they were open: purchases are learned as too rare and too late" if late else "",
    )
