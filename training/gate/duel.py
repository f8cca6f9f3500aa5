"""What a new model is held against on the newest block: the serving model, and the best so far."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np
import numpy.typing as npt

from features.builder import build
from features.gate_settings import GateSettings
from features.history import History
from model.curves import Float
from model.decision import CallCosts, realised_cost
from model.examples import Examples
from model.metrics import Weights, expected_observed, ici
from model.scorer import Scorer
from training.evaluation import Block, ibs_losses
from training.gate.paired import Gap, Int64, Statistic, dealt, gap, mean_of, not_worse
from training.gate.verdict import Check
from training.measuring import Answers, not_learned_from

MOST_ROWS, POINTS = 20_000, 25  # for the calibration index, whose smooth takes long


@dataclass(frozen=True, eq=False)
class Rival:
    """``version``: its number in the registry; ``scorer``: as it was measured, without its own newest block."""

    name: str
    version: str
    scorer: Scorer


@dataclass(frozen=True, eq=False)
class Duel:
    """Two models on the rows that neither has learned from, over (0, H], H the shorter of their longest horizons."""

    block: Block
    own: Answers
    other: Answers
    group: Int64
    losses: tuple[Float, Float]
    rival: str
    rows: Int64  # their places in the newest block

    @classmethod
    def on(
        cls,
        history: History,
        test: Examples,
        answers: Answers,
        rival: Rival,
        *,
        own: Scorer,
        groups: npt.NDArray[np.str_],
        seed: int,
    ) -> Duel:
        """``answers`` of the scorer ``own`` to ``test``; ``groups``: (n,) the lead or account of each row."""
        fresh = not_learned_from(rival.scorer, test.as_of)
        rows = test.rows(fresh)
        longest = min(own.horizons[-1], rival.scorer.horizons[-1])
        within = tuple(h for h in own.horizons if h <= longest) or (longest,)
        horizons = within if within[-1] == longest else (*within, longest)
        block = Block(rows.duration, rows.outcome, rows.lead_ids.astype(str), horizons)
        mine = answers.rows(fresh)
        theirs = Answers.of(rival.scorer, build(history, rows.requests(), rival.scorer.catalogue), rows.as_of)
        return cls(
            block=block,
            own=mine,
            other=theirs,
            group=dealt(groups[fresh], seed=seed),
            losses=(ibs_losses(block, mine.curves), ibs_losses(block, theirs.curves)),
            rival=rival.name,
            rows=np.flatnonzero(fresh),
        )

    def brier(self, rows: Int64 | None = None) -> Gap | None:
        """Of the integrated Brier score, over some of the rows or all."""
        return gap(mean_of(*self.losses), self.group, rows)

    def ratio(self) -> Gap | None:
        """Of ln(expected over observed) squared, mean over the horizons."""
        return gap(self._ratios, self.group)

    def others(self, settings: GateSettings, costs: CallCosts, asked: float, *, chance: float) -> list[Check]:
        """Calibration, windows (``asked``: their coverage) and call dates; ``chance`` for all of them together."""
        found: list[tuple[str, Gap | None, float | None]] = [
            ("calibration index", gap(self._calibration_index, self.group, self._few()), settings.ici_margin)
        ]
        ratio = self.ratio()
        found.append(("expected over observed, ln squared", ratio, squared(settings.ratio_margin, ratio)))
        covered = gap(partial(self._coverage, asked=asked), self.group)
        found.append(("window coverage less asked, squared", covered, squared(settings.coverage_margin, covered)))
        score = gap(partial(self._interval_score, asked=asked), self.group)
        found.append(("interval score of windows", score, share(settings.window_margin, score)))
        cost = gap(self._cost(costs), self.group)
        found.append(("cost of the call dates", cost, share(settings.cost_margin, cost)))
        return [
            not_worse(name, each, margin=margin or 0.0, chance=chance / len(found), rival=self.rival)
            for name, each, margin in found
        ]

    def by_segment(self, members: Mapping[str, Int64], settings: GateSettings) -> list[Check]:
        """A check for each segment with enough leads and purchases."""
        place = np.full(int(self.rows.max(initial=-1)) + 1, -1)
        place[self.rows] = np.arange(len(self.rows))
        bought = (self.block.outcome == 1) & (self.block.duration <= self.block.horizons[-1])
        large: dict[str, Gap | None] = {}
        for name, rows in members.items():
            mine = place[rows[rows < len(place)]]
            mine = mine[mine >= 0]
            purchases = len(np.unique(self.block.groups[mine][bought[mine]]))
            leads = len(np.unique(self.block.groups[mine]))
            if leads >= settings.segment_leads and purchases >= settings.segment_purchases:
                large[name] = self.brier(mine)
        return [
            not_worse(
                f"integrated Brier score, {name}",
                found,
                margin=share(settings.segment_margin, found),
                chance=settings.chance / len(large),
                rival=self.rival,
            )
            for name, found in large.items()
        ]

    @cached_property
    def _weights(self) -> Weights:
        return self.block.weights(list(self.block.horizons))

    @cached_property
    def _predicted(self) -> tuple[Float, Float]:
        horizons = list(self.block.horizons)
        return self.own.curves.at(horizons)[0], self.other.curves.at(horizons)[0]

    def _few(self) -> Int64:
        """At most so many rows, whole groups of leads thinned alike."""
        step = -(-len(self.block) // MOST_ROWS)
        return np.arange(0, len(self.block), max(1, step))

    def _calibration_index(self, rows: Int64) -> tuple[float, float]:
        weights = self._weights.rows(rows)
        own, other = (float(ici(weights, predicted[rows], points=POINTS).mean()) for predicted in self._predicted)
        return own, other

    def _ratios(self, rows: Int64) -> tuple[float, float]:
        weights = self._weights.rows(rows)
        own, other = (
            _mean_known(np.log(expected_observed(weights, predicted[rows])) ** 2) for predicted in self._predicted
        )
        return own, other

    def _purchasers(self, rows: Int64) -> tuple[Int64, Float]:
        bought = rows[self._weights.bought[rows, -1]]
        return bought, self._weights.weight[bought, -1]

    def _coverage(self, rows: Int64, asked: float) -> tuple[float, float]:
        bought, weight = self._purchasers(rows)
        t = self.block.duration[bought]
        found = []
        for answers in (self.own, self.other):
            start, end = answers.start[bought], answers.end[bought]
            given = np.isfinite(start)
            inside = given & (t >= start) & (t <= end)
            total = weight[given].sum()
            found.append((float(weight[inside].sum() / total) - asked) ** 2 if total > 0 else math.nan)
        return found[0], found[1]

    def _interval_score(self, rows: Int64, asked: float) -> tuple[float, float]:
        """Over the purchasers to whom both gave a window; in days (Gneiting and Raftery 2007, eq. 43)."""
        bought, weight = self._purchasers(rows)
        both = np.isfinite(self.own.start[bought]) & np.isfinite(self.other.start[bought])
        bought, weight = bought[both], weight[both]
        if not len(bought):
            return math.nan, math.nan
        t = self.block.duration[bought]
        found = []
        for answers in (self.own, self.other):
            start, end = answers.start[bought], answers.end[bought]
            missed = np.maximum(start - t, 0) + np.maximum(t - end, 0)
            found.append(float(np.average(end - start + 2 / (1 - asked) * missed, weights=weight)))
        return found[0], found[1]

    def _cost(self, costs: CallCosts) -> Statistic:
        weight = self._weights.weight[:, -1]
        longest = float(self.block.horizons[-1])
        own, other = (
            weight
            * realised_cost(
                answers.call & (answers.day <= longest),
                np.minimum(answers.day, longest),
                self.block.duration,
                self.block.outcome,
                costs,
                longest=longest,
                value=self.own.value,
            )
            for answers in (self.own, self.other)
        )
        return mean_of(own, other)


def share(margin: float, found: Gap | None) -> float:
    """A margin that is a share of the rival's figure, in its unit."""
    return 0.0 if found is None else margin * abs(found.other)


def squared(margin: float, found: Gap | None) -> float:
    """A margin of a distance, where the figures are squares of distances.

    The distances themselves would not do. They are of two models to one observed figure, and what chance does to that
    cancels from their difference, as long as both lie on one side: the interval would be that of a certain loss.
    """
    return 0.0 if found is None else margin * (margin + 2 * math.sqrt(found.other))


def _mean_known(values: Float) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else math.nan
