"""Buyer journeys, simulated: the one source of histories of which the truth is known.

    simulation = simulate(leads=5000, seed=1, end=date(2026, 11, 1), world="rich")
    simulation.tables["events"]                     # interchange tables, as ``python -m features.simulate`` writes them
    true_curves(simulation.truth, ["L00000007"], as_of, [7, 30, 90])

docs/simulator.md tells what law the journeys follow and what of it can be seen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import pyarrow as pa

from features.errors import InputError
from features.sources.simulator.crm import spend_of
from features.sources.simulator.dynamics import Span
from features.sources.simulator.journeys import draw_journeys
from features.sources.simulator.market import OWNERS, WORLDS, Change, World
from features.sources.simulator.stream import tables_of
from features.sources.simulator.truth import LATENT, OBSERVED, Truth, true_curves, true_hazards

__all__ = [
    "LATENT",
    "OBSERVED",
    "OWNERS",
    "WORLDS",
    "Change",
    "Simulation",
    "Truth",
    "World",
    "simulate",
    "true_curves",
    "true_hazards",
]


@dataclass(frozen=True, eq=False)
class Simulation:
    """``tables``: leads, events, outcomes, spend, as in the interchange format. ``truth``: for ``true_curves``."""

    tables: dict[str, pa.Table]
    truth: Truth


def simulate(*, leads: int, seed: int, end: date, days: int = 540, world: str | World = "rich") -> Simulation:
    """Simulate in memory, in one of ``WORLDS`` or one of your own.

    Lead i is the same whatever ``leads`` is; only ``spend`` grows with it.
    """
    if isinstance(world, str) and world not in WORLDS:
        raise InputError(where="world", expected=" or ".join(WORLDS), got=repr(world))
    if leads < 1 or days < 1:
        raise InputError(expected="at least one lead and one day", got=f"{leads} leads, {days} days")
    span = Span(end, days)
    law = WORLDS[world] if isinstance(world, str) else world
    journeys = draw_journeys(0, leads, seed=seed, world=law, span=span)
    tables = tables_of(journeys, 0, leads, seed)
    tables["spend"] = spend_of(leads, seed=seed, world=law, span=span)
    return Simulation(tables, Truth(leads, seed, law, span))
