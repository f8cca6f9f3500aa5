"""The interchange tables ``leads``, ``outcomes`` and ``spend`` of drawn journeys."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.sources.simulator.dynamics import Span
from features.sources.simulator.journeys import Journeys
from features.sources.simulator.kernel import TALKS, TOLD
from features.sources.simulator.market import ATTRIBUTES, CLOSED, DECIDING, NEVER, OWNERS, SOURCES, World
from features.sources.simulator.population import arrivals, source_shares
from features.sources.simulator.rng import normals, uniforms
from features.sources.simulator.rows import NOTHING, OWNER_NAMES, TIME, Chances, lead_ids, moment, names_of, pick
from features.sources.simulator.tables import first_deadline, value_known

Ints = npt.NDArray[np.int64]

REASONS = ("bought_elsewhere", "gave_up", "no_budget", "unsubscribed", "not_a_buyer")


def leads_of(journeys: Journeys, seed: int) -> pa.Table:
    """The interchange table ``leads``."""
    people, span = journeys.people, journeys.span
    need_by = first_deadline(journeys)
    dates, which = np.unique(need_by.astype("datetime64[D]"), return_inverse=True)
    known = value_known(journeys, Chances(seed, people.numbers))
    account = people.numbers[people.needs.first][people.account]
    return pa.table(
        {
            "lead_id": lead_ids(people.numbers),
            "created_at": pa.array(moment(span, people.created, people.created_at)).cast(TIME),
            "account_id": pa.array([f"A{number:08d}" for number in account]),
            "source": pick(tuple(s.name for s in SOURCES), people.source),
            "owner": pick(OWNER_NAMES, people.owner),
            "value": pa.array(people.value, mask=~known),
            "need_by": pick(tuple(str(d) for d in dates), np.where(need_by == NOTHING, NOTHING, which)),
            **{
                name: pick(tuple(level.name for level in levels), people.attributes[name])
                for name, levels in ATTRIBUTES.items()
            },
        }
    )


def outcomes_of(journeys: Journeys, seed: int) -> pa.Table:
    """The interchange table ``outcomes``: who has bought or was lost before the end of the span."""
    people, span = journeys.people, journeys.span
    which = np.flatnonzero(journeys.ends[:, 0] != 0)
    outcome, day, contact, early = journeys.ends[which].T
    number = people.numbers[which]
    bought = outcome == 1
    skill = np.array([o.skill for o in OWNERS])[people.owner[which]]
    liked = 6.6 + 1.5 * (contact == TALKS) - 1.3 * early + 2.0 * (skill - 0.5) + 1.4 * normals(seed, number, 7001)
    value = np.round(people.value[which] * np.exp(0.12 * normals(seed, number, 7002)), 2)
    phase = journeys.phases[people.account[which], day].astype(np.int64)
    reason = _reasons(phase, contact, early, uniforms(seed, number, 7003))
    return pa.table(
        {
            "lead_id": lead_ids(number),
            "outcome": pick(("purchased", "lost"), np.where(bought, 0, 1)),
            "at": pa.array(moment(span, day, journeys.share[which])).cast(TIME),
            "value": pa.array(value, mask=~bought),
            "reason": pick(REASONS, np.where(bought, NOTHING, reason)),
            "owner": pick(OWNER_NAMES, people.owner[which]),
            "satisfaction": pa.array(np.clip(np.round(liked), 0, 10).astype(np.int64), mask=~bought),
        }
    )


def _reasons(phase: Ints, contact: Ints, early: Ints, u: npt.NDArray[np.float64]) -> Ints:
    elsewhere = (phase == CLOSED) & (u < 0.75) | (phase == DECIDING) & (u < 0.6)
    reason = np.where(elsewhere, 0, np.where(u < 0.6, 1, 2))
    reason = np.where((early > 0) & (phase < DECIDING) & (u < 0.5), 3, reason)
    return np.where((phase == NEVER) & ((contact == TOLD) | (u < 0.5)), 4, reason)


def spend_of(leads: int, *, seed: int, world: World, span: Span) -> pa.Table:
    """The interchange table ``spend``: what each campaign of each channel that costs money cost on each day."""
    names = names_of(span)
    day = np.arange(span.days)
    expected = leads * arrivals(span)[:, None] * source_shares(world, span, day)
    dates = [span.start + timedelta(days=int(d)) for d in day]
    parts = []
    for index, source in enumerate(SOURCES):
        for half, share in enumerate((0.6, 0.4)) if source.cost else ():
            noise = np.exp(0.25 * normals(seed, day * 64 + index * 2 + half, 7004) - 0.03)
            campaign = names.campaign(np.full(span.days, index), day, np.full(span.days, half), span)
            parts.append(
                pa.table(
                    {
                        "channel": pa.array([source.name] * span.days),
                        "date": pa.array([d.isoformat() for d in dates]),
                        "amount": np.round(expected[:, index] * share * source.cost * noise, 2),
                        "campaign": pick(names.campaigns, campaign),
                    }
                )
            )
    return pa.concat_tables(parts)
