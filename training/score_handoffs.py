"""Score handoffs that brought no score, as of when they were made: ``python -m training.score_handoffs``.

History from tables and handoffs of a CRM tell no probability, so reports on ripe leads, on salespeople and on windows
say nothing of them. This job trains models on the past alone (rolling origin: each knows what was recorded by its
origin and nothing later), scores each such handoff by the newest model from before it, and appends that as an event
``handoff_scored``, recorded now and marked as computed afterwards. Handoffs that were scored already stay as they are.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from features.builder import Requests, build_matrix
from features.errors import InputError
from features.events import DAY, HANDOFF, HANDOFF_SCORED, Event, content_id, events_table, to_iso
from features.history import History
from features.lives import OPEN, lead_lives, standings, told_something
from features.settings import Settings, load_settings
from features.store import Store
from model.examples import calendar_split
from model.scorer import Scorer
from training.ending import exit_code
from training.fitting import check_enough, fit, serving_split
from training.inputs import seed_asked
from training.progress import stage

RETRAIN = 30  # days between two models
_KEPT = (
    "readiness", "window_start", "window_end", "window_coverage", "median_date", "call_on", "handoff_on",
    "model_version",
)  # fmt: skip


@dataclass(frozen=True)
class Handoff:
    handoff_id: str
    lead_id: str
    at: int


@dataclass
class Done:
    """How many handoffs were scored, came before there was enough to learn from, or were made when the lead could not
    be scored: it had ended, or no engagement, sales call or declared need of it was known.
    """

    scored: int = 0
    too_early: int = 0
    not_scorable: int = 0


def without_score(events: pa.Table) -> list[Handoff]:
    """The handoffs of the log that tell no probability and have none computed, in their order of time."""
    own = pc.and_(pc.is_in(events["type"], pa.array([HANDOFF, HANDOFF_SCORED])), pc.invert(events["bot"]))
    rows = events.filter(own).select(["event_id", "lead_id", "type", "occurred_at", "properties"]).to_pylist()
    said = [orjson.loads(row["properties"]) for row in rows]
    scored = {one.get("handoff_id") for row, one in zip(rows, said, strict=True) if row["type"] == HANDOFF_SCORED}
    return sorted(
        (
            Handoff(row["event_id"], row["lead_id"], row["occurred_at"])
            for row, one in zip(rows, said, strict=True)
            if row["type"] == HANDOFF
            and row["event_id"] not in scored
            and not any(name[:2] == "p_" and name[2:].isdigit() for name in one)
        ),
        key=lambda handoff: (handoff.at, handoff.handoff_id),
    )


def score_handoffs(store: Store, settings: Settings, *, retrain_days: int, seed: int, now: int) -> Done:
    """The whole job, a model at a time; what is scored stays when it is interrupted."""
    done = Done()
    with stage("read the log") as reading:
        events = store.events(known_by=now)
        handoffs = without_score(events)
        reading.note = f"{len(handoffs):,} handoffs without a score"
    if not handoffs:
        return done
    events = events.filter(pc.not_equal(events["type"], HANDOFF_SCORED))
    history = History.from_table(events)
    for origin, mine in _by_origin(handoffs, retrain_days * DAY):
        with stage(f"model of {to_iso(origin)[:10]}") as current:
            scorer = model_of(events, origin, settings, seed=seed)
            if scorer is None:
                done.too_early += len(mine)
                current.note = f"{len(mine):,} handoffs, too little was known"
                continue
            scores = list(_scored(scorer, history, mine, origin, now))
            store.append(events_table(scores))
            done.scored += len(scores)
            done.not_scorable += len(mine) - len(scores)
            current.note = f"{len(scores):,} of {len(mine):,} handoffs scored"
    return done


def model_of(events: pa.Table, origin: int, settings: Settings, *, seed: int) -> Scorer | None:
    """Trained on what was known at ``origin``; None where that is too little."""
    known = pc.and_(pc.less_equal(events["occurred_at"], origin), pc.less_equal(events["recorded_at"], origin))
    history = History.from_table(events.filter(known))
    try:
        check_enough(lead_lives(history, origin))
        split = serving_split(calendar_split(history, known_by=origin, longest=settings.horizons[-1]))
        return fit(history, split, settings, seed=seed, version=f"afterwards {to_iso(origin)[:10]}").scorer
    except InputError:
        return None


def _by_origin(handoffs: Sequence[Handoff], step: int) -> Iterator[tuple[int, list[Handoff]]]:
    """Whole steps since 1970, so that another run trains on the same days."""
    origins = np.array([handoff.at for handoff in handoffs], dtype=np.int64) // step * step
    for origin in np.unique(origins).tolist():
        yield origin, [handoffs[i] for i in np.flatnonzero(origins == origin).tolist()]


def _scored(scorer: Scorer, history: History, handoffs: Sequence[Handoff], origin: int, now: int) -> Iterator[Event]:
    times = np.array([handoff.at for handoff in handoffs], dtype=np.int64)
    lead = np.array([history.lead_index[handoff.lead_id] for handoff in handoffs], dtype=np.int64)
    open_then = standings(history, lead, times) == OPEN
    rows = np.flatnonzero(open_then & told_something(history, lead, times)).tolist()
    if not rows:
        return
    lead_ids = [handoffs[i].lead_id for i in rows]
    matrix = build_matrix(history, Requests(lead_ids, times[rows]), scorer.catalogue)
    columns = scorer.score_columns(lead_ids, times[rows], matrix, reasons=False)
    names = [name for name in columns if name in _KEPT or name.startswith("p_")]
    for j, i in enumerate(rows):
        handoff = handoffs[i]
        said = {name: _value(columns[name], j) for name in names}
        yield Event(
            event_id=content_id(HANDOFF_SCORED, handoff.handoff_id),
            lead_id=handoff.lead_id,
            type=HANDOFF_SCORED,
            occurred_at=now,
            recorded_at=now,
            properties={
                "handoff_id": handoff.handoff_id,
                "handed_over_at": to_iso(handoff.at),
                "computed_afterwards": True,
                "learned_until": to_iso(origin),
                **{name: value for name, value in said.items() if value is not None},
            },
        )


def _value(column: Any, row: int) -> Any:
    value = column if isinstance(column, str | float) else column[row]
    if isinstance(value, date):
        return value.isoformat()
    return float(value) if isinstance(value, np.floating) else value


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; 0 when done, 2 when the input cannot be used."""
    parser = argparse.ArgumentParser(prog="python -m training.score_handoffs", description=__doc__)
    parser.add_argument("--retrain-days", type=int, default=RETRAIN, help="days between two models (%(default)s)")
    parser.add_argument("--seed", type=int, help="the same log, settings and seed give the same scores")
    given = parser.parse_args(argv)
    return exit_code(lambda: _score(given), interrupted="what was scored so far is in the log")


def _score(given: argparse.Namespace) -> None:
    if given.retrain_days < 1:
        raise InputError(where="--retrain-days", expected="a number of days from 1 on", got=str(given.retrain_days))
    settings = load_settings()
    seed = seed_asked(given.seed, settings)
    with Store.open(settings.database_url) as store:
        now = time.time_ns() // 1000
        done = score_handoffs(store, settings, retrain_days=given.retrain_days, seed=seed, now=now)
    print(
        f"{done.scored:,} handoffs scored afterwards; {done.too_early:,} came before there was enough to learn from, "
        f"{done.not_scorable:,} were made of leads that had ended or of which too little was known then"
    )


if __name__ == "__main__":
    sys.exit(main())
