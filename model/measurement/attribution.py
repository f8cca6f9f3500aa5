"""Attribution: which channels and campaigns the purchases, their value and the ripe leads are credited to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from features.history import Int64
from features.lives import OPEN
from model.measurement.exact import MONEY_UNITS, WIN_UNITS, share_out
from model.measurement.journeys import NEVER, Bool, Float, Journeys
from model.measurement.markov import removal_effects, transitions
from model.measurement.paths import By, Key, Paths, paths
from model.measurement.period import Period, month_of, months
from model.measurement.rules import RULES
from model.measurement.sourced import cents
from model.metrics.bootstrap import Estimate, interval, resample_counts

# From (draws, paths) amounts at each path to the (draws, keys + 1) that each key is credited with.
Split = Callable[[Float], Float]

SHAPLEY, MARKOV = "shapley", "markov"
MODELS = (*RULES, MARKOV, SHAPLEY)
_AT_ONCE = 4_000_000  # numbers in a block of draws


@dataclass(frozen=True, kw_only=True)
class Options:
    """``draws``: of the bootstrap over accounts (leads without one are their own)."""

    visit_minutes: float = 30.0
    half_life_days: float = 7.0
    draws: int = 200
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Credit:
    """What one model credits, in whole units: ten-thousandths of a purchase or ripe lead, hundredths of an amount.

    ``wins``, ``value``, ``ripe``: (months, keys). Their sums over the keys are the month's totals exactly, so those
    over all are the period's. ``..._within``: for each key, over the period. ``removal``: removal effects.
    """

    model: str
    keys: tuple[Key, ...]
    months: tuple[str, ...]
    wins: Int64
    value: Int64
    ripe: Int64
    wins_within: list[Estimate]
    value_within: list[Estimate]
    ripe_within: list[Estimate]
    removal: list[Estimate] | None = field(default=None)


@dataclass(frozen=True, eq=False)
class Conversions:
    """Paths that end in what is to be credited. ``amount``: (m,) in hundredths."""

    paths: Paths
    month: Int64
    amount: Int64


@dataclass(frozen=True, eq=False)
class Cohort:
    """The leads that ended in the period, with their paths, and its ripe leads: the same for every model."""

    ended: Paths
    won: Bool
    amount: Int64
    account: Int64
    wins: Conversions
    won_rows: npt.NDArray[np.intp]
    ripe: Conversions
    ripe_account: Int64


def cohort(data: Journeys, period: Period, by: By, options: Options) -> Cohort:
    """Purchases and losses by when they happened, ripe leads by when they were handed over."""
    ended = np.flatnonzero((data.outcome != OPEN) & period.holds(data.ended_at))
    won = data.won[ended]
    ripe_at = data.ripe_at
    ripe = np.flatnonzero((ripe_at != NEVER) & period.holds(ripe_at))

    def walked(leads: npt.NDArray[np.intp], until: Int64) -> Paths:
        return paths(data, leads, until, by, options.visit_minutes)

    bought = ended[won]
    amount = cents(data.value[ended])
    return Cohort(
        ended=walked(ended, data.ended_at[ended]),
        won=won,
        amount=amount,
        account=data.account[ended],
        wins=Conversions(walked(bought, data.ended_at[bought]), month_of(data.ended_at[bought]), amount[won]),
        won_rows=np.flatnonzero(won),
        ripe=Conversions(walked(ripe, ripe_at[ripe]), month_of(ripe_at[ripe]), np.zeros(len(ripe), dtype=np.int64)),
        ripe_account=data.account[ripe],
    )


def attribute(group: Cohort, model: str, options: Options) -> Credit:
    """``model``: one of MODELS. The removal effects of a period are shares of each of its months alike."""
    removal = _removal(group, options) if model == MARKOV else None
    once = None if removal is None else removal[0]
    of_wins, of_ripe = (_split(one.paths, model, options, once) for one in (group.wins, group.ripe))
    span = months(np.concatenate([group.wins.month, group.ripe.month]))
    wins, value, ripe = (np.zeros((len(span), len(group.ended.keys) + 1), dtype=np.int64) for _ in range(3))
    for i, (month, _) in enumerate(span):
        mine, ready = group.wins.month == month, group.ripe.month == month
        amount = group.wins.amount * mine
        wins[i] = share_out(int(mine.sum()) * WIN_UNITS, of_wins(mine[None].astype(float))[0])
        value[i] = share_out(int(amount.sum()), of_wins(amount[None].astype(float))[0])
        ripe[i] = share_out(int(ready.sum()) * WIN_UNITS, of_ripe(ready[None].astype(float))[0])
    drawn_ripe = np.concatenate([of_ripe(block) for block in _blocks(group.ripe_account, options)])
    drawn_wins, drawn_value = _drawn(group, of_wins, None if removal is None else removal[1], options)
    return Credit(
        model=model,
        keys=(*group.ended.keys, (None, None)),
        months=tuple(name for _, name in span),
        wins=wins,
        value=value,
        ripe=ripe,
        wins_within=_within(wins.sum(axis=0) / WIN_UNITS, drawn_wins),
        value_within=_within(value.sum(axis=0) / MONEY_UNITS, drawn_value),
        ripe_within=_within(ripe.sum(axis=0) / WIN_UNITS, drawn_ripe),
        removal=None if removal is None else _within(*removal),
    )


def _split(found: Paths, model: str, options: Options, removal: Float | None) -> Split:
    """How amounts at these paths are credited; those at paths without touches are credited to none.

    Shapley: of the game in which a set of keys is worth the purchases of the leads that met no other key. Each key of a
    path has the same share in it (Zhao, Mahboobi and Bagheri, arXiv 1804.05327).
    """
    k = len(found.keys)
    alone = np.diff(found.start) == 0
    if removal is not None:
        return lambda amounts: _by_removal(amounts, alone, removal)
    if model == SHAPLEY:
        pairs = np.unique(found.path * (k + 1) + found.key)
        path, key, weight = pairs // (k + 1), pairs % (k + 1), np.ones(len(pairs))
    else:
        path, key, weight = found.path, found.key, RULES[model](found, options.half_life_days)
    rows = np.concatenate([path, np.flatnonzero(alone)])
    columns = np.concatenate([key, np.full(int(alone.sum()), k)])
    values = np.concatenate([weight, np.ones(int(alone.sum()))])
    values = values / np.bincount(rows, weights=values, minlength=len(found))[rows]
    credit = sp.csr_matrix((values, (rows, columns)), shape=(len(found), k + 1))
    return lambda amounts: np.asarray(amounts @ credit)


def _by_removal(amounts: Float, alone: Bool, removal: Float) -> Float:
    """In proportion to the removal effects, (keys,) or one row for each of the amounts'; all alike where all are 0."""
    total = removal.sum(axis=-1, keepdims=True)
    share = np.where(total > 0, removal / np.where(total > 0, total, 1.0), 1.0 / max(removal.shape[-1], 1))
    return np.column_stack([(amounts @ ~alone)[:, None] * share, amounts @ alone])


def _removal(group: Cohort, options: Options) -> tuple[Float, Float]:
    """(keys,) removal effects and (draws, keys) those of the draws; 0 for keys on no path of the cohort."""
    used, code = np.unique(group.ended.key, return_inverse=True)
    k = len(used)
    small = Paths(
        keys=tuple(group.ended.keys[i] for i in used.tolist()),
        start=group.ended.start,
        path=group.ended.path,
        at=group.ended.at,
        key=code.astype(np.int64),
        until=group.ended.until,
        created=group.ended.created,
        handed=group.ended.handed,
    )
    steps = transitions(small, group.won)
    shape = (-1, k + 1, k + 2)

    def effects(counts: Float) -> Float:
        found = np.zeros((len(counts), len(group.ended.keys)))
        found[:, used] = removal_effects(np.asarray(counts @ steps).reshape(shape))
        return found

    once = effects(np.ones((1, len(group.won))))[0]
    return once, np.concatenate([effects(block) for block in _blocks(group.account, options)])


def _drawn(group: Cohort, split: Split, removal: Float | None, options: Options) -> tuple[Float, Float]:
    """(draws, keys + 1) each: wins and value credited in each draw of the accounts."""
    alone = np.diff(group.wins.paths.start) == 0
    wins, value, done = [], [], 0
    for block in _blocks(group.account, options):
        counts = block[:, group.won_rows]
        here = split
        if removal is not None:
            some = removal[done : done + len(block)]
            here = partial(_by_removal, alone=alone, removal=some)
        wins.append(here(counts))
        value.append(here(counts * group.wins.amount) / MONEY_UNITS)
        done += len(block)
    return np.concatenate(wins), np.concatenate(value)


def _blocks(account: Int64, options: Options) -> list[Float]:
    n = len(account)
    if n == 0:
        return [np.zeros((options.draws, 0))]
    size = max(1, _AT_ONCE // n)
    return [
        resample_counts(account, draws=min(size, options.draws - i), seed=options.seed + i).astype(np.float64)
        for i in range(0, options.draws, size)
    ]


def _within(value: Float, draws: Float) -> list[Estimate]:
    return [interval(float(one), draws[:, j]) for j, one in enumerate(value)]
