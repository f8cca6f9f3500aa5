"""What the newest block says about a scorer that has not seen it, alone and beside the serving one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.builder import build
from features.events import parse_time
from features.history import History, Int64
from model.curves import Curves
from model.decision import decide
from model.examples import Examples
from model.metrics import Estimate, WindowFit, window_fit
from model.scorer import Scorer
from model.window import date_span
from training.evaluation import Block, Evaluation, difference, evaluate, ibs_losses
from training.fitting import Fitted


@dataclass(frozen=True, eq=False)
class Measured:
    """What the newest block says about a scorer that has not seen it."""

    block: Block
    curves: Curves
    reference: Evaluation
    evaluation: Evaluation
    windows: WindowFit

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
    curves, baseline = scorer.curves(_known(scorer, test), test.as_of), fitted.baseline(len(test))
    chance = curves.at([scorer.ready_horizon])[0][:, 0]
    first, _, last = scorer.windows.days(curves, scorer.readiness.of(chance))
    # windows as they are answered: whole dates, and none where no call is worth it
    given = decide(curves, scorer.costs).call
    start, end = date_span(first, test.as_of)[0], date_span(last, test.as_of)[1]
    return Measured(
        block=block,
        curves=curves,
        reference=evaluate(block, baseline, baseline, seed=seed),
        evaluation=evaluate(block, curves, baseline, seed=seed),
        windows=window_fit(
            test.duration,
            test.outcome,
            np.where(given, start, np.nan),
            np.where(given, end, np.nan),
            horizon=scorer.horizons[-1],
            coverage=scorer.window_coverage,
        ),
    )


def _known(scorer: Scorer, test: Examples) -> pd.DataFrame:
    """The features that the scorer looks at: a baseline does not know all of them."""
    return test.features[list(scorer.catalogue.names)]


def against(champion: Scorer, history: History, test: Examples, measured: Measured, *, seed: int) -> Estimate:
    """Integrated Brier score of the new scorer less that of ``champion`` on the same rows, paired by lead.

    Over (0, H], H being the shorter of both longest horizons.
    """
    fresh = not_learned_from(champion, test.as_of)
    test, curves = test.rows(fresh), measured.curves.rows(fresh)
    longest = min(champion.horizons[-1], measured.block.horizons[-1])
    block = Block(test.duration, test.outcome, test.lead_ids.astype(str), (longest,))
    theirs = champion.curves(build(history, test.requests(), champion.catalogue), test.as_of)
    return difference(ibs_losses(block, curves), ibs_losses(block, theirs), block.groups, seed=seed)


def not_learned_from(champion: Scorer, as_of: Int64) -> npt.NDArray[np.bool_]:
    """(n,): the rows that lie after all labels that ``champion`` knows; all rows where none does.

    With other horizons, or ``--as-known-at`` in the past, the newest block begins before the champion's labels end. If
    they cover all of it, it is compared all the same, in the champion's favour: it serves until something is better.
    """
    known_by = champion.notes.get("train_known_by")
    fresh = np.asarray(as_of >= (parse_time(known_by) if known_by else 0))
    return fresh if fresh.any() else np.ones(len(as_of), dtype=bool)
