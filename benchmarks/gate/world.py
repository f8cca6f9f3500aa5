"""A market whose truth is known, and models that are trained on it in a moment: hundreds of nights in a minute.

Leads come at an even pace. Each buys and is lost at rates that are constant over time: exp(b0 + b.x) and a fixed one.
The models are exponential regressions, fitted by maximum likelihood on a sample of the leads drawn anew with
replacement, so that two of them differ by more than their data do, as two trained by chance do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from model.curves import Curves, Float
from model.decision import CallCosts, decide
from model.window import Windows
from training.evaluation import Block, ibs_losses
from training.gate.duel import Duel
from training.gate.paired import dealt
from training.measuring import Answers

HORIZONS = (7, 30, 90)
LONGEST, BLOCK = 90.0, 56.0  # days of follow-up, and of weekly landmarks before it
EFFECT = np.array([0.9, 0.5, -0.4, 0.25, 0.0])
BASE, LOST = np.log(1 / 120), 1 / 90  # rates a day


@dataclass(frozen=True, eq=False)
class Market:
    """n leads: ``entered`` and ``ended`` in days, ``bought`` or lost then, features ``x`` (n, 5)."""

    x: Float
    entered: Float
    ended: Float
    bought: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, a_day: float, days: float, seed: int) -> Market:
        rng = np.random.default_rng(seed)
        n = int(a_day * days)
        x = rng.normal(size=(n, len(EFFECT)))
        rate = np.exp(BASE + x @ EFFECT)
        lasted = rng.exponential(1 / (rate + LOST))
        entered = np.sort(rng.uniform(0, days, n))
        return cls(x, entered, entered + lasted, rng.random(n) < rate / (rate + LOST))


@dataclass(frozen=True, eq=False)
class Model:
    """ln of the purchase rate is ``effect`` . (1, x)."""

    effect: Float
    lost: float

    def curves(self, x: Float) -> Curves:
        days = np.concatenate([np.arange(0.0, 31.0), np.arange(32.0, 91.0, 2.0)])
        rate = np.exp(np.clip(self.effect[0] + x @ self.effect[1:], -15, 3))[:, None]
        ended = 1 - np.exp(-(rate + self.lost) * days)
        return Curves(days, rate / (rate + self.lost) * ended, self.lost / (rate + self.lost) * ended)


def train(
    market: Market, until: float, rng: np.random.Generator, *, without: int | None = None, shift: float = 0.0
) -> Model:
    """On what had happened by ``until``; ``without``: a feature. ``shift``: purchases are dated so many days early."""
    seen = np.flatnonzero(market.entered < until - 1)
    seen = rng.choice(seen, len(seen))
    exposure = np.minimum(market.ended[seen], until) - market.entered[seen]
    ended = market.ended[seen] < until
    bought = ended & market.bought[seen]
    exposure = np.where(bought, np.maximum(exposure - shift, 0.5), exposure)
    X = np.column_stack((np.ones(len(seen)), market.x[seen]))
    if without is not None:
        X[:, without + 1] = 0.0
    effect = np.concatenate(([np.log(max(1, bought.sum()) / exposure.sum())], np.zeros(X.shape[1] - 1)))
    for _ in range(25):  # Newton's method for a Poisson regression with exposure
        mean = exposure * np.exp(X @ effect)
        step = np.linalg.solve(X.T @ (X * mean[:, None]) + 1e-3 * np.eye(X.shape[1]), X.T @ (bought - mean))
        effect = effect + step
        if np.abs(step).max() < 1e-6:
            break
    return Model(effect, float((ended & ~market.bought[seen]).sum() / exposure.sum()))


def shrunk(model: Model, factor: float) -> Model:
    """The same with weaker effects."""
    return replace(model, effect=np.concatenate((model.effect[:1], model.effect[1:] * factor)))


def of_another_market(model: Model) -> Model:
    """As if the second and the third feature had changed their parts since."""
    return replace(model, effect=model.effect[[0, 1, 3, 2, 4, 5]])


@dataclass(frozen=True, eq=False)
class Night:
    """The newest block at ``now``: all leads open on weekly dates, followed to ``now``."""

    lead: npt.NDArray[np.int64]
    as_of: Float
    block: Block
    x: Float

    @classmethod
    def at(cls, market: Market, now: float) -> Night:
        dates = np.arange(now - LONGEST - BLOCK, now - LONGEST, 7.0)
        lead, as_of = (part.ravel() for part in np.meshgrid(np.arange(len(market.entered)), dates, indexing="ij"))
        is_open = (market.entered[lead] <= as_of) & (as_of < market.ended[lead])
        lead, as_of = lead[is_open], as_of[is_open]
        ended = market.ended[lead] <= now
        duration = np.where(ended, market.ended[lead], now) - as_of
        outcome = np.where(ended, np.where(market.bought[lead], 1, 2), 0).astype(np.int8)
        block = Block(np.maximum(duration, 1e-6), outcome, lead.astype(str), HORIZONS)
        return cls(lead, as_of, block, market.x[lead])

    def answers(self, model: Model) -> Answers:
        curves = model.curves(self.x)
        chance = curves.at([30])[0][:, 0]
        readiness = 100 * np.argsort(np.argsort(chance)) / len(chance)
        first, _, last = Windows.nominal(0.8).days(curves, readiness)
        decided = decide(curves, CallCosts())
        start, end = (np.where(decided.call, edge, np.nan) for edge in (np.floor(first), np.floor(last) + 1))
        return Answers(curves, readiness, start, end, decided.call, decided.day)

    def duel(self, own: Model, other: Model, *, rival: str = "the serving model", seed: int = 0) -> Duel:
        mine, theirs = self.answers(own), self.answers(other)
        return Duel(
            block=self.block,
            own=mine,
            other=theirs,
            group=dealt(self.block.groups, seed=seed),
            losses=(ibs_losses(self.block, mine.curves), ibs_losses(self.block, theirs.curves)),
            rival=rival,
            rows=np.arange(len(self.block)),
        )

    def segments(self) -> dict[str, npt.NDArray[np.int64]]:
        """Eight, by the sign of two features and by a third, as sources and channels would be."""
        third = np.digitize(self.x[:, 4], [-0.67, 0, 0.67])
        parts = {f"quarter {k}": np.flatnonzero(third == k) for k in range(4)}
        for j in (0, 1):
            parts |= {
                f"x{j} below 0": np.flatnonzero(self.x[:, j] < 0),
                f"x{j} above": np.flatnonzero(self.x[:, j] >= 0),
            }
        return parts

    def ibs(self, model: Model) -> float:
        return float(ibs_losses(self.block, model.curves(self.x)).mean())
