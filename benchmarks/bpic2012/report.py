"""The section of docs/benchmarks.md on BPI Challenge 2012."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmarks.bpic2012.log import Adapted
from benchmarks.bpic2012.measure import Row
from benchmarks.bpic2012.product import Step
from benchmarks.document import markdown_table
from model.metrics import Estimate
from training.evaluation import Block

TITLE = "BPI Challenge 2012: loan applications at a Dutch bank"

NOTES = """\
* **Aalen-Johansen** is one curve for every case; **by age** has one for each of the fixed days.
* **Naive Bayes** is Odoo's lead scoring. Its score has no time. So that it can be asked for a probability by a day, the
  training cases are cut into 20 groups by score and each group lends its Aalen-Johansen curve. It sees the furthest
  stage, the activities so far as tags, the last resource, and in bins the amount, age, number of events, days of
  silence, weekday and hour. *Point in time* counts closed cases as they were on the fixed days; *as shipped*, as they
  were when they closed.
* The peers learn from earlier cases on the very days on which all are scored; leadtime is not told these days.
* The curves are judged on each day to the last horizon. The score file holds the same curves at the horizons; the
  benchmark checks that it does.
* Calibration index: loess of the outcome on the prediction, span 0.3. Noise alone gives a perfect model about 0.01.
"""


# What was found out about the run with the default cut.
WHY = """\
Why: fewer cases were approved soon than before the cut, so every method expects too many, even the curves without
features by 2 to 12 %. A method that tells cases less apart shows less of it in the calibration index: that of a single
curve is its error on average and nothing else. The newest dates before the cut lie around Christmas: on 24 December
nobody bought within 3 days, on the 21st and the 27th more than twice as many as the model expected. What those dates
say contradicts itself, so the calibration takes little or nothing from them and the model keeps its own level."""


@dataclass(frozen=True, eq=False)
class Report:
    """All that the section tells."""

    adapted: Adapted
    cut: pd.Timestamp
    asked: pd.DataFrame
    block: Block
    rows: Sequence[Row]
    steps: Sequence[Step]
    training_rows: int
    why: str = ""

    def text(self) -> str:
        return "\n\n".join(
            [
                self._setting(),
                "### Integrated Brier score\n\n" + self._scores(),
                "### AUC: bought by day u against not bought by then\n\n"
                + self._by_horizon(lambda row: row.found.auc, 3),
                "### Expected over observed purchases\n\n" + self._by_horizon(lambda row: row.found.ratio, 2),
                "### Calibration index (ICI)\n\n" + self._by_horizon(lambda row: row.ici, 3),
                "### Time and memory\n\n" + self._cost(),
                "### What was lost\n\n" + self._lost(),
                "### How\n\n" + NOTES,
            ]
        )

    def _setting(self) -> str:
        outcomes = np.bincount(self.block.outcome, minlength=3)
        days = self.asked["day"].value_counts().sort_index()
        parts = ", ".join(f"day {day}: {n:,}" for day, n in days.items())
        dropped = "".join(f"\n* left out: {n:,} {reason}" for reason, n in self.adapted.left_out.items())
        return (
            "`make bench-bpic2012` (`python -m benchmarks.bpic2012`). "
            f"{len(self.adapted.leads):,} cases and {len(self.adapted.events):,} events are loaded, a model is trained "
            f"on what was known by {self.cut:%Y-%m-%d}, and the cases that are open on fixed days after their first "
            f"event are scored, where that is later and {self.block.horizons[-1]} days of follow-up remain: "
            f"{len(self.asked):,} rows of {self.asked['lead_id'].nunique():,} cases ({parts}). Of these rows "
            f"{outcomes[1]:,} ended with a purchase, {outcomes[2]:,} were lost, {outcomes[0]:,} stayed open to the end "
            f"of the log. The peers learn from {self.training_rows:,} earlier rows on the same fixed days. A case "
            f"still open at the cut is in both, as in use; its ending is known to neither.\n{dropped}"
        )

    def _scores(self) -> str:
        return markdown_table(
            ["method", "score", "skill over Aalen-Johansen", "score less leadtime's, paired"],
            [
                [row.name, _with(row.found.ibs, 4), _percent(row.found.skill), _with(row.worse_by, 4)]
                for row in self.rows
            ],
        )

    def _by_horizon(self, figures: Callable[[Row], dict[int, Estimate]], digits: int) -> str:
        return markdown_table(
            ["method", *(f"{h} days" for h in self.block.horizons)],
            [[row.name, *(_with(figures(row)[h], digits) for h in self.block.horizons)] for row in self.rows],
        )

    def _cost(self) -> str:
        return markdown_table(
            ["command", "seconds", "peak memory"],
            [[f"`{step.command}`", f"{step.seconds:.1f}", f"{step.megabytes:.0f} MB"] for step in self.steps],
        )

    def _lost(self) -> str:
        """Every figure in which another method is ahead of the product, a line for each method and kind of figure."""
        own, found = self.rows[0], []
        for row in self.rows[1:]:
            ahead = {
                "AUC": [h for h in self.block.horizons if row.found.auc[h].value > own.found.auc[h].value],
                "expected over observed": [h for h in self.block.horizons if _off(row, h) < _off(own, h)],
                "calibration index": [h for h in self.block.horizons if row.ici[h].value < own.ici[h].value],
            }
            if row.found.ibs.value < own.found.ibs.value:
                found.append(f"{row.name}: integrated Brier score")
            found += [f"{row.name}: {what}, {_days(horizons)}" for what, horizons in ahead.items() if horizons]
        lines = [f"* {line}" for line in found] or ["In no figure is another method ahead."]
        return "\n".join([*lines, "", self.why])


def _off(row: Row, horizon: int) -> float:
    """How far expected over observed is from 1, up or down."""
    return float(abs(np.log(row.found.ratio[horizon].value)))


def _days(horizons: Sequence[int]) -> str:
    return f"{', '.join(map(str, horizons))} days"


def _with(estimate: Estimate, digits: int) -> str:
    if not np.isfinite(estimate.value):
        return "-"
    return f"{estimate.value:.{digits}f} ({estimate.low:.{digits}f} to {estimate.high:.{digits}f})"


def _percent(estimate: Estimate) -> str:
    return f"{100 * estimate.value:.1f} % ({100 * estimate.low:.1f} to {100 * estimate.high:.1f})"
