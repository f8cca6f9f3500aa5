"""The simulator's four worlds, where the best possible curves are known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd

from benchmarks.prediction.datasets.histories import events_of, instant, micros, past, sampled, weekly_dates
from benchmarks.prediction.fold import Fold
from features.history import History
from features.sources.simulator import LATENT, OBSERVED, WORLDS, Truth, simulate, true_curves
from features.sources.simulator.dynamics import Span
from features.traits import known_traits
from model.curves import Curves
from model.examples import weekly_landmarks

HORIZONS = (7, 30, 90)
LEADS, SEED, DAYS, END = 20_000, 1, 540, date(2026, 11, 1)
BEFORE_END = 150  # days from the origin to the end: three weeks of test dates and more than 90 days of follow-up
NAME = "simulated-"


def folds(
    worlds: Sequence[str] = tuple(WORLDS), *, leads: int = LEADS, seed: int = SEED, days: int = DAYS
) -> Iterator[Fold]:
    """A fold a world: one origin, its test rows on four weekly dates from it on, at midnight UTC.

    ``best``: the true curves given all that the tables show by then (late records not held back): exact at midnight.
    """
    origin = (END - timedelta(days=BEFORE_END)).isoformat()
    since = micros(origin)
    end = instant(pd.Timestamp(END, tz="UTC"))
    for world in worlds:
        simulation = simulate(leads=leads, seed=seed, end=END, days=days, world=world)
        events = events_of(simulation.tables, now=end)
        history = History.from_table(events)
        known = past(events, origin=since, longest=HORIZONS[-1])
        test = weekly_landmarks(history, since=since, until=weekly_dates(since), known_by=end)
        test = sampled(test, test.lead_ids.astype(str))
        accounts = known_traits(history, end)
        fold = Fold(
            dataset=NAME + world,
            origin=origin,
            horizons=HORIZONS,
            learn=known.learn,
            train=known.train,
            calibrate=known.calibrate,
            test=test.with_features(history, known.catalogue),
            groups=np.array([accounts[lead]["account_id"] for lead in test.lead_ids.tolist()]),
            catalogue=known.catalogue,
            best=_curves(simulation.truth, test.lead_ids.tolist(), test.as_of, given=OBSERVED),
            notes=(f"{leads:,} leads in {days} days, seed {seed}; open ones on four weekly dates",),
        )
        yield fold


def latent(fold: Fold, *, leads: int = LEADS, seed: int = SEED, days: int = DAYS) -> Curves:
    """The curves of the test rows given all that the simulator itself knows; the arguments as given to ``folds``."""
    truth = Truth(leads, seed, WORLDS[fold.dataset.removeprefix(NAME)], Span(END, days))
    return _curves(truth, fold.test.lead_ids.tolist(), fold.test.as_of, given=LATENT)


def _curves(truth: Truth, lead_ids: Sequence[str], as_of: np.typing.NDArray[np.int64], *, given: str) -> Curves:
    grid = np.arange(0.0, HORIZONS[-1] + 1)
    bought, lost = true_curves(truth, lead_ids, as_of, grid, given=given)
    if not np.isfinite(bought).all():
        raise RuntimeError(f"{int((~np.isfinite(bought).all(axis=1)).sum())} test rows were not open in the simulation")
    return Curves(grid, bought, lost)
