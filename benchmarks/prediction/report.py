"""The section of docs/benchmarks.md on predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.document import markdown_table
from benchmarks.prediction import tables
from benchmarks.prediction.bars import bars, mean_relative
from benchmarks.prediction.cells import interval_of, number, percent
from benchmarks.prediction.lost import NOTHING_LOST, barely, lost
from benchmarks.prediction.measure import Measured
from benchmarks.prediction.product import NAME
from benchmarks.prediction.report_why import WHY
from benchmarks.prediction.timing import WASTED

TITLE = "Prediction: every method on every dataset"

NOTES = f"""\
* **IBS** is the integrated Brier score of the purchase curve over (0, longest horizon], on each day, weighted for
  censoring; **skill** is 1 - IBS / that of Aalen-Johansen on the same past. Figures are means over the rows of all
  origins of a dataset; intervals and differences come from 1,000 bootstrap draws of leads (accounts, customers), the
  same for all methods. **Bold** means ahead of {NAME} beyond the paired interval.
* **AUC** ranks the rows of one origin among each other. **E/O** is expected over observed purchases. **ICI** is the
  integrated calibration index; noise alone gives a perfect model about what the last line says (as many rows as there
  are leads; more where many rows of a lead share its ending: see the true hazard's own), and a method is called ahead
  in it where it is by more than that.
* Each method runs on each origin in a process of its own. *fit s* is the last fit (for {NAME} with its calibration and
  windows), *tuning s* what the search before it took; *peak MB* is what it held beyond the data. *wrong* counts curves
  that fall, leave [0, 1], or sum above 1, as the method gave them; peers' curves are mended before they are judged.
* A peer is tuned on the newest rows of the past and fitted again on all of it; {NAME} has one configuration for all
  datasets, is fitted on all of the past, and calibrated on what its members say of leads that they have not seen.
* SurvivalBoost and the forest are fitted on at most 10,000 rows, for time; {NAME} on all. Hence seconds *by row*.
  Seconds are wall-clock time of one run each, and other work on the machine lengthens them: some of {NAME}'s were taken
  beside such work.
* **Timing**: a call costs 1 for each day before the purchase and 5, 10 or 30 for each day after it. *Among purchasers*
  by the longest horizon each method calls on the whole day that costs least under its curve given a purchase. *With
  wasted calls* all leads count: a call to one that does not buy costs {WASTED:g}, unless it was lost before; one who
  buys and was never called costs as much as a call on the last day; methods may choose not to call. A constant delay
  *chosen before* was best on the rows learned from; *in hindsight* it was best on the very rows asked about.
* The rows *{NAME}, ...* leave out one part of it, or change one: they are no peers."""


@dataclass(frozen=True, eq=False)
class Report:
    """All that the section tells. ``cores``: of the machine that ran the methods."""

    measured: Sequence[Measured]
    cores: int
    absent: Sequence[str] = ()

    def text(self) -> str:
        parts = [self._setting(), self._summary()]
        parts.append("### What was asked, and what was measured\n\n" + self._bars())
        covered = [(one.name, one.windows) for one in self.measured if one.windows is not None]
        if covered:
            asked = 100 * covered[0][1].asked
            told = f"{NAME}'s {asked:.0f} % windows against those who bought by the longest horizon, by readiness."
            parts.append(f"### Windows\n\n{told}\n\n" + tables.windows(covered))
        parts += [_dataset(one) for one in self.measured]
        parts.append("### How\n\n" + NOTES)
        return "\n\n".join(parts)

    def _setting(self) -> str:
        skipped = f" Skipped for want of data: {', '.join(self.absent)}." if self.absent else ""
        return (
            "`make bench-prediction` (`python -m benchmarks.prediction`). Every method gets the same features of the "
            f"same rows, is fitted on what was known by an origin of time, and is asked about what came after it. "
            f"{self.cores} cores.{skipped}"
        )

    def _summary(self) -> str:
        rows = []
        for one in self.measured:
            own, peers = one.own, one.peers
            rows.append(
                [
                    one.name,
                    f"{len(one.pool):,}",
                    number(own.ibs.value, 4) if own else "failed",
                    peers[0].name if peers else "-",
                    number(peers[0].ibs.value, 4) if peers else "-",
                    interval_of(one.relative, 3),
                    percent(own.skill) if own else "-",
                    percent(one.of_truth),
                ]
            )
        head = ["dataset", "rows", f"{NAME}'s IBS", "best peer", "its IBS", "relative", "skill", "of the truth's skill"]
        mean = mean_relative([one for one in self.measured if one.own])
        return f"{markdown_table(head, rows)}\n\nMean relative IBS: {interval_of(mean, 4)}."

    def _bars(self) -> str:
        rows = [[bar.demand, bar.found, bar.verdict] for bar in bars(self.measured)]
        return markdown_table(["asked", "measured", "verdict"], rows).replace("---:", "---")  # texts, not figures


def _dataset(one: Measured) -> str:
    parts = [f"### {one.name}", _about(one), tables.scores(one)]
    parts.append(f"AUC: bought by the day against not bought by then.\n\n{tables.ranking(one)}")
    parts.append(f"Expected over observed purchases, and calibration index.\n\n{tables.reliability(one)}")
    if one.timing is not None:
        parts += [
            f"Timing: mean cost among the {one.timing.rows:,} purchasers, and how much that is above {NAME}'s.\n\n"
            + tables.dates(one.timing.purchasers),
            f"Mean cost among all, a wasted call costing {WASTED:g}.\n\n" + tables.dates(one.timing.everyone),
        ]
    chosen = [f"* {found.name}: {found.chosen}" for found in tables.in_order(one) if found.chosen]
    if chosen:
        parts.append("Chosen by tuning:\n\n" + "\n".join(chosen))
    parts.append(_lost(one))
    return "\n\n".join(parts)


def _about(one: Measured) -> str:
    pool, folds = one.pool, one.pool.folds
    outcomes = np.bincount(pool.outcome, minlength=3)
    past = ", ".join(f"{len(fold.past_outcome):,}" for fold in folds)
    origins = f"Origins {', '.join(fold.origin for fold in folds)}" if len(folds) > 1 else f"Origin {folds[0].origin}"
    notes = "; ".join(dict.fromkeys(note for fold in folds for note in fold.notes))
    return (
        f"{origins}; {past} rows to learn from, {', '.join(f'{fold.n_features:,}' for fold in folds)} features. Asked: "
        f"{len(pool):,} rows of {pool.draws.n_groups:,} leads or accounts, of which {outcomes[1]:,} ended with a "
        f"purchase, {outcomes[2]:,} were lost, {outcomes[0]:,} stayed open. Of the rows {100 * pool.share_cut:.1f} % "
        f"had their censoring weight cut.{f' {notes[0].upper()}{notes[1:]}.' if notes else ''}"
    )


def _lost(one: Measured) -> str:
    beyond, within = lost(one), barely(one)
    parts = [f"**What was lost on {one.name}**", "\n".join(f"* {line}" for line in beyond) or NOTHING_LOST]
    if within:
        parts.append("Ahead, but within the interval:\n\n" + "\n".join(f"* {line}" for line in within))
    if one.name in WHY:
        parts.append(WHY[one.name])
    return "\n\n".join(parts)
