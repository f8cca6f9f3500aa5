"""Customers and value that came through marketing, were influenced by it, and were handed over ripe."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.measurement.exact import MONEY_UNITS
from model.measurement.handoffs import NO_DAY
from model.measurement.journeys import NEVER, NO_CHANNEL, Bool, Journeys
from model.measurement.period import Period, month_of, months


@dataclass(frozen=True)
class Won:
    """Purchases of a period and what they were worth; a purchase of unknown value counts as worth nothing.

    ``sourced``: through marketing; ``influenced``: with a marketing touch at or before the purchase; ``ripe``: handed
    over ripe. The same purchase may be all three.
    """

    wins: int
    value: float
    wins_without_value: int
    sourced_wins: int
    sourced_value: float
    influenced_wins: int
    influenced_value: float
    ripe_wins: int
    ripe_value: float


@dataclass(frozen=True)
class Source:
    """What came through one channel. ``leads``: first seen in the period; the rest by when it happened.

    ``channel``: None for leads that did not come through marketing.
    """

    channel: str | None
    leads: int
    ripe_leads: int
    wins: int
    value: float
    ripe_wins: int


@dataclass(frozen=True)
class Sourced:
    total: Won
    months: dict[str, Won]
    sources: list[Source]
    handed_over: int
    handed_over_without_window: int
    ripe_leads: int
    ripe_afterwards: int


def sourced(data: Journeys, period: Period) -> Sourced:
    """Purchases count by when they happened, leads by when they were first seen, handoffs by when they were made."""
    won = data.won & period.holds(data.ended_at)
    month = month_of(data.ended_at)
    handed = period.holds(data.handoffs.at) & ~data.handoffs.held_out
    ripe_at = data.ripe_at
    ripe = (ripe_at != NEVER) & period.holds(ripe_at)
    no_window = data.handoffs.window_end == NO_DAY
    return Sourced(
        total=_won(data, won),
        months={name: _won(data, won & (month == one)) for one, name in months(month[won])},
        sources=_sources(data, won, ripe, period),
        handed_over=len(np.unique(data.handoffs.lead[handed])),
        handed_over_without_window=len(np.unique(data.handoffs.lead[handed & no_window])),
        ripe_leads=int(ripe.sum()),
        ripe_afterwards=int((ripe & ~_told_ripe(data)).sum()),
    )


def _told_ripe(data: Journeys) -> Bool:
    """(n,): whether a handoff made the lead ripe by a score that it brought itself."""
    told = np.zeros(len(data.lead_ids), dtype=bool)
    told[data.handoffs.lead[data.handoffs.ripe & ~data.handoffs.afterwards]] = True
    return told


def money(values: npt.ArrayLike) -> float:
    """The sum, each amount rounded to hundredths first, unknown ones left out."""
    return int(cents(values).sum()) / MONEY_UNITS


def cents(values: npt.ArrayLike) -> npt.NDArray[np.int64]:
    return np.rint(np.nan_to_num(np.asarray(values, dtype=np.float64)) * MONEY_UNITS).astype(np.int64)


def _won(data: Journeys, won: Bool) -> Won:
    parts = (won, won & (data.source != NO_CHANNEL), won & data.influenced, won & (data.ripe_at != NEVER))
    wins = [int(part.sum()) for part in parts]
    value = [money(data.value[part]) for part in parts]
    unknown = int(np.isnan(data.value[won]).sum())
    return Won(wins[0], value[0], unknown, wins[1], value[1], wins[2], value[2], wins[3], value[3])


def _sources(data: Journeys, won: Bool, ripe: Bool, period: Period) -> list[Source]:
    new = period.holds(data.first_at)
    found = []
    for code in np.unique(data.source[new | won | ripe]).tolist():
        mine = data.source == code
        found.append(
            Source(
                channel=None if code == NO_CHANNEL else data.channels[code],
                leads=int((mine & new).sum()),
                ripe_leads=int((mine & ripe).sum()),
                wins=int((mine & won).sum()),
                value=money(data.value[mine & won]),
                ripe_wins=int((mine & won & (data.ripe_at != NEVER)).sum()),
            )
        )
    return sorted(found, key=lambda one: (one.channel is None, -one.value, -one.wins, one.channel or ""))
