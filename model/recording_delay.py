"""How late endings are recorded, and how long the newest labels have to wait for that.

A lead that bought yesterday and is recorded tomorrow looks open today. Where outcomes are entered slowly, labels that
are cut at the moment of asking are too often open, and every hazard comes out too low. So follow-up ends a while
earlier: late enough to be recent, early enough that nearly all endings until then have been recorded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.events import DAY, ENDINGS
from features.history import History, Int64
from features.lives import lead_lives

QUANTILE = 0.95  # of the delays: so many of the endings are recorded when follow-up ends
MOST_OF_HISTORY = 0.1  # what follow-up may lose at most, as a share of the history
_FEWEST = 20  # endings below which a quantile says nothing

Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class RecordingDelay:
    """``endings``: that the estimate rests on. ``median``, ``quantile``: days from an ending to its record.

    ``lag``: days by which follow-up ends before the moment of asking; below ``quantile`` where ``capped``.
    """

    endings: int
    median: float
    quantile: float
    lag: float
    capped: bool = False


def recording_delay(history: History, known_by: int) -> RecordingDelay:
    """Of endings that leads came to while they were known, as recorded by ``known_by`` (microseconds).

    All 0 where everything was recorded as it happened, and where there are too few endings to tell.
    """
    occurred, recorded = _first_endings(history, known_by)
    delay, followed = (recorded - occurred) / DAY, (known_by - occurred) / DAY
    if len(delay) < _FEWEST or not delay.any():
        return RecordingDelay(len(delay), 0.0, 0.0, 0.0)
    median, quantile = (right_truncated_quantile(delay, followed, level) for level in (0.5, QUANTILE))
    # the one lead that was created years before all others does not make the history longer
    history_days = (known_by - float(np.quantile(history.known_at, 0.01))) / DAY
    lag = min(quantile, MOST_OF_HISTORY * history_days)
    return RecordingDelay(len(delay), median, quantile, lag, lag < quantile)


def _first_endings(history: History, known_by: int) -> tuple[Int64, Int64]:
    """When the endings of leads that were known before occurred, and when they were recorded."""
    entered = lead_lives(history, known_by).entered_at
    rows = np.flatnonzero(history.of_types(*ENDINGS) & (history.known_at <= known_by))
    # events lie in the order of leads and, within a lead, of occurred_at: the first row of each lead counts
    lead, first = np.unique(history.lead_code[rows], return_index=True)
    rows = rows[first]
    seen = entered[lead] < history.occurred_at[rows]
    return history.occurred_at[rows][seen], history.known_at[rows][seen]


def right_truncated_quantile(delay: Float, followed: Float, level: float) -> float:
    """The quantile of n delays of which only those up to ``followed`` (n,) each could be seen.

    Newest endings are seen only where they were recorded fast; the product limit in reverse time undoes that: F(x) =
    product over u > x of 1 - dN(u) / Y(u), Y(u) = endings with delay <= u <= followed (Lagakos, Barraj and De
    Gruttola 1988). Given the longest delay that was seen.
    """
    values, counts = np.unique(delay, return_counts=True)
    at_risk = np.searchsorted(np.sort(delay), values, side="right") - np.searchsorted(np.sort(followed), values)
    share = 1.0 - counts / np.maximum(at_risk, counts)
    # the shortest delay is certain, given that it was seen; F at each value is the product over all later ones
    below = np.append(np.cumprod(share[::-1])[::-1][1:], 1.0)
    return float(values[np.searchsorted(below, level - 1e-12)])
