"""One training as it stands when it is judged: what its run in MLflow and its report are made from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from features.events import to_iso
from features.history import History
from features.lives import BOUGHT, GONE
from features.settings import Settings
from model.examples import Examples, Split
from model.scorer import Scorer
from model.signal import Signal
from training.data_report import DataReport
from training.fitting import Fitted
from training.folds import Folds
from training.gate import Verdict
from training.inputs import Source
from training.learning_curve import LearningCurve
from training.measuring import Measured
from training.pyfunc import AS_OF, FeatureScorer
from training.tracking import Example, Logged
from training.tracking.datasets import Context

_EXAMPLE_ROWS = 5


@dataclass(frozen=True, eq=False)
class Trained:
    """``fitted``: without the newest block, and measured on it (``test``). ``serving``: fitted with it too.
    ``champion``: what the serving model was measured by, None where nothing serves. ``data``: digest of the events.
    """

    version: str
    history: History
    split: Split
    settings: Settings
    source: Source
    data: str
    position: int | None
    seed: int
    fitted: Fitted
    serving: Fitted
    test: Examples
    measured: Measured
    signal: Signal
    champion: Scorer | None
    verdict: Verdict
    folds: Folds | None = None
    data_report: DataReport | None = None
    learning_curve: LearningCurve | None = None

    def example(self) -> Example:
        """Some rows of the newest block, without the leads' names, and what the registered scorer answers to them."""
        scorer, rows = self.serving.scorer, self.test.rows(np.arange(min(_EXAMPLE_ROWS, len(self.test))))
        rows = rows.with_features(self.history, scorer.catalogue)
        takes = rows.features.assign(**{AS_OF: [to_iso(int(at)) for at in rows.as_of]})
        return Example(takes, FeatureScorer(scorer).predict(takes))

    @cached_property
    def datasets(self) -> list[Logged]:
        """The blocks that were learned from, calibrated on and tested on, as the figures of the run were made."""
        blocks: list[tuple[Context, Examples]] = [
            ("train", self.fitted.train),
            ("calibrate", self.fitted.calibrate),
            ("test", self.test),
        ]
        return [self._dataset(context, block) for context, block in blocks]

    def _dataset(self, context: Context, block: Examples) -> Logged:
        bought, lost = block.outcome == BOUGHT, block.outcome == GONE
        source = {"mlflow.source.type": "JOB", "mlflow.source.name": "training.train", "events": self.data}
        source |= {"read_from": str(self.source), "known_by": to_iso(self.split.known_by)}
        if self.position is not None:
            source["log_position"] = str(self.position)
        return Logged(
            name=f"leads to {context} on",
            context=context,
            frame=answered(block),
            source=source,
            profile={
                "leads": len(set(block.group.tolist())),
                "purchased": int(bought.sum()),
                "lost": int(lost.sum()),
                "censored": int((~bought & ~lost).sum()),
                "as_of_since": to_iso(int(block.as_of.min())) if len(block) else None,
                "as_of_until": to_iso(int(block.as_of.max())) if len(block) else None,
                "labels_known_by": to_iso(block.known_by),
            },
        )


def answered(block: Examples) -> pd.DataFrame:
    """Features and what became of each row."""
    return block.features.assign(as_of=block.as_of, outcome=block.outcome, duration=block.duration)
