"""The numbers of the journey's law, as arrays that the compiled kernel takes, and the calendar they vary over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from features.sources.simulator.market import RATES, Change, World

Float = npt.NDArray[np.float64]

TALKS_WORTH = 2.6  # in talks, a lead buys this many times as readily (times the salesperson's closing)
ANNOYED_BUYS, ANNOYED_LEAVES = 0.75, 1.9  # each call that came too early multiplies the two hazards by this
TOLD_OFF_LEAVES = 4.0  # after a call that came too late, or to someone who never buys


class Law(NamedTuple):
    """The law of one world over one calendar. By phase (6,), by number of early calls (4,), by day (days,).

    ``leave``: probability a day that an undated need moves on to the next phase. ``buy``, ``lose``: hazards a day.
    ``call``: calls a day as one of full skill makes them; ``call_blind``: as one of none does. ``rate``: signals a
    day (6, signals), ``rate_sum`` (6,), ``rate_cut``: cumulative shares. ``*_on``: what each day multiplies.
    """

    leave: Float
    buy: Float
    lose: Float
    talks: Float  # (3,) by contact: none, in talks, told off: multiplies buy
    told: Float  # (3,): multiplies lose
    call_more: Float  # (3,): multiplies call
    annoyed_buys: Float
    annoyed_leaves: Float
    call: Float
    call_blind: float
    rate: Float
    rate_sum: Float
    rate_cut: Float
    speed_on: Float
    buy_on: Float
    lose_on: Float
    call_on: Float
    signal_on: Float


@dataclass(frozen=True)
class Span:
    """The calendar simulated: ``days`` whole days (UTC), the last one before ``end``. Day 0 is the first."""

    end: date
    days: int

    @property
    def start(self) -> date:
        return self.end - timedelta(days=self.days)

    @property
    def start_micros(self) -> int:
        return (self.start - date(1970, 1, 1)).days * 86_400_000_000

    @property
    def end_micros(self) -> int:
        return (self.end - date(1970, 1, 1)).days * 86_400_000_000


def law_of(world: World, span: Span, beyond: int = 0) -> Law:
    """The law on the span's days and ``beyond`` days after its end."""
    day = np.arange(span.days + beyond + 1)
    ordinal = day + span.start.toordinal()
    weekend = (ordinal + 6) % 7 >= 5  # Monday is 0
    dates = [date.fromordinal(int(o)) for o in ordinal]
    month = np.array([d.month for d in dates])
    left_in_month = np.array([(d.replace(day=28) + timedelta(days=4)).replace(day=1) for d in dates]) - np.array(dates)
    last_week = np.array([delta.days <= 7 for delta in left_in_month])
    quarter_end = last_week & (month % 3 == 0)
    summer = np.isin(month, (7, 8))
    # drift runs from +1 at the first day to -1 at the last, and stays there
    drift = world.drift * np.clip(1 - 2 * day / span.days, -1, 1)
    rate = RATES * world.engagement
    change = world.change or Change(day=len(day))
    buys = world.buys * np.where(day < change.day, 1.0, change.buys)
    powers = np.arange(4, dtype=np.float64)
    return Law(
        leave=np.array([0.009, 0.014, 0.026, 0.045, 0.0, 0.0]),
        buy=np.array([0.00002, 0.0001, 0.0008, 0.020, 0.0006, 0.0]),
        lose=np.array([0.0022, 0.0018, 0.0014, 0.0018, 0.032, 0.0065]),
        talks=np.array([1.0, TALKS_WORTH, 0.5]),
        told=np.array([1.0, 0.8, TOLD_OFF_LEAVES]),
        call_more=np.array([1.0, 2.0, 0.15]),
        annoyed_buys=np.power(ANNOYED_BUYS, powers),
        annoyed_leaves=np.power(ANNOYED_LEAVES, powers),
        call=np.array([0.005, 0.008, 0.035, 0.055, 0.020, 0.005]),
        call_blind=0.014,
        rate=rate,
        rate_sum=rate.sum(axis=1),
        rate_cut=np.cumsum(rate, axis=1) / rate.sum(axis=1, keepdims=True),
        speed_on=np.where(summer, 0.75, 1.0) * np.exp(0.35 * drift),
        buy_on=np.where(weekend, 0.12, 1.28) * np.where(quarter_end, 1.6, 1.0) * np.exp(0.45 * drift) * buys,
        lose_on=np.where(weekend, 0.5, 1.2) * np.exp(-0.25 * drift),
        call_on=np.where(weekend, 0.0, 1.4),
        signal_on=np.where(weekend, 0.35, 1.25) * np.where(summer, 0.85, 1.0) * np.exp(0.4 * drift),
    )
