"""Outcomes of all histories and costs, kept in files: a replay takes a minute, a report looks at a hundred."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.backtest.pooled import pooled_draws
from benchmarks.backtest.rules import SETTINGS, Outcome, run
from benchmarks.backtest.seen import seen
from model.curves import Float
from model.metrics import Estimate, interval

_FORMAT = 1


def outcomes(name: str, seed: int, cache: Path) -> list[Outcome] | None:
    """For each of ``SETTINGS``; None where the data are absent."""
    file = cache / f"outcomes-{name}-{seed}-{_FORMAT}.npz"
    if not file.is_file():
        found = seen(name, seed, cache)
        if found is None:
            return None
        _write(file, [run(found, setting.costs) for setting in SETTINGS])
    return _read(file)


def _write(file: Path, found: list[Outcome]) -> None:
    arrays: dict[str, npt.NDArray[np.generic]] = {}
    for k, outcome in enumerate(found):
        arrays |= {f"{k}-{name}": getattr(outcome, name) for name in ("cost", "pressed", "counts")}
        arrays |= {f"{k}-rules": np.array(outcome.rules)}
        arrays |= {f"{k}-names": np.array(list(outcome.chosen)), f"{k}-chosen": np.array([*outcome.chosen.values()])}
    partial = file.with_name(f".{os.getpid()}-{file.name}")
    with partial.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)
    partial.replace(file)


def _read(file: Path) -> list[Outcome]:
    with np.load(file) as data:
        return [
            Outcome(
                rules=tuple(data[f"{k}-rules"].tolist()),
                cost=data[f"{k}-cost"],
                pressed=data[f"{k}-pressed"],
                counts=data[f"{k}-counts"],
                chosen=dict(zip(data[f"{k}-names"].tolist(), data[f"{k}-chosen"].tolist(), strict=True)),
            )
            for k in range(len(SETTINGS))
        ]


@dataclass(frozen=True, eq=False)
class Pooled:
    """A dataset over its seeds: ``mean`` (r,) and ``draws`` (d, r) of the cost a lead, by drawing seeds and then leads
    with replacement, the same for all rules, so differences are paired.
    """

    rules: tuple[str, ...]
    mean: Float
    draws: Float
    pressed: Float
    counts: Float
    leads: int
    chosen: list[dict[str, float]]

    @classmethod
    def of(cls, seeds: list[Outcome]) -> Pooled:
        return cls(
            rules=seeds[0].rules,
            mean=np.mean([outcome.cost.mean(axis=0) for outcome in seeds], axis=0),
            draws=pooled_draws([outcome.cost for outcome in seeds]),
            pressed=np.mean([outcome.pressed.mean(axis=0) for outcome in seeds], axis=0),
            counts=np.sum([outcome.counts for outcome in seeds], axis=0),
            leads=sum(len(outcome.cost) for outcome in seeds),
            chosen=[outcome.chosen for outcome in seeds],
        )

    def cost(self, rule: str) -> Estimate:
        j = self.rules.index(rule)
        return interval(float(self.mean[j]), self.draws[:, j])

    def above(self, rule: str, other: str) -> Estimate:
        """What ``rule`` costs more than ``other``."""
        i, j = self.rules.index(rule), self.rules.index(other)
        return interval(float(self.mean[i] - self.mean[j]), self.draws[:, i] - self.draws[:, j])
