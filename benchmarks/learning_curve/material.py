"""What is learned from and what is asked: one history a dataset, of which fewer leads are a part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.bpic2012.log import adapt, answers, find_data, read_log, requests
from benchmarks.prediction.datasets.histories import asked, events_of, instant, micros
from features.builder import Requests
from features.history import History
from features.sources.simulator import OBSERVED, WORLDS, Truth, simulate, true_curves
from features.traits import known_traits
from model.curves import Curves
from model.examples import Examples, weekly_landmarks

SEED, DAYS, END = 3, 540, date(2026, 11, 1)
BEFORE_END = 150  # days from the origin to the end of the simulation, so that all that is asked was followed
ASKED_LEADS = 24_000  # simulated for the questions, of which about 4,500 are open on a date
BY_ORIGIN = 0.62  # at least this share of the simulated leads has come in by the origin
BPIC_HORIZONS, BPIC_DAYS, BPIC_ORIGIN = (3, 7, 14, 30), (1, 3, 7, 14, 21), "2012-01-08"

Names = npt.NDArray[np.str_]


@dataclass(frozen=True, eq=False)
class Material:
    """``events``: known at ``origin`` (microseconds), of the leads ``order``; n of them from anywhere in this order are
    a sample. ``later``: events of the leads that are asked about, which are others. ``asked``: without features;
    ``groups``: (n,) what they are resampled by. ``best``: the true curves, where a simulator knows them.
    """

    horizons: tuple[int, ...]
    origin: int
    events: pa.Table
    order: Names
    later: pa.Table
    asked: Examples
    groups: Names
    best: Curves | None = None

    @property
    def grid(self) -> npt.NDArray[np.float64]:
        return np.arange(1.0, self.horizons[-1] + 1)

    def history_of(self, size: int, draw: int, draws: int) -> History:
        """The past of ``size`` leads; draws take others as far as there are enough."""
        start = draw * (len(self.order) // draws)
        chosen = np.take(self.order, np.arange(start, start + size), mode="wrap")
        return History.from_table(self.events.filter(pc.is_in(self.events["lead_id"], pa.array(chosen))))


def simulated(world: str, most: int) -> Material:
    """A world of the simulator, with at least ``most`` leads to learn from. Neighbours in the order are colleagues."""
    learned = -(-int(most / BY_ORIGIN) // 8) * 8  # accounts do not cross a multiple of 8
    simulation = simulate(leads=ASKED_LEADS + learned, seed=SEED, end=END, days=DAYS, world=world)
    end = micros(END.isoformat())
    origin = micros((END - timedelta(days=BEFORE_END)).isoformat())
    events = events_of(simulation.tables, now=end)
    of_asked = pc.less(events["lead_id"], f"L{ASKED_LEADS:08d}")
    later = events.filter(of_asked)
    history = History.from_table(later)
    found = weekly_landmarks(history, since=origin, until=origin + 1, known_by=end)
    accounts = known_traits(history, end)
    return Material(
        horizons=(7, 30, 90),
        origin=origin,
        **_past(events.filter(pc.invert(of_asked)), origin),
        later=later,
        asked=found,
        groups=np.array([accounts[lead]["account_id"] for lead in found.lead_ids.tolist()]),
        best=_truth(simulation.truth, found),
    )


def _truth(truth: Truth, found: Examples) -> Curves:
    grid = np.arange(0.0, 91.0)
    return Curves(grid, *true_curves(truth, found.lead_ids.tolist(), found.as_of, grid, given=OBSERVED))


def bpic2012(_: int) -> Material:
    """Loan applications that came in before the origin to learn from, those that came in after it to be asked about."""
    path = find_data()
    if path is None:
        raise FileNotFoundError("the log of BPI Challenge 2012 is not here")
    adapted = adapt(read_log(path))
    tables = {
        "leads": adapted.leads,
        "events": adapted.events.astype({"owner": "str"}),
        "outcomes": adapted.outcomes,
    }
    end, start = instant(adapted.end), pd.Timestamp(BPIC_ORIGIN, tz="UTC")
    events = events_of(tables, now=end)
    rows = requests(adapted, days=BPIC_DAYS, start=start, follow_up=BPIC_HORIZONS[-1])
    new = adapted.leads.loc[adapted.leads["created_at"] >= start, "lead_id"]
    rows = rows[rows["lead_id"].isin(new)].reset_index(drop=True)
    result = answers(adapted, rows)
    of_asked = pc.is_in(events["lead_id"], pa.array(new))
    later = events.filter(of_asked)
    history = History.from_table(later)
    as_of = rows["as_of"].dt.as_unit("us").astype("int64").to_numpy()
    past = _past(events.filter(pc.invert(of_asked)), instant(start))
    return Material(
        horizons=BPIC_HORIZONS,
        origin=instant(start),
        events=past["events"],
        order=np.random.default_rng(SEED).permutation(past["order"]),  # by themselves they are in the order of time
        later=later,
        asked=asked(
            history,
            Requests(rows["lead_id"].tolist(), as_of),
            result["outcome"].to_numpy(),
            result["duration"].to_numpy(),
            known_by=end,
        ),
        groups=rows["lead_id"].to_numpy(dtype=str),
    )


def _past(events: pa.Table, origin: int) -> dict[str, pa.Table | Names]:
    known = events.filter(pc.and_(pc.less_equal(events["occurred_at"], origin), pc.less(events["recorded_at"], origin)))
    return {"events": known, "order": np.sort(known["lead_id"].unique().to_numpy(zero_copy_only=False).astype(str))}


MATERIALS: dict[str, Callable[[int], Material]] = {
    **{f"simulated-{world}": partial(simulated, world) for world in WORLDS},
    "bpic2012": bpic2012,
}
