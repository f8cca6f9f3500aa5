"""What channels and campaigns cost, and what came back: cost per ripe lead, return on spend, by month."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.history import Int64
from model.measurement.attribution import Credit
from model.measurement.exact import MONEY_UNITS, WIN_UNITS
from model.measurement.paths import By, Key
from model.metrics.bootstrap import Estimate


@dataclass(frozen=True, eq=False)
class Spend:
    """(n,) each: what was spent where. ``month``: calendar months since January 1970; ``amount``: hundredths."""

    channel: tuple[str, ...]
    campaign: tuple[str | None, ...]
    month: Int64
    amount: Int64


@dataclass(frozen=True)
class Return:
    """What one channel or campaign cost and is credited with, in one month or (``month`` None) in the whole period.

    ``cost_per_ripe_lead`` = spend / ripe leads, ``cost_per_win`` = spend / wins, ``return_on_spend`` = value / spend:
    1 is as much as was spent. None where that is no number. Intervals are of the whole period only.
    """

    channel: str | None
    campaign: str | None
    month: str | None
    spend: float
    ripe_leads: float
    wins: float
    value: float
    cost_per_ripe_lead: float | None
    cost_per_win: float | None
    return_on_spend: float | None
    cost_per_ripe_lead_within: tuple[float | None, float | None] | None
    return_on_spend_within: tuple[float | None, float | None] | None


def returns(credit: Credit, spend: Spend, by: By) -> list[Return]:
    """The period's rows, each followed by those of its months, in the order of spend. Sums are exact, as in Credit."""
    months = sorted({*credit.months, *(str(np.datetime64(m, "M")) for m in np.unique(spend.month).tolist())})
    paid = _by_key(spend, by, months)
    keys = [key for j, key in enumerate(credit.keys) if _any(credit, j) or key in paid]
    keys += [key for key in paid if key not in set(credit.keys)]
    nothing = np.zeros(len(months), dtype=np.int64)
    keys.sort(key=lambda key: (key == (None, None), -int(paid.get(key, nothing).sum()), key[0] or "", key[1] or ""))
    place = {name: i for i, name in enumerate(credit.months)}
    found = []
    for key in keys:
        j = credit.keys.index(key) if key in credit.keys else None
        cost = paid.get(key, nothing)
        found.append(_row(key, None, int(cost.sum()), _credited(credit, j, slice(None)), _within(credit, j)))
        for i, name in enumerate(months):
            m = place.get(name)
            credited = (0, 0, 0) if m is None else _credited(credit, j, slice(m, m + 1))
            if cost[i] or any(credited):
                found.append(_row(key, name, int(cost[i]), credited, None))
    return found


def _by_key(spend: Spend, by: By, months: list[str]) -> dict[Key, Int64]:
    place = {name: i for i, name in enumerate(months)}
    paid: dict[Key, Int64] = {}
    for channel, campaign, month, amount in zip(
        spend.channel, spend.campaign, spend.month.tolist(), spend.amount.tolist(), strict=True
    ):
        key = (channel, campaign if by == "campaign" else None)
        paid.setdefault(key, np.zeros(len(months), dtype=np.int64))[place[str(np.datetime64(month, "M"))]] += amount
    return paid


def _any(credit: Credit, j: int) -> bool:
    return bool(credit.wins[:, j].any() or credit.value[:, j].any() or credit.ripe[:, j].any())


def _credited(credit: Credit, j: int | None, rows: slice) -> tuple[int, int, int]:
    """Ripe leads, wins and value, in their units."""
    if j is None:
        return 0, 0, 0
    return int(credit.ripe[rows, j].sum()), int(credit.wins[rows, j].sum()), int(credit.value[rows, j].sum())


def _within(credit: Credit, j: int | None) -> tuple[Estimate, Estimate] | None:
    return None if j is None else (credit.ripe_within[j], credit.value_within[j])


def _row(
    key: Key, month: str | None, cost: int, credited: tuple[int, int, int], within: tuple[Estimate, Estimate] | None
) -> Return:
    ripe, wins, value = credited
    amount = cost / MONEY_UNITS
    return Return(
        channel=key[0],
        campaign=key[1],
        month=month,
        spend=amount,
        ripe_leads=ripe / WIN_UNITS,
        wins=wins / WIN_UNITS,
        value=value / MONEY_UNITS,
        cost_per_ripe_lead=_over(amount, ripe / WIN_UNITS) if cost else None,
        cost_per_win=_over(amount, wins / WIN_UNITS) if cost else None,
        return_on_spend=_over(value / MONEY_UNITS, amount),
        cost_per_ripe_lead_within=(_over(amount, within[0].high), _over(amount, within[0].low))
        if within is not None and cost and ripe
        else None,
        return_on_spend_within=(_over(within[1].low, amount), _over(within[1].high, amount))
        if within is not None and cost
        else None,
    )


def _over(amount: float, by: float) -> float | None:
    return amount / by if by > 0 else None
