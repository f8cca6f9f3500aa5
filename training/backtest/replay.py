"""The replay: fold by fold, each lead looked at with what was recorded by then, by a model of the past."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.builder import Requests, build_matrix
from features.errors import InputError
from features.events import DAY, to_datetime, to_iso
from features.history import History
from features.lives import lead_lives, told_something
from features.settings import Settings
from model.curves import Curves, Float
from model.decision import decide, handoff_day
from model.person_period import DEADLINE
from model.replay import policies
from model.replay.account import Charges, Result, hindsight, settle
from model.replay.choose import Constants
from model.replay.rows import Rows, replay_rows
from model.scorer import Scorer, deal_values
from training.backtest.calendar import Calendar
from training.backtest.past import Fold, learn
from training.progress import stage

OWN, WAITED = "leadtime", "leadtime, date awaited"
AHEAD, KEPT = "leadtime, days ahead", "leadtime, first date kept"
ONCE, DELAY, READY, DEADLINE_RULE = "call at once", "fixed delay", "readiness above a threshold", "declared deadline"
TRUTH, BEST = "the simulator's truth", "hindsight"
TrueCurves = Callable[[list[str], npt.NDArray[np.int64]], Curves]
Learn = Callable[..., Fold]


@dataclass(frozen=True, eq=False)
class Looks:
    """For each of n rows what was seen then: ``day`` (n,) the date to call on and ``handoff`` the one from which on
    waiting costs more than a call, in days, and ``value`` of the deal, NaN for none.
    """

    day: Float
    handoff: Float
    readiness: Float
    deadline_days: Float
    value: Float
    delay: Float
    threshold: Float
    ahead: Float
    within: Float
    true_day: Float
    true_handoff: Float

    @classmethod
    def empty(cls, n: int) -> Looks:
        return cls(*(np.full(n, np.nan) for _ in fields(cls)))


@dataclass(frozen=True, eq=False)
class Replay:
    """``plans``: by policy, (n,) for the rows. ``constants``: of each fold. ``cohort``: the leads that could have been
    replayed, of which ``rows`` may hold a sample. ``in_force``: handoff_days_ahead."""

    rows: Rows
    looks: Looks
    plans: dict[str, Float]
    constants: dict[int, Constants]
    cohort: int
    in_force: int | None

    def results(self, charges: Charges) -> dict[str, Result]:
        value = self.looks.value
        found = {name: settle(self.rows, plan, charges, value) for name, plan in self.plans.items()}
        return {**found, BEST: hindsight(self.rows, charges, value)}

    def months(self) -> list[str]:
        """(m,): in which month each lead was first looked at."""
        return [to_datetime(int(t)).strftime("%Y-%m") for t in self.rows.as_of[self.rows.first]]


def replay(
    events: pa.Table,
    history: History,
    calendar: Calendar,
    settings: Settings,
    charges: Charges,
    *,
    step: int,
    most_leads: int,
    seed: int,
    truth: TrueCurves | None = None,
    learned: Learn | None = None,
    quiet: bool = False,
) -> Replay:
    """``events``: what ``history`` was made of. ``truth``: the curves of the simulator, where it made the events.
    ``learned``: another way to learn than ``learn``.
    """
    rows, cohort = _sample(history, calendar, step=step, most=most_leads, seed=seed)
    looks, constants, began = Looks.empty(len(rows)), {}, time.perf_counter()
    for n, origin in enumerate(calendar.origins):
        last = n + 1 == len(calendar.origins)
        own = (rows.as_of >= origin) & (last | (rows.as_of < origin + calendar.retrain))
        with stage(f"fold {n + 1} of {len(calendar.origins)}, {date_of(origin)}", quiet=quiet) as current:
            fold = (learned or learn)(as_known(events, origin), origin, settings, charges, seed=seed, step=step)
            constants[origin] = fold.constants
            _look(looks, fold, history, rows, np.flatnonzero(own), truth=truth)
            left = (time.perf_counter() - began) / (n + 1) * (len(calendar.origins) - n - 1)
            current.note = f"{int(own.sum()):,} looks" + ("" if last else f"; about {_minutes(left)} left")
    ahead = settings.handoff_days_ahead
    return Replay(rows, looks, plans(rows, looks, ahead), constants, cohort, ahead)


def plans(rows: Rows, looks: Looks, days_ahead: int | None) -> dict[str, Float]:
    """What each policy means to do at each look. ``days_ahead``: the setting of handoffs."""
    later = np.maximum(looks.delay - rows.age, 0.0)
    found = {
        OWN: _handed_over(looks.day, looks.handoff, days_ahead),
        WAITED: looks.day,
        AHEAD: policies.due(looks.day, looks.within),
        KEPT: policies.kept(rows, looks.day),
        ONCE: policies.at_once(rows),
        DELAY: later,
        READY: policies.ready(looks.readiness, looks.threshold),
        DEADLINE_RULE: policies.before_deadline(looks.deadline_days, looks.ahead, later),
    }
    if np.isfinite(looks.true_day).any():
        found[TRUTH] = _handed_over(looks.true_day, looks.true_handoff, days_ahead)
    return found


def _handed_over(day: Float, handoff: Float, days_ahead: int | None) -> Float:
    """As serving.handoffs does it."""
    if days_ahead is not None:
        return policies.due(day, days_ahead)
    return np.where(np.isfinite(day), policies.due(handoff, 0.0), np.nan)


def _sample(history: History, calendar: Calendar, *, step: int, most: int, seed: int) -> tuple[Rows, int]:
    lives = lead_lives(history, calendar.known_by)
    since, enter_until, until = calendar.since, calendar.enter_until, calendar.until
    rows = replay_rows(history, lives, since=since, enter_until=enter_until, until=until, step=step)
    cohort = len(rows.leads)
    if not cohort:
        raise InputError(
            where="history",
            expected=f"leads that come in between {to_iso(calendar.since)} and {to_iso(calendar.enter_until)}",
            got="none",
            remedy="Load a longer or more recent history",
        )
    if cohort <= most:
        return rows, cohort
    drawn = np.zeros(cohort, dtype=bool)
    drawn[np.random.default_rng(seed).choice(cohort, most, replace=False)] = True
    return rows.rows(np.repeat(drawn, rows.last - rows.first + 1)), cohort


def as_known(events: pa.Table, origin: int) -> History:
    """What had occurred and been recorded by ``origin``."""
    known = pc.and_(pc.less_equal(events["occurred_at"], origin), pc.less_equal(events["recorded_at"], origin))
    return History.from_table(events.filter(known))


def _look(
    looks: Looks, fold: Fold, history: History, rows: Rows, own: npt.NDArray[np.int64], *, truth: TrueCurves | None
) -> None:
    """Fill in what the fold's model and constants say at the rows ``own``. The builder sees none later than its row.

    As in the service there is no score while nothing but who the lead is was known.
    """
    if not len(own):
        return
    lead_ids, as_of = [history.lead_ids[i] for i in rows.lead[own]], rows.as_of[own]
    scorer, chosen = fold.scorer, fold.constants
    matrix = build_matrix(history, Requests(lead_ids, as_of), scorer.catalogue)
    columns = scorer.score_columns(lead_ids, as_of, matrix, reasons=False)
    scored = told_something(history, rows.lead[own], as_of)
    looks.day[own] = np.where(scored, _days(columns["call_on"], as_of), np.nan)
    looks.handoff[own] = np.where(scored, _days(columns["handoff_on"], as_of), np.nan)
    looks.readiness[own] = np.where(scored, columns["readiness"], np.nan)
    looks.value[own] = deal_values(scorer.catalogue, matrix)
    if DEADLINE in scorer.catalogue.names:
        looks.deadline_days[own] = matrix[:, scorer.catalogue.names.index(DEADLINE)]
    looks.delay[own], looks.threshold[own] = chosen.delay, chosen.threshold
    looks.ahead[own], looks.within[own] = chosen.ahead, chosen.within
    if truth is not None:
        known = truth(lead_ids, as_of)
        looks.true_day[own], looks.true_handoff[own] = _decided(known, scorer, looks.value[own], scored)


def _decided(curves: Curves, scorer: Scorer, value: Float, scored: npt.NDArray[np.bool_]) -> tuple[Float, Float]:
    """(n,) the dates that curves give at the scorer's costs; NaN where there is no score, or a lead had ended and
    nobody knew.
    """
    there = np.flatnonzero(np.isfinite(curves.purchased).all(axis=1) & scored)
    decision = decide(curves.rows(there), scorer.costs, value[there])
    days, handoff = np.full(len(curves), np.nan), np.full(len(curves), np.nan)
    days[there] = policies.decided(decision.day, decision.call)
    handoff[there] = handoff_day(curves.rows(there), scorer.costs, value[there])
    return days, handoff


_EPOCH = date(1970, 1, 1).toordinal()


def _days(call_on: list[date | None], as_of: npt.NDArray[np.int64]) -> Float:
    found = np.array([np.nan if day is None else day.toordinal() - _EPOCH for day in call_on], dtype=np.float64)
    return np.maximum(found - as_of // DAY, 0.0)


def date_of(micros: int) -> str:
    return to_iso(micros)[:10]


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
