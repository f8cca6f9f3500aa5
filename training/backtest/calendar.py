"""Which days are replayed, and when the model is trained anew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.errors import InputError
from features.events import DAY, to_iso
from features.history import History
from features.lives import BOUGHT, lead_lives
from training.fitting import LEAST_LEADS, LEAST_PURCHASES

LEAST_PAST = 56  # days before the first look, beyond the longest horizon: to train and to choose constants on


@dataclass(frozen=True)
class Calendar:
    """Microseconds. Leads that enter in [since, enter_until) are looked at from ``since`` to ``until``, so each for
    a while; what became of them is known for the longest horizon after that, to ``known_by``. ``origins``: when a model
    is trained, on what was known then.
    """

    begins: int
    since: int
    enter_until: int
    until: int
    known_by: int
    origins: tuple[int, ...]

    @property
    def retrain(self) -> int:
        """Microseconds between two origins."""
        return (self.until - self.since) // len(self.origins)


def plan(history: History, *, known_by: int, longest: int, folds: int, retrain_days: int) -> Calendar:
    """As many folds, up to ``folds``, as the history has room and purchases for; InputError where there is none."""
    known_by = min(known_by, int(history.known_at.max()))
    entered = np.sort(lead_lives(history, known_by).entered_at)
    begins = int(entered[len(entered) // 100])  # a stray early lead does not stretch the calendar
    until = (known_by - longest * DAY) // DAY * DAY
    least = (longest + LEAST_PAST) * DAY
    room = max((until - begins - least) // (retrain_days * DAY), 0)
    for wanted in range(min(folds, int(room)), 0, -1):
        since = until - wanted * retrain_days * DAY
        lives = lead_lives(history, since)
        known = int((lives.entered_at < since).sum())
        if known < LEAST_LEADS or int((lives.outcome == BOUGHT).sum()) < LEAST_PURCHASES:
            continue
        return Calendar(
            begins=begins,
            since=since,
            enter_until=max(until - longest * DAY, since + (until - since) // 2),
            until=until,
            known_by=known_by,
            origins=tuple(since + n * retrain_days * DAY for n in range(wanted)),
        )
    days = 2 * longest + LEAST_PAST + retrain_days
    raise InputError(
        where="history",
        expected=f"at least {days} days ({longest} of the longest horizon twice, {LEAST_PAST} to learn from, "
        f"{retrain_days} to replay), with {LEAST_LEADS} leads and {LEAST_PURCHASES} purchases before the replay",
        got=f"{(known_by - begins) / DAY:.0f} days, {to_iso(begins)} to {to_iso(known_by)}",
        remedy="Load a longer history, or set shorter horizons: LEADTIME_HORIZONS=7,30",
    )
