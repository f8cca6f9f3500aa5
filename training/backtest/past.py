"""What a fold knows: a model trained on the past, and the constants of the simple rules chosen on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.builder import Requests, build_matrix
from features.events import DAY
from features.history import History
from features.lives import lead_lives, told_something
from features.settings import Settings
from model.curves import Float
from model.decision import decide
from model.examples import calendar_split
from model.person_period import DEADLINE
from model.replay.account import Charges
from model.replay.choose import Constants, choose
from model.replay.policies import decided
from model.replay.rows import Rows, replay_rows
from model.scorer import Scorer, deal_values
from training.fitting import Fitted, fit, serving_split

ROWS = 40_000  # of the past that the constants are chosen on; each is scored by members that have not seen the lead
_AT_A_TIME = 10_000


@dataclass(frozen=True, eq=False)
class Fold:
    scorer: Scorer
    constants: Constants


def learn(history: History, origin: int, settings: Settings, charges: Charges, *, seed: int, step: int) -> Fold:
    """``history``: what was known at ``origin``, and nothing else."""
    split = calendar_split(history, known_by=origin, longest=settings.horizons[-1])
    fitted = fit(history, serving_split(split), settings, seed=seed, version=f"backtest-{origin}")
    rows = past_rows(history, split.train_since, origin, longest=charges.longest, step=step, seed=seed)
    readiness, deadline, day, value = _as_then(fitted, history, rows)
    return Fold(fitted.scorer, choose(rows, readiness, deadline, day, charges, value=value))


def past_rows(history: History, begins: int, origin: int, *, longest: float, step: int, seed: int) -> Rows:
    """Looks at leads of the past, replayed as those of the fold will be, followed for the longest horizon."""
    until = int((origin - longest * DAY) // DAY * DAY)
    since = max(begins // DAY * DAY, until - int(2 * longest * DAY))
    enter_until = max(int(until - longest * DAY), since + (until - since) // 2)
    lives = lead_lives(history, origin)
    rows = replay_rows(history, lives, since=since, enter_until=enter_until, until=until, step=step)
    if len(rows) <= ROWS:
        return rows
    share = ROWS / len(rows)
    drawn = np.random.default_rng(seed).random(len(rows.leads)) < share
    return rows.rows(np.repeat(drawn, rows.last - rows.first + 1))


def _as_then(fitted: Fitted, history: History, rows: Rows) -> tuple[Float, Float, Float, Float]:
    """Readiness, days to the declared deadline and to the date to call on, and value of the deal of each row, by
    members of the ensemble that have not learned from the lead.
    """
    scorer = fitted.scorer
    readiness, deadline, day, value = (np.full(len(rows), np.nan) for _ in range(4))
    names = np.array(history.lead_ids, dtype=object)[rows.lead]
    for i in range(0, len(rows), _AT_A_TIME):
        part = slice(i, i + _AT_A_TIME)
        matrix = build_matrix(history, Requests(names[part].tolist(), rows.as_of[part]), scorer.catalogue)
        raw = scorer.hazard.predict_held_out(matrix, rows.lead[part], as_of=rows.as_of[part])
        curves = scorer.calibration.apply(raw)
        readiness[part] = scorer.readiness.of(curves.at([scorer.ready_horizon])[0][:, 0])
        value[part] = deal_values(scorer.catalogue, matrix)
        decision = decide(curves, scorer.costs, value[part])
        day[part] = decided(decision.day, decision.call)
        if DEADLINE in scorer.catalogue.names:
            deadline[part] = matrix[:, scorer.catalogue.names.index(DEADLINE)]
    scored = told_something(history, rows.lead, rows.as_of)
    return np.where(scored, readiness, np.nan), deadline, np.where(scored, day, np.nan), value
