"""Salespeople on leads of equal quality: wins against those expected, minutes, and time to the first reaction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.events import DAY
from features.history import Int64
from features.lives import OPEN
from model.measurement.incidence import Z, incidence
from model.measurement.journeys import NEVER, Bool, Float, Journeys
from model.measurement.period import Period
from model.measurement.predicted import Followed, followed
from model.measurement.shrinkage import expected_wins, group_effects, team_chances
from model.metrics.bootstrap import Estimate, bootstrap_means, interval

WARNING, ALARM = Z, 3.090232  # two-sided 95 % and 99.8 %, as usual in funnel plots
MINUTES_DAYS = 30  # minutes of calls within so many days of the handoff count
FEW = 5  # below so many leads no interval is drawn from them
STRATA = 5  # leads are comparable within a fifth of the probabilities
_HOUR = DAY // 24


@dataclass(frozen=True)
class Salesperson:
    """``owner``: None for leads without one. ``ratio``: wins over expected ones, None where none are expected.

    ``shrunk``: the same after what may be luck was taken off. ``limits``: within which 95 % (inner two) and 99.8 % of
    the ratios of salespeople lie who win as the whole team does. ``minutes``: of calls for each lead, as it would be on
    leads like the whole team's. ``reaction``: median hours from the handoff to the first call; high None: may be never.
    ``within_day``: share of leads called within 24 hours. ``afterwards``: leads with a score computed afterwards.
    """

    owner: str | None
    leads: int
    wins: int
    expected: float
    ratio: float | None
    shrunk: Estimate | None
    limits: tuple[float, float, float, float] | None
    minutes: Estimate | None
    minutes_leads: int
    reaction: tuple[float, float | None, float | None] | None
    within_day: Estimate | None
    handed_over: int
    afterwards: int


@dataclass(frozen=True)
class Team:
    """``ratio``: of all together, the middle of the funnel; ``variance``: of the wins for each expected one."""

    people: list[Salesperson]
    leads: int
    wins: int
    expected: float
    ratio: float | None
    variance: float
    without_score: int
    afterwards: int


def salespeople(data: Journeys, period: Period) -> Team:
    """Leads count for who owned them at the handoff. Handoffs of the period, followed until now.

    Expected: what the model said at the handoff (Followed). Funnel limits: Spiegelhalter, Statistics in Medicine 24
    (2005), 1185-1202, by the normal approximation of the number of wins, around the ratio of the whole team.
    """
    promised = followed(data, period, handed_over=True)
    handed = _first_handoffs(data, period)
    names = sorted({*_owners(data, promised.rows), *_owners(data, handed)}, key=lambda name: (name is None, name or ""))
    place = {name: i for i, name in enumerate(names)}
    group = np.array([place[name] for name in _owners(data, promised.rows)], dtype=np.int64)
    handed_group = np.array([place[name] for name in _owners(data, handed)], dtype=np.int64)

    wins = np.bincount(group, weights=promised.won, minlength=len(names))
    expected = np.bincount(group, weights=promised.chance, minlength=len(names))
    total = float(expected.sum())
    target = float(wins.sum()) / total if total > 0 else None
    own = team_chances(promised.chance, promised.won)
    spread = np.sqrt(np.bincount(group, weights=own * (1 - own), minlength=len(names)))
    shrunk = _shrunk(promised, group, np.asarray(expected, dtype=np.float64))
    minutes, known = _minutes(data, promised)
    people = []
    for i, name in enumerate(names):
        mine = group == i
        has = target is not None and expected[i] > 0
        calls = _reaction(data, handed[handed_group == i])
        people.append(
            Salesperson(
                owner=name,
                leads=int(mine.sum()),
                wins=int(wins[i]),
                expected=float(expected[i]),
                ratio=float(wins[i] / expected[i]) if has else None,
                shrunk=shrunk[i] if has else None,
                limits=_limits(target, float(spread[i] / expected[i])) if has and target is not None else None,
                minutes=_comparable(minutes, known, promised.whole, mine),
                minutes_leads=int((mine & known).sum()),
                reaction=calls[0],
                within_day=calls[1],
                handed_over=int((handed_group == i).sum()),
                afterwards=int((mine & promised.afterwards).sum()),
            )
        )
    return Team(
        people=people,
        leads=len(promised),
        wins=int(wins.sum()),
        expected=total,
        ratio=target,
        variance=float((own * (1 - own)).sum()) / total if total > 0 else 0.0,
        afterwards=int(promised.afterwards.sum()),
        without_score=len(handed) - int(np.isin(data.handoffs.lead[handed], promised.lead).sum()),
    )


def funnel(team: Team, expected: float) -> tuple[float, float, float, float]:
    """The limits at so many expected wins of leads as the team's: outer and inner low, inner and outer high."""
    return _limits(team.ratio or 0.0, float(np.sqrt(team.variance / expected)))


def _limits(target: float, spread: float) -> tuple[float, float, float, float]:
    low, inner_low = max(target - ALARM * spread, 0.0), max(target - WARNING * spread, 0.0)
    return low, inner_low, target + WARNING * spread, target + ALARM * spread


def _owners(data: Journeys, rows: Int64) -> list[str | None]:
    return [data.handoffs.owner[i] for i in rows.tolist()]


def _first_handoffs(data: Journeys, period: Period) -> Int64:
    """The first handoff of each lead that somebody was told of, scored or not, if it was made in the period."""
    rows = data.handoffs.first(~data.handoffs.held_out)
    return np.asarray(rows[period.holds(data.handoffs.at[rows])], dtype=np.int64)


def _shrunk(promised: Followed, group: Int64, expected: Float) -> list[Estimate | None]:
    n = len(expected)
    effects = group_effects(promised.chance, promised.won, group, n)
    ratios = expected_wins(promised.chance, group, n) / np.where(expected > 0, expected, 1.0)[:, None]
    middle, low, high = effects.average(ratios), effects.quantile(0.025, ratios), effects.quantile(0.975, ratios)
    return [Estimate(*(float(x[i]) for x in (middle, low, high))) for i in range(n)]


def _minutes(data: Journeys, promised: Followed) -> tuple[Float, Bool]:
    """Minutes of the calls to each lead within MINUTES_DAYS of its handoff, and of which leads they are known.

    Unknown: handed over less long ago, or called without that anybody told how long.
    """
    at = np.full(len(data.lead_ids), NEVER, dtype=np.int64)
    at[promised.lead] = data.handoffs.at[promised.rows]
    calls = data.calls
    start = at[calls.lead]
    counts = (
        (start != NEVER) & (calls.at >= start) & (calls.at - np.where(start == NEVER, 0, start) < MINUTES_DAYS * DAY)
    )
    told = counts & np.isfinite(calls.minutes)
    n = len(data.lead_ids)
    minutes = np.bincount(calls.lead[told], weights=calls.minutes[told], minlength=n)[promised.lead]
    silent = np.bincount(calls.lead[counts & ~told], minlength=n)[promised.lead] > 0
    long_ago = data.known_by - data.handoffs.at[promised.rows] >= MINUTES_DAYS * DAY
    return np.asarray(minutes, dtype=np.float64), np.asarray(long_ago & ~silent)


def _comparable(minutes: Float, known: Bool, chance: Float, mine: Bool) -> Estimate | None:
    """The team's mean minutes, times those of the salesperson over those that the team spends on such leads.

    Indirect standardisation: such leads are those in the same fifth of the probabilities.
    """
    rows = known & mine
    if not rows.any():
        return None
    edges = np.quantile(chance[known], np.linspace(0, 1, STRATA + 1)[1:-1])
    stratum = np.searchsorted(edges, chance, side="right")
    size = np.bincount(stratum[known], minlength=STRATA)
    usual = np.bincount(stratum[known], weights=minutes[known], minlength=STRATA) / np.maximum(size, 1)
    both = np.column_stack([minutes[rows], usual[stratum[rows]]])
    if not both[:, 1].sum() > 0:
        return None
    team = float(minutes[known].mean())
    value = team * float(both[:, 0].sum() / both[:, 1].sum())
    if len(both) < FEW:
        return Estimate(value, np.nan, np.nan)
    draws = bootstrap_means(both, np.arange(len(both)), draws=400)
    return interval(value, team * np.divide(draws[:, 0], draws[:, 1], out=np.full(400, np.nan), where=draws[:, 1] > 0))


def _reaction(data: Journeys, rows: Int64) -> tuple[tuple[float, float | None, float | None] | None, Estimate | None]:
    """Hours from the handoff to the first call: the median, and the share within a day.

    A lead that ended without a call is never called; one that is open and was not called yet counts as waiting.
    """
    if not len(rows):
        return None, None
    lead, at = data.handoffs.lead[rows], data.handoffs.at[rows]
    first = np.full(len(rows), NEVER, dtype=np.int64)
    place = np.full(len(data.lead_ids), -1, dtype=np.int64)
    place[lead] = np.arange(len(rows))
    row = place[data.calls.lead]
    later = np.flatnonzero((row >= 0) & (data.calls.at >= at[row]))
    np.minimum.at(first, row[later], data.calls.at[later])
    called = first <= data.ended_at[lead]
    until = np.where(called, first, data.ended_at[lead])
    cause = np.where(called, 1, np.where(data.outcome[lead] == OPEN, 0, 2))
    waited = (until - at) / _HOUR
    found = incidence(waited, cause, data.account[lead], causes=2, followed=(data.known_by - at) / _HOUR, draws=200)
    median = found.reaches(0.5)
    if median is None:
        return None, found.at(24.0)
    middle, low, high = median
    if found.groups < FEW:
        return (middle, None, None), found.at(24.0)
    return (middle, low, high if np.isfinite(high) else None), found.at(24.0)


def outside(one: Salesperson) -> str | None:
    """Whether the ratio lies outside the 99.8 % limits: above, below, or None."""
    if one.ratio is None or one.limits is None:
        return None
    return "above" if one.ratio > one.limits[3] else "below" if one.ratio < one.limits[0] else None
