"""Calibration in the open: were windows kept, did what was predicted happen, does the base rate drift?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from features.events import DAY
from features.history import Int64
from features.lives import BOUGHT, GONE
from features.property_values import text_of
from model.measurement.handoffs import NO_DAY
from model.measurement.incidence import DRAWS, Incidence, incidence, share_within
from model.measurement.journeys import NO_CHANNEL, Bool, Float, Journeys
from model.measurement.period import Period, month_name, month_of, months
from model.measurement.predicted import Followed, followed
from model.metrics.bootstrap import Estimate

Split = Literal["month", "channel", "segment"]
_KEPT, _MISSED, _LOST = 1, 2, 3


@dataclass(frozen=True)
class Windows:
    """What became of the purchase windows of one group of handoffs.

    ``kept``: bought within it; ``early``, ``late``: before and after; ``lost``; ``not_bought``: the longest horizon has
    passed; ``open``: neither of all that yet, whatever the window says. ``promised``: the share of purchasers that was
    to be kept. ``afterwards``: handoffs scored afterwards. ``share``: kept ones among the purchasers within the
    horizon, open ones taken as censored; None until some handoff is a whole horizon ago. ``whole``: this is of all
    handoffs, not of a group.
    """

    whole: bool
    group: str | None
    handoffs: int
    kept: int
    early: int
    late: int
    lost: int
    not_bought: int
    open: int
    promised: float | None
    afterwards: int
    share: Estimate | None


@dataclass(frozen=True)
class Chances:
    """``predicted``: the mean probability at the handoff of having bought within ``horizon`` days.

    ``happened``: the share that did, open ones taken as censored; None until some handoff is so long ago. ``seen``:
    handoffs that are; ``afterwards``: that were scored afterwards. ``whole``: this is of all handoffs, not of a group.
    """

    whole: bool
    group: str | None
    horizon: int
    handoffs: int
    seen: int
    afterwards: int
    predicted: float
    happened: Estimate | None


@dataclass(frozen=True)
class BaseRate:
    """Of the leads first seen in a month, the share that bought within ``horizon`` days; ``all``: in all months.

    ``drifted``: the interval of the month does not hold the rate of all months.
    """

    month: str
    horizon: int
    leads: int
    seen: int
    rate: Estimate | None
    all: float | None
    drifted: bool | None


def windows_kept(data: Journeys, period: Period, by: Split, trait: str) -> list[Windows]:
    """All together first, then each group."""
    promised = followed(data, period)
    given = data.handoffs
    start, end = given.window_start[promised.rows], given.window_end[promised.rows]
    has = (start != NO_DAY) & (end != NO_DAY)
    day = data.ended_at[promised.lead] // DAY
    in_time = promised.ended <= promised.horizon
    bought, lost = in_time & (promised.outcome == BOUGHT), in_time & (promised.outcome == GONE)
    kept = bought & (start <= day) & (day <= end)
    over = ~bought & ~lost & (promised.days >= promised.horizon)
    cause = np.where(kept, _KEPT, np.where(bought, _MISSED, np.where(lost, _LOST, 0)))
    parts = {
        "kept": kept,
        "early": bought & (day < start),
        "late": bought & (day > end),
        "lost": lost,
        "not_bought": over,
    }
    found: list[Windows] = []
    for name, mine in _groups(labels(data, promised, by, trait), has):
        n = int(mine.sum())
        counts = {part: int((mine & rows).sum()) for part, rows in parts.items()}
        found.append(
            Windows(
                whole=not found,
                group=name,
                handoffs=n,
                **counts,
                open=n - sum(counts.values()),
                afterwards=int((mine & promised.afterwards).sum()),
                promised=_mean(given.coverage[promised.rows][mine]),
                share=_share_kept(data, promised, cause, mine),
            )
        )
    return found


def chances_kept(data: Journeys, period: Period, by: Split, trait: str) -> list[Chances]:
    """For each group, all together first, and each horizon that handoffs tell a probability for."""
    promised = followed(data, period)
    found = []
    everyone = np.ones(len(promised), dtype=bool)
    for name, mine in _groups(labels(data, promised, by, trait), everyone):
        for j, horizon in enumerate(data.handoffs.horizons):
            chance = data.handoffs.chance[promised.rows, j]
            rows = mine & np.isfinite(chance)
            if not rows.any():
                continue
            curve = _curve(data, promised, rows, float(horizon))
            since = (data.known_by - data.handoffs.at[promised.rows]) / DAY
            found.append(
                Chances(
                    whole=mine is everyone,
                    group=name,
                    horizon=horizon,
                    handoffs=int(rows.sum()),
                    seen=int((rows & (since >= horizon)).sum()),
                    afterwards=int((rows & promised.afterwards).sum()),
                    predicted=float(chance[rows].mean()),
                    happened=curve.at(float(horizon)),
                )
            )
    return found


def base_rates(data: Journeys, period: Period, horizons: Sequence[int]) -> list[BaseRate]:
    """By the month in which leads were first seen. Leads still open are censored now."""
    leads = np.flatnonzero(period.holds(data.first_at))
    since = (data.known_by - data.first_at[leads]) / DAY
    until = (data.ended_at[leads] - data.first_at[leads]) / DAY
    outcome, account = data.outcome[leads], data.account[leads]
    month = month_of(data.first_at[leads])

    def curve(rows: Bool, draws: int) -> Incidence:
        return incidence(until[rows], outcome[rows], account[rows], causes=2, followed=since[rows], draws=draws)

    everyone = curve(np.ones(len(leads), dtype=bool), 2)
    usual = {h: everyone.at(float(h)) for h in horizons}
    found = []
    for one, name in months(month):
        mine = month == one
        rates = curve(mine, DRAWS)
        for h in horizons:
            rate, pooled = rates.at(float(h)), usual[h]
            found.append(
                BaseRate(
                    month=name,
                    horizon=h,
                    leads=int(mine.sum()),
                    seen=int((mine & (since >= h)).sum()),
                    rate=rate,
                    all=None if pooled is None else pooled.value,
                    drifted=None if rate is None or pooled is None else not rate.low <= pooled.value <= rate.high,
                )
            )
    return found


def labels(data: Journeys, promised: Followed, by: Split, trait: str) -> list[str | None]:
    """(m,): to which group each handoff belongs, None for none."""
    if by == "month":
        return [month_name(month) for month in month_of(data.handoffs.at[promised.rows]).tolist()]
    if by == "channel":
        codes = data.source[promised.lead].tolist()
        return [None if code == NO_CHANNEL else data.channels[code] for code in codes]
    return [text_of(data.traits.get(data.lead_ids[lead], {}).get(trait)) for lead in promised.lead.tolist()]


def _groups(names: list[str | None], rows: Bool) -> list[tuple[str | None, Bool]]:
    """All rows, then those of each name."""
    found: list[tuple[str | None, Bool]] = [(None, rows)]
    for name in sorted(set(names), key=lambda one: (one is None, one or "")):
        mine = rows & np.array([one == name for one in names], dtype=bool)
        if mine.any():
            found.append((name, mine))
    return found


def _curve(data: Journeys, promised: Followed, rows: Bool, horizon: float) -> Incidence:
    """The incidences of purchase and loss after the handoff."""
    since = (data.known_by - data.handoffs.at[promised.rows[rows]]) / DAY
    return incidence(
        promised.ended[rows],
        promised.outcome[rows],
        data.account[promised.lead[rows]],
        causes=2,
        followed=np.minimum(since, horizon),
    )


def _share_kept(data: Journeys, promised: Followed, cause: Int64, rows: Bool) -> Estimate | None:
    """F_kept(H) / (F_kept(H) + F_missed(H)), of competing endings: kept, missed, lost; no purchase, no share."""
    if not rows.any():
        return None
    horizon = float(promised.horizon[rows].max())
    found = incidence(
        np.minimum(promised.ended[rows], horizon),
        cause[rows],
        data.account[promised.lead[rows]],
        causes=3,
        followed=promised.days[rows],
    )
    if found.followed[-1] < horizon:
        return None
    kept, missed = found.curves[_KEPT - 1, :, -1], found.curves[_MISSED - 1, :, -1]
    bought = kept + missed
    share: Float = np.divide(kept, bought, out=np.full(len(kept), np.nan), where=bought > 0)
    purchasers = len(np.unique(data.account[promised.lead[rows & np.isin(cause, (_KEPT, _MISSED))]]))
    return share_within(float(share[0]), share[1:], purchasers) if np.isfinite(share[0]) else None


def _mean(values: Float) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None
