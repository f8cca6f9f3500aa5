"""What the newest block says about a scorer that has not seen it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.events import parse_time
from features.history import Int64
from model.curves import Curves, Float
from model.decision import decide
from model.examples import Examples
from model.metrics import WindowFit, window_fit
from model.scorer import Scorer, deal_values
from model.window import date_span
from training.evaluation import Block, Evaluation, evaluate
from training.fitting import Fitted


@dataclass(frozen=True, eq=False)
class Answers:
    """What a scorer says of n rows. ``start``, ``end``: of the window as it is answered, whole dates, in days after the
    as-of time; NaN where no call is worth it. ``call``, ``day``: whether to call, and when. ``value``: of
    each deal, None where costs do not ask for it.
    """

    curves: Curves
    readiness: Float
    start: Float
    end: Float
    call: npt.NDArray[np.bool_]
    day: Float
    value: Float | None = None

    @classmethod
    def of(cls, scorer: Scorer, X: pd.DataFrame, as_of: Int64) -> Answers:
        """``X``: features of the scorer's catalogue."""
        curves = scorer.curves(X, as_of)
        readiness = scorer.readiness.of(curves.at([scorer.ready_horizon])[0][:, 0])
        first, _, last = scorer.windows.days(curves, readiness)
        value = known_values(scorer, X)
        decision = decide(curves, scorer.costs, value)
        start, end = date_span(first, as_of)[0], date_span(last, as_of)[1]
        return cls(
            curves=curves,
            readiness=readiness,
            start=np.where(decision.call, start, np.nan),
            end=np.where(decision.call, end, np.nan),
            call=decision.call,
            day=decision.day,
            value=value,
        )

    def rows(self, which: npt.NDArray[np.bool_]) -> Answers:
        return Answers(
            self.curves.rows(which),
            self.readiness[which],
            self.start[which],
            self.end[which],
            self.call[which],
            self.day[which],
            None if self.value is None else self.value[which],
        )


def known_values(scorer: Scorer, X: pd.DataFrame) -> Float | None:
    """(n,) what each deal is worth, NaN where that is not known; None where the costs do not ask for it.

    ``X``: features of the scorer's catalogue.
    """
    if scorer.costs.deal_lost_after is None:
        return None
    return deal_values(scorer.catalogue, scorer.hazard.columns_.encode(X))


@dataclass(frozen=True, eq=False)
class Measured:
    """What the newest block says about a scorer that has not seen it."""

    block: Block
    answers: Answers
    reference: Evaluation
    evaluation: Evaluation
    windows: WindowFit

    @property
    def curves(self) -> Curves:
        return self.answers.curves

    def metrics(self) -> dict[str, float]:
        return {
            **self.evaluation.metrics(),
            "ibs_aalen_johansen": self.reference.ibs.value,
            "window_coverage": self.windows.coverage,
            "window_width_days": self.windows.width,
        }


def measure(fitted: Fitted, test: Examples, *, seed: int) -> Measured:
    """``test``: later examples with the features of the scorer's catalogue, or more."""
    scorer = fitted.scorer
    block = Block(test.duration, test.outcome, test.lead_ids.astype(str), scorer.horizons)
    # a baseline does not know all of the features
    answers = Answers.of(scorer, test.features[list(scorer.catalogue.names)], test.as_of)
    baseline = fitted.baseline(len(test))
    return Measured(
        block=block,
        answers=answers,
        reference=evaluate(block, baseline, baseline, seed=seed),
        evaluation=evaluate(block, answers.curves, baseline, seed=seed),
        windows=window_fit(
            test.duration,
            test.outcome,
            answers.start,
            answers.end,
            horizon=scorer.horizons[-1],
            coverage=scorer.window_coverage,
        ),
    )


def not_learned_from(champion: Scorer, as_of: Int64) -> npt.NDArray[np.bool_]:
    """(n,): the rows that lie after all labels that ``champion`` knows; all rows where none does.

    With other horizons, or ``--as-known-at`` in the past, the newest block begins before the champion's labels end. If
    they cover all of it, it is compared all the same, in the champion's favour: it serves until something is better.
    """
    known_by = champion.notes.get("train_known_by")
    fresh = np.asarray(as_of >= (parse_time(known_by) if known_by else 0))
    return fresh if fresh.any() else np.ones(len(as_of), dtype=bool)
