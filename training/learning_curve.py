"""How good the model is by the number of leads that it learned from, and when it begins to beat the baseline."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.lives import BOUGHT
from features.settings import Settings
from model.examples import Examples
from model.metrics import Estimate
from training.abstention import gain_over
from training.evaluation import Block, ibs_losses
from training.fitting import LEAST_PURCHASES, Fitted, fit_examples
from training.measuring import Measured

SHARES = (1 / 8, 1 / 4, 1 / 2)  # of the leads, besides all of them


@dataclass(frozen=True)
class Point:
    """What was learned from a share of the leads, on the newest block. ``ibs``: integrated Brier score of the model,
    ``ibs_baseline`` of Aalen-Johansen from the same leads; ``skill`` = 1 - ibs / ibs_baseline, with its 95 % interval.
    """

    share: float
    leads: int
    purchases: int  # leads that purchased, of those that were learned from
    ibs: float
    ibs_baseline: float
    skill: float
    skill_low: float
    skill_high: float


@dataclass(frozen=True)
class LearningCurve:
    """``points``: by rising number of leads. ``beats_from``: the number of leads from which on every point beats the
    baseline by more than chance; None where the last one doesn't.
    """

    points: tuple[Point, ...]

    @property
    def beats_from(self) -> int | None:
        found = None
        for point in reversed(self.points):
            if point.skill_low <= 0:
                break
            found = point.leads
        return found

    def frame(self) -> pd.DataFrame:
        """A row for each point."""
        return pd.DataFrame([asdict(point) for point in self.points], columns=list(Point.__dataclass_fields__))

    def __str__(self) -> str:
        rows = [
            f"{point.leads:>10,} leads {point.purchases:>9,} purchases   skill {100 * point.skill:5.1f} % "
            f"({100 * point.skill_low:.1f} to {100 * point.skill_high:.1f})"
            for point in self.points
        ]
        return "\n".join([*rows, f"  {self.verdict[:1].upper()}{self.verdict[1:]}."])

    @property
    def verdict(self) -> str:
        if self.beats_from is None:
            return "the model does not yet beat the curve without features by more than chance"
        fewest = self.beats_from == self.points[0].leads
        more = " or fewer" if fewest else ""
        return f"the model beats the curve without features from {self.beats_from:,} leads{more} on"


def learning_curve(
    fitted: Fitted,
    test: Examples,
    measured: Measured,
    settings: Settings,
    *,
    seed: int,
    done: Callable[[float], None] = lambda _: None,
) -> LearningCurve:
    """``fitted``: the model from all leads, with its examples, of which smaller and smaller parts are learned from
    again: each lies within the next, drawn by the leads' ids. ``measured``: of ``fitted`` on ``test``. ``done`` hears
    of the share that is done.
    """
    train, calibrate, catalogue = fitted.train, fitted.calibrate, fitted.scorer.catalogue
    block = measured.block
    known = test.features[list(catalogue.names)]
    place, points = _places(train, seed), []
    of_calibrate = dict(zip(train.lead_ids.tolist(), place.tolist(), strict=True))
    place_of_calibrate = np.array([of_calibrate.get(lead, 1.0) for lead in calibrate.lead_ids.tolist()])
    for k, share in enumerate(SHARES):
        own, later = train.rows(place < share), calibrate.rows(place_of_calibrate < share)
        if _purchases(own) >= LEAST_PURCHASES and len(later):
            scorer = fit_examples(own, later, catalogue, settings, seed=seed, version=fitted.scorer.version)
            part = Fitted(scorer, own, later)
            losses = ibs_losses(block, scorer.curves(known, test.as_of))
            baseline = ibs_losses(block, part.baseline(len(test)))
            points.append(_point(share, own, losses, baseline, block, seed=seed))
        done(sum(SHARES[: k + 1]) / sum(SHARES))
    baseline = ibs_losses(block, fitted.baseline(len(test)))
    points.append(_point(1.0, train, measured.evaluation.ibs_losses, baseline, block, seed=seed))
    return LearningCurve(tuple(points))


def _point(
    share: float, train: Examples, losses: npt.NDArray[np.float64], baseline: npt.NDArray[np.float64], block: Block, *,
    seed: int,
) -> Point:  # fmt: skip
    skill: Estimate = gain_over(losses, baseline, block, seed=seed)
    return Point(
        share=share,
        leads=len(np.unique(train.group)),
        purchases=_purchases(train),
        ibs=float(losses.mean()),
        ibs_baseline=float(baseline.mean()),
        skill=skill.value,
        skill_low=skill.low,
        skill_high=skill.high,
    )


def _purchases(block: Examples) -> int:
    return len(np.unique(block.group[block.outcome == BOUGHT]))


def _places(block: Examples, seed: int) -> npt.NDArray[np.float64]:
    """(n,) within [0, 1): the same for all rows of a lead, and whatever other leads there are."""
    salt = b"curve" + seed.to_bytes(8, "big")

    def place(lead_id: str) -> float:
        return int.from_bytes(hashlib.blake2b(lead_id.encode(), digest_size=8, salt=salt).digest(), "big") / 2**64

    names, which = np.unique(block.lead_ids.astype(str), return_inverse=True)
    return np.array([place(name) for name in names.tolist()])[which]
