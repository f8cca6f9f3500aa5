"""The histories that are replayed: four simulated worlds with several seeds each, and two real ones.

In the real ones no sales calls are recorded: what followed is what would have followed without ours.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from benchmarks.bpic2012.log import adapt, find_data, read_log
from benchmarks.prediction.datasets import online_retail
from benchmarks.prediction.datasets.histories import events_of, instant
from features.sources.simulator import OBSERVED, WORLDS, simulate, true_curves
from model.curves import Curves

TrueCurves = Callable[[list[str], npt.NDArray[np.int64]], Curves]
END, LEADS = date(2026, 11, 1), 5_000
BPIC_CASES, CUSTOMERS = 8_000, 2_500  # drawn at random, so that learning takes no longer than from a simulated world
REAL = ("bpic2012", "online_retail")


@dataclass(frozen=True, eq=False)
class Source:
    """``events``: EVENT_SCHEMA; ``account``: of each lead; ``known_by``: microseconds, the end of the history.
    ``replayed_days``: between the first look at a lead and the last. ``truth``: the best curves, where they are known.
    """

    name: str
    seed: int
    events: pa.Table
    account: dict[str, str]
    known_by: int
    horizons: tuple[int, ...]
    replayed_days: int
    truth: TrueCurves | None = None


def load(name: str, seed: int) -> Source | None:
    """A world of the simulator or one of ``REAL``; None where its files are absent. ``seed``: of the simulation, or of
    the leads that are drawn.
    """
    if name in WORLDS:
        return _simulated(name, seed)
    return {"bpic2012": _bpic2012, "online_retail": _online_retail}[name](seed)


def _simulated(world: str, seed: int) -> Source:
    simulation = simulate(leads=LEADS, seed=seed, end=END, world=world)
    end = instant(pd.Timestamp(END, tz="UTC"))
    leads = simulation.tables["leads"].select(["lead_id", "account_id"]).to_pydict()
    grid = np.arange(0.0, 91.0)

    def truth(lead_ids: list[str], as_of: npt.NDArray[np.int64]) -> Curves:
        return Curves(grid, *true_curves(simulation.truth, lead_ids, as_of, grid, given=OBSERVED))

    return Source(
        name=world,
        seed=seed,
        events=events_of(simulation.tables, now=end),
        account=dict(zip(leads["lead_id"], leads["account_id"], strict=True)),
        known_by=end,
        horizons=(7, 30, 90),
        replayed_days=120,
        truth=truth,
    )


def _bpic2012(seed: int) -> Source | None:
    """Loan applications: the amount asked for is the deal's value."""
    path = find_data()
    if path is None:
        return None
    adapted = adapt(read_log(path))
    drawn = adapted.leads.sample(BPIC_CASES, random_state=seed)["lead_id"]
    tables = {
        "leads": adapted.leads.assign(value=adapted.leads["amount_req"]),
        "events": adapted.events.astype({"owner": "str"}),
        "outcomes": adapted.outcomes,
    }
    end = instant(adapted.end)
    events = events_of({name: table[table["lead_id"].isin(drawn)] for name, table in tables.items()}, now=end)
    own = {lead: lead for lead in drawn}
    return Source("bpic2012", seed, events, own, end, horizons=(3, 7, 14, 30), replayed_days=45)


def _online_retail(seed: int) -> Source | None:
    """A buyer's wait for the next purchase day is the lead; what the buyer spent on a day so far is its value."""
    folder = online_retail.find_data()
    if folder is None:
        return None
    lines = online_retail.read_lines(folder)
    customers = lines["customer"].drop_duplicates().sample(CUSTOMERS, random_state=seed)
    tables = online_retail.tables(*online_retail.daily(lines[lines["customer"].isin(customers)]))
    tables["leads"] = tables["leads"].assign(value=tables["leads"]["mean_amount"])
    end = instant(lines["at"].max())
    account = dict(zip(tables["leads"]["lead_id"], tables["leads"]["account_id"], strict=True))
    return Source("online_retail", seed, events_of(tables, now=end), account, end, (7, 30, 90), replayed_days=120)
