"""All policies at all capacities, costs and ways to count, over the seeds of a dataset."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.backtest.pooled import pooled_draws
from benchmarks.backtest.seen import seen
from benchmarks.ranking.board import MISSED, REACHED, Board, Counting
from benchmarks.ranking.play import cost_of, play
from benchmarks.ranking.policies import OWN, POLICIES
from model.curves import Float
from model.decision import CallCosts
from model.metrics import Estimate, interval

SALESPEOPLE = 3
SHARES = (0.1, 0.3)  # of the leads that can be called while it is played: the capacity
SETTINGS = {
    "linear costs": CallCosts(),
    "linear costs, a missed purchase counts 14 days late": CallCosts(missed_days=14.0),
    "deals: a day early 5 (at most 50), a wasted call 50, lost 14 days after its date": CallCosts(
        early=5.0, wasted_call=50.0, early_cap=50.0, deal_lost_after=14.0, deal_value=5_000.0
    ),
}
COUNTINGS: tuple[Counting, ...] = (MISSED, REACHED)
Key = tuple[str, Counting, float]  # costs, what happens to a purchase without a call, capacity
_FORMAT = 1


@dataclass(frozen=True, eq=False)
class Game:
    """``cost``: (m, p) of each lead under each policy. ``calls``: (p,)."""

    cost: Float
    calls: Float
    room: int


@dataclass(frozen=True, eq=False)
class Compared:
    """By key, for each policy: the cost a lead, what it is above the own policy's, and the calls made."""

    leads: int
    lines: dict[Key, dict[str, tuple[Estimate, Estimate, int]]]


def games(name: str, seed: int, cache: Path) -> dict[Key, Game] | None:
    """Every game on one history, from the cache if it is there; None where its files are absent."""
    file = cache / f"ranking-{name}-{seed}-{_FORMAT}.npz"
    if file.is_file():
        with np.load(file) as data:
            return {key: Game(*(data[f"{k}-{part}"] for part in ("cost", "calls", "room"))) for k, key in _keys()}
    found = seen(name, seed, cache)
    if found is None:
        return None
    made: dict[Key, Game] = {}
    for title, costs in SETTINGS.items():
        board = Board(found, costs, salespeople=SALESPEOPLE)
        there = board.there
        for share in SHARES:
            room = max(round(share * there.sum() / len(board.mornings) / SALESPEOPLE), 1)
            for counting in COUNTINGS:
                called = {policy: play(board, rule, room, counting) for policy, rule in POLICIES.items()}
                costs_of = [cost_of(board, days, counting)[there] for days in called.values()]
                calls = np.array([np.isfinite(days).sum() for days in called.values()], dtype=np.float64)
                made[(title, counting, share)] = Game(np.column_stack(costs_of), calls, room)
    partial = file.with_name(f".{os.getpid()}-{file.name}")
    with partial.open("wb") as stream:
        arrays = {f"{k}-{part}": np.asarray(value) for k, key in _keys() for part, value in vars(made[key]).items()}
        np.savez(stream, allow_pickle=False, **arrays)
    partial.replace(file)
    return made


def _keys() -> list[tuple[int, Key]]:
    keys = [(title, counting, share) for title in SETTINGS for counting in COUNTINGS for share in SHARES]
    return list(enumerate(keys))


def compare(seeds: Sequence[dict[Key, Game]]) -> Compared:
    """Intervals of 95 % by drawing seeds, then leads, the policies' choices being kept; differences are paired."""
    own, lines = list(POLICIES).index(OWN), {}
    for _, key in _keys():
        costs = [seed[key].cost for seed in seeds]
        mean, draws = np.mean([cost.mean(axis=0) for cost in costs], axis=0), pooled_draws(costs)
        calls = np.sum([seed[key].calls for seed in seeds], axis=0)
        lines[key] = {
            policy: (
                interval(float(mean[j]), draws[:, j]),
                interval(float(mean[j] - mean[own]), draws[:, j] - draws[:, own]),
                int(calls[j]),
            )
            for j, policy in enumerate(POLICIES)
        }
    return Compared(sum(len(next(iter(seed.values())).cost) for seed in seeds), lines)
