"""What a policy's calls came to, lead by lead, at the costs that the dates are decided by."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from features.lives import BOUGHT
from model.curves import Float
from model.decision import CallCosts
from model.replay.rows import Bool, Int64, Rows


@dataclass(frozen=True)
class Charges:
    """``early``, ``late``: each day before and after the best moment, which is ``lead_time`` days before the purchase;
    ``early_cap``: the most that being too early costs. ``wasted_call``: a call that no purchase follows within
    ``longest`` days. ``missed_days``: a purchase before any call costs so many days late, and no late call costs more.
    ``lost_after``: a call so many days late loses the deal; then ``late`` is for leads of which no value is known.
    """

    early: float
    late: float
    wasted_call: float
    longest: float
    missed_days: float
    early_cap: float = float("inf")
    lead_time: float = 0.0
    lost_after: float | None = None

    @classmethod
    def of(cls, costs: CallCosts, *, longest: float, missed_days: float | None = None) -> Charges:
        """``missed_days``: instead of those of the costs."""
        cap, lost_after = costs.early_cap, costs.deal_lost_after
        late = costs.late if lost_after is None else costs.deal_value / lost_after
        return cls(
            early=costs.early,
            late=late,
            wasted_call=costs.wasted_call,
            longest=longest,
            missed_days=costs.most_days_late(longest) if missed_days is None else missed_days,
            early_cap=float("inf") if cap is None else cap,
            lead_time=costs.lead_time,
            lost_after=lost_after,
        )

    @property
    def missed(self) -> float:
        """What a purchase before any call costs, where the lead's own value does not count or is not known."""
        return self.late * self.missed_days

    def late_rates(self, rows: Rows, value: Float | None) -> Float:
        """(m,) what each day too late costs. ``value``: (n,) of the deal as known at each row, NaN for none; of a lead
        its last counts at whatever row it is called, for a deal is worth the same under all policies.
        """
        rates = np.full(len(rows.last), self.late)
        if self.lost_after is not None and value is not None:
            worth = value[rows.last]
            known = np.isfinite(worth) & (worth >= 0)  # as model.decision takes them
            rates[known] = worth[known] / self.lost_after
        return rates


@dataclass(frozen=True, eq=False)
class Result:
    """What became of m leads under one policy.

    ``day``: (m,) of the call, in days after the lead's first look, NaN for none. ``won``: called, and bought within
    the longest horizon after it; ``wasted``: called, and no purchase within it; ``late``: bought before the call, which
    came after all or never; ``waiting``: neither called nor ended when the replay did. A lead that was lost before it
    was called is none of these. ``days_early`` (m,) from the call to the purchase where won. ``days_late`` (m,) where
    late: from the purchase to the call, or to the date that stood for it; NaN where there was none. ``cost``: (m,).
    ``late_rate``: (m,) what a day too late costs.
    """

    day: Float
    won: Bool
    wasted: Bool
    late: Bool
    waiting: Bool
    days_early: Float
    days_late: Float
    cost: Float
    late_rate: Float

    @property
    def called(self) -> Bool:
        return np.isfinite(self.day)

    def __len__(self) -> int:
        return len(self.day)

    def rows(self, which: Bool) -> Result:
        return Result(**{part.name: getattr(self, part.name)[which] for part in fields(self)})


def settle(rows: Rows, plan: Float, charges: Charges, value: Float | None = None) -> Result:
    """Each lead is called once, at the first look whose plan comes before the next look and before the lead is known
    to have ended. ``value``: as for ``Charges.late_rates``.
    """
    place = np.arange(len(rows))
    comes = np.isfinite(plan) & (plan < np.minimum(rows.step, rows.known_in))
    found = np.minimum.reduceat(np.where(comes, place, len(rows)), rows.first) if len(rows) else place
    called = found < len(rows)
    row = np.where(called, found, rows.last)
    return _result(rows, row, plan[row], called, charges, late_rate=charges.late_rates(rows, value))


def _result(rows: Rows, row: Int64, day: Float, called: Bool, charges: Charges, *, late_rate: Float) -> Result:
    """``row``: (m,) the one at which each lead was called, or its last; ``day``: the plan of that row."""
    gap = rows.duration[row] - day  # the purchase comes so many days after the call
    bought = rows.outcome[row] == BOUGHT
    over = rows.known_in[row] <= rows.step  # the lead ended before there was another look
    won = called & bought & (gap >= 0) & (gap <= charges.longest)
    after = called & bought & (gap < 0)
    late = after | (~called & bought & over)
    wasted = called & ~won & ~after
    days_early = np.where(won, gap, np.nan)
    days_late = np.where(late & np.isfinite(gap), np.maximum(-gap, 0.0), np.nan)
    spare = gap - charges.lead_time
    dated = np.minimum(charges.early * np.maximum(spare, 0.0), charges.early_cap)
    dated = dated + late_rate * np.minimum(np.maximum(-spare, 0.0), charges.missed_days)
    cost = np.where(won | after, dated, 0.0)
    cost = np.where(wasted, charges.wasted_call, cost)
    cost = np.where(late & ~after, late_rate * charges.missed_days, cost)
    return Result(
        day=np.where(called, rows.age[row] + day, np.nan),
        won=won,
        wasted=wasted,
        late=late,
        waiting=~called & ~over,
        days_early=days_early,
        days_late=days_late,
        cost=cost,
        late_rate=late_rate,
    )


def hindsight(rows: Rows, charges: Charges, value: Float | None = None) -> Result:
    """The cheapest for each lead by who knows what will become of it: no policy of whole days costs less.

    Of a purchase it takes the cheapest of the last day before the best moment, the day after it, a call so early that
    it counts as wasted, and none. Whoever does not buy is not called. ``value``: as for ``Charges.late_rates``.
    """
    first, last, rates = rows.first, rows.last, charges.late_rates(rows, value)
    best_on = rows.duration[first] - charges.lead_time  # days after the first look
    reach = np.minimum(rows.age[last] + rows.step, rows.known_in[first])  # calls can come before this day
    before = np.clip(np.floor(best_on), 0.0, np.ceil(reach) - 1)
    options = np.stack([before, before + 1, np.zeros(len(first)), np.full(len(first), np.nan)])
    options = np.where((options >= 0) & (options < reach), options, np.nan)
    results = [_on_day(rows, day, charges, rates) for day in options]
    best = np.argmin(np.stack([result.cost for result in results]), axis=0)
    best = np.where(rows.outcome[first] == BOUGHT, best, len(options) - 1)
    return _on_day(rows, options[best, np.arange(len(first))], charges, rates)


def _on_day(rows: Rows, day: Float, charges: Charges, late_rate: Float) -> Result:
    """Each lead called on a day after its first look, NaN: not at all."""
    called = np.isfinite(day)
    nth = np.where(called, day, 0.0) // rows.step
    row = np.where(called, rows.first + nth.astype(np.int64), rows.last)
    return _result(rows, row, day - rows.age[row], called, charges, late_rate=late_rate)
