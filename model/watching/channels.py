"""A channel that breaks off: how many leads it reached lately, beside what it reached before and what others did."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.events import DAY
from features.history import History
from model.watching.proportions import below_usual

WINDOWS = (7, 14, 28)  # days looked at, each for itself
BEFORE = 84  # days before the longest of them that tell what is usual


@dataclass(frozen=True)
class Channel:
    """``now``: leads reached in the newest ``days``, counted by week; ``usual``: in as many days before, in proportion
    to what other channels reach now. ``chance``: to see so few, had at most the tolerated share been lost."""

    name: str
    days: int
    now: int
    usual: float
    chance: float


def channels(history: History, now: int, *, share: float) -> list[Channel]:
    """Each channel with the window in which it is most unusual, the most unusual first.

    A lead counts once a week for each channel, so that counts are of people and not of clicks. ``share`` of the usual
    volume counts as usual.
    """
    days = BEFORE + WINDOWS[-1]
    recent = (history.occurred_at > now - days * DAY) & (history.occurred_at <= now) & (history.channel_code >= 0)
    rows = np.flatnonzero(recent)
    week = (now - history.occurred_at[rows]) // (7 * DAY)  # 0 is the newest
    seen = np.unique(np.stack([history.channel_code[rows], week, history.lead_code[rows]]), axis=1)
    table = np.zeros((len(history.channels), days // 7), dtype=np.int64)
    np.add.at(table, (seen[0], seen[1]), 1)
    before = table[:, WINDOWS[-1] // 7 :].sum(axis=1)
    found = []
    for code in np.flatnonzero(before):
        best: Channel | None = None
        for window in WINDOWS:
            lately = table[:, : window // 7].sum(axis=1)
            others = int(lately.sum() - lately[code]), int(before.sum() - before[code])
            exposure = (float(others[0]), float(others[1])) if min(others) else (float(window), float(BEFORE))
            n, past = int(lately[code]), int(before[code])
            chance = below_usual(n, past, exposure, share=share)
            one = Channel(history.channels[code], window, n, past * exposure[0] / exposure[1], chance)
            best = one if best is None or chance < best.chance else best
        if best is not None:
            found.append(best)
    return sorted(found, key=lambda one: one.chance)
