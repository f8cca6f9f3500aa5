"""The earliest that anybody could notice: a likelihood ratio of the two true markets, by one who knows the day.

It is alarmed at the same level of evidence as the product's tests, from the day of the change on, every day.
"""

from __future__ import annotations

import math

import numpy as np

from benchmarks.watching.market import CHANGE_DAY, GONE, Market
from benchmarks.watching.noticed import GIVEN
from features.events import DAY
from features.lives import BOUGHT, OPEN, lead_lives
from features.sources.simulator import LATENT, true_curves
from features.sources.simulator.journeys import draw_journeys
from features.sources.simulator.kernel import NO_NEED_DATE
from features.sources.simulator.market import honest_share
from features.sources.simulator.population import LEAST_SLIP
from model.curves import Float
from model.watching.sequential import level_for

LEVEL = math.log(level_for(GIVEN.false_alarm_years, steps_a_year=52))
LOOKED = 60  # days after the change


def base_rate(market: Market) -> float:
    """Days: every open lead's true chance to buy on each day, in both markets, against what it did."""
    change = market.truth.world.change
    assert change is not None
    history = market.known_at(market.changed_at + LOOKED * DAY).history
    lives = lead_lives(history, market.changed_at + LOOKED * DAY)
    lead, day = [], []
    for n in range(LOOKED):
        at = market.changed_at + n * DAY
        there = np.flatnonzero((lives.entered_at <= at) & ((lives.ended_at > at) | (lives.outcome == OPEN)))
        lead.append(there)
        day.append(np.full(len(there), n))
    rows, days = np.concatenate(lead), np.concatenate(day)
    as_of = market.changed_at + days * DAY
    after = true_curves(market.truth, [history.lead_ids[i] for i in rows], as_of, [1.0], given=LATENT)[0][:, 0]
    after = np.clip(np.nan_to_num(after), 1e-12, 1 - 1e-9)
    before = -np.expm1(np.log1p(-after) / change.buys)  # hazards are so many times as high
    bought = (lives.outcome[rows] == BOUGHT) & (lives.ended_at[rows] <= as_of + DAY)
    ratio = np.where(bought, np.log(after / before), np.log1p(-after) - np.log1p(-before))
    return _reached(np.bincount(days, weights=ratio, minlength=LOOKED).astype(np.float64))


def deadlines(market: Market) -> float:
    """Days: deadlines declared since the change, put off or held, by the true shares of those that are meant."""
    world, span = market.truth.world, market.truth.span
    people = draw_journeys(0, market.truth.leads, seed=market.truth.seed, world=world, span=span)
    accounts = people.people
    head = accounts.needs.first
    source, created = accounts.source[head], accounts.needs.created
    steady = honest_share(world, CHANGE_DAY - 1)[source]
    now = honest_share(world, created)[np.arange(len(head)), source]
    evidence = np.zeros(span.days - CHANGE_DAY)
    for k in np.flatnonzero((created >= CHANGE_DAY) & (accounts.declared[:, 0] != NO_NEED_DATE)):
        first, moved = accounts.deadline[k, 0], accounts.declared[k, 1]
        slipped = accounts.deadline[k, 1] - first >= LEAST_SLIP - 10 and moved != NO_NEED_DATE
        ended = people.ends[accounts.needs.first[k] : accounts.needs.until[k], 1].max()
        told = moved if slipped else first
        if told >= span.days or ended < told:  # the account had ended before anything was told
            continue
        ratio = math.log((1 - now[k]) / (1 - steady[k])) if slipped else math.log(now[k] / steady[k])
        evidence[told - CHANGE_DAY] += ratio
    return _reached(evidence)


def channel(market: Market) -> float:
    """Days: silence from the change on against the rate of the four weeks before.

    Colleagues of leads that came by the channel are still entered under it for some weeks: it takes longer than this.
    """
    history = market.known_at(market.changed_at + DAY).history
    code = history.channels.index(GONE)
    there = (history.channel_code == code) & (history.occurred_at > market.changed_at - 28 * DAY)
    rows = np.flatnonzero(there & (history.occurred_at <= market.changed_at))
    reached = np.unique(np.stack([history.lead_code[rows], history.occurred_at[rows] // DAY]), axis=1).shape[1]
    return float(math.ceil(LEVEL / (reached / 28)))


def _reached(daily: Float) -> float:
    """Days until the evidence is there, the day itself counted as a whole."""
    over = np.flatnonzero(np.cumsum(daily) >= LEVEL)
    return float(over[0] + 1) if len(over) else math.nan
