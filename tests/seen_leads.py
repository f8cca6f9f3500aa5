"""A history as the benchmarks see it, made up: a look a day at each lead while it is open."""

from __future__ import annotations

import numpy as np

from benchmarks.backtest.seen import Looks, Seen
from features.events import DAY
from model.curves import Curves
from model.replay.rows import Rows

MONDAY = 4 * DAY  # 1970-01-05
GRID = np.arange(0.0, 31.0)
BOUGHT_ON = (4.5, 10.5, 20.5, np.inf)  # days after the first morning


def seen(bought_on: tuple[float, ...] = BOUGHT_ON, days: int = 31) -> Seen:
    """A look a day at each lead while it is open; curves rise to the leads' chances, the last lead's the highest."""
    open_days = [int(min(np.ceil(end), days)) for end in bought_on]
    lead = np.repeat(np.arange(len(bought_on)), open_days)
    day = np.concatenate([np.arange(n) for n in open_days])
    ends = np.array(bought_on)[lead]
    rows = Rows(
        lead=lead,
        as_of=MONDAY + day * DAY,
        outcome=np.isfinite(ends).astype(np.int8),
        duration=np.where(np.isfinite(ends), ends - day, 1000.0),
        known_in=ends - day,
        step=1,
    )
    chance = np.linspace(0.2, 0.9, len(bought_on))[lead]
    curves = Curves(GRID, chance[:, None] * GRID / 30, np.zeros((len(lead), 31)))
    value = np.where(lead == 0, 1e6, 1.0)
    looks = Looks(rows, curves, 100 * chance, np.full(len(lead), np.nan), value, day - 5.0 * lead + 100)
    return Seen("made up", 1, MONDAY, 30.0, looks, looks, np.ones(len(lead), dtype=bool))
