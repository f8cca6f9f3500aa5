"""What a handoff promised and what became of it, followed for as long as it can be judged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.events import DAY
from features.history import Int64
from features.lives import BOUGHT
from model.measurement.journeys import Bool, Float, Journeys
from model.measurement.period import Period


@dataclass(frozen=True, eq=False)
class Followed:
    """The first scored handoff of each lead, if it was made in the period: (m,) rows.

    ``rows``: in ``data.handoffs``; ``lead``: in the journeys. ``horizon``: days, the longest one with a probability.
    ``days``: how long it has been since the handoff, up to the horizon, whatever happened in between. ``ended``: days
    to the ending or, without one, to now; ``outcome``: OPEN, BOUGHT or GONE by then. ``chance``: of having bought
    within ``days``; ``whole``: within the horizon. ``won``: bought within ``days``. ``afterwards``:
    scored afterwards.
    """

    rows: npt.NDArray[np.intp]
    lead: Int64
    horizon: Float
    days: Float
    ended: Float
    outcome: npt.NDArray[np.int8]
    chance: Float
    whole: Float
    won: Bool
    afterwards: Bool

    def __len__(self) -> int:
        return len(self.rows)


def followed(data: Journeys, period: Period, *, handed_over: bool = False) -> Followed:
    """A lead counts once. ``handed_over``: without handoffs that were held out.

    The probability within ``days`` lies on the lines between 0 and those at the horizons.

    How long a lead is followed depends on the calendar alone and never on what it did, so the expected purchases among
    n leads are the sum of their probabilities, and an open lead is neither won nor counted for longer than it was seen.
    """
    given = data.handoffs
    rows = given.first(given.scored & ~given.held_out) if handed_over else given.first(given.scored)
    rows = rows[period.holds(given.at[rows])]
    lead, at = given.lead[rows], given.at[rows]
    told = np.isfinite(given.chance[rows])
    days_of = np.array(given.horizons, dtype=np.float64)
    horizon = np.where(told, days_of, 0.0).max(axis=1, initial=0.0)
    since = (data.known_by - at) / DAY
    days = np.minimum(since, horizon)
    ended = (data.ended_at[lead] - at) / DAY
    chance = np.array(
        [
            np.interp(u, [0.0, *days_of[mask]], [0.0, *np.maximum.accumulate(p[mask])])
            for u, p, mask in zip(days, given.chance[rows], told, strict=True)
        ],
        dtype=np.float64,
    )
    whole = np.array([p[mask].max() for p, mask in zip(given.chance[rows], told, strict=True)], dtype=np.float64)
    outcome = data.outcome[lead]
    return Followed(
        rows=rows,
        lead=lead,
        horizon=horizon,
        days=days,
        ended=ended,
        outcome=outcome,
        chance=chance,
        whole=whole,
        won=(outcome == BOUGHT) & (ended <= days),
        afterwards=given.afterwards[rows],
    )
