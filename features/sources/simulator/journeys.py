"""Draw the journeys of a range of leads: who they are, and what happened on which day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.sources.simulator.dynamics import Law, Span, law_of
from features.sources.simulator.kernel import Log, walk_leads, walk_needs
from features.sources.simulator.market import Change, World
from features.sources.simulator.population import BLOCK, Population, draw_population

Float = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Journeys:
    """What happened. Leads are rows of ``people``, days those of ``span``.

    ``phases`` (accounts, days + 1) int8: at the start of each day, the latent truth. ``signals`` (k, 3): lead, day,
    kind; ``calls`` (k, 3): lead, day, disposition; both ordered by lead and day. ``ends`` (n, 4): outcome (0 open,
    1 bought, 2 lost), day, contact, early calls. ``share`` (n,): part of the last day that was over.
    """

    people: Population
    phases: npt.NDArray[np.int8]
    signals: Ints
    calls: Ints
    ends: Ints
    share: Float
    span: Span
    change: Change | None = None


def draw_journeys(first: int, until: int, *, seed: int, world: World, span: Span, law: Law | None = None) -> Journeys:
    """Journeys of at least the leads number ``first`` up to before ``until``; whole blocks are drawn."""
    people = draw_population(first // BLOCK * BLOCK, -(-until // BLOCK) * BLOCK, seed=seed, world=world, span=span)
    law = law_of(world, span) if law is None else law
    n, accounts = len(people), len(people.needs.first)
    phases = np.full((accounts, span.days + 1), -1, dtype=np.int8)
    walk_needs(law, people.needs, span.days + 1, phases)
    room, room_for_calls = 48 * n + 1000, 6 * n + 1000
    while True:
        log = Log(
            signals=np.empty((room, 3), dtype=np.int64),
            calls=np.empty((room_for_calls, 3), dtype=np.int64),
            ends=np.zeros((n, 4), dtype=np.int64),
            share=np.zeros(n),
            drawn=np.zeros(2, dtype=np.int64),
        )
        walk_leads(law, people.needs, people.traits, phases, span.days, log)
        n_signals, n_calls = log.drawn
        if n_signals <= room and n_calls <= room_for_calls:
            break
        room, room_for_calls = max(room, n_signals), max(room_for_calls, n_calls)  # the same again, with room
    log.ends[log.ends[:, 0] == 0, 1] = span.days
    return Journeys(
        people, phases, log.signals[:n_signals], log.calls[:n_calls], log.ends, log.share, span, world.change
    )
