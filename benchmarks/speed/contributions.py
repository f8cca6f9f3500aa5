"""What each feature adds to the score of a lead: walking leaf by leaf, beside LightGBM's own contributions."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import lightgbm as lgb
import numpy as np

from benchmarks.document import markdown_table, put_section
from benchmarks.speed.material import load
from benchmarks.speed.ways import expanded
from model.curves import Float
from model.tree_shapley import TreeContributions

TITLE = "Speed of reasons"
LEADS, BINS, RUNS = 512, 2, 9  # reasons look at two bins of time


def compare_contributions(folder: Path) -> None:
    """Seconds of one thread for the leads one by one and in a batch; writes its section of docs/benchmarks.md."""
    model, rows = load(folder)
    pick = np.random.default_rng(2).integers(0, len(rows["as_of"]), LEADS)
    every = expanded(model, rows["matrix"][pick], rows["as_of"][pick])
    asked = np.ascontiguousarray(every.reshape(LEADS, -1, every.shape[1])[:, [6, 12]].reshape(LEADS * BINS, -1))
    booster = lgb.Booster(model_str=model.texts[0])
    trees = TreeContributions.parse(model.texts[0], asked.shape[1])
    trees.warm_up()

    def plain(part: Float) -> Float:
        return np.asarray(booster.predict(part, pred_contrib=True, num_threads=1))[:, :-1]

    lines = []
    for leads in (1, 16, LEADS):
        part = asked[: leads * BINS]
        own, other = _seconds(trees.of, part) / leads, _seconds(plain, part) / leads
        lines.append([f"{leads:,}", f"{1e6 * own:,.0f}", f"{1e6 * other:,.0f}", f"{other / own:.1f}"])
    difference = float(np.abs(trees.of(asked) - plain(asked)).max())
    body = f"""`python -m benchmarks.speed`: the exact contributions (Shapley values) of {asked.shape[1]} columns to the
purchase score of a lead in {BINS} bins of time, over {booster.num_trees():,} trees, on one thread. *Walking*: leaf by
leaf, a block of rows in one instruction (`model/shapley_walk.py`). *LightGBM*: `pred_contrib`. Medians of {RUNS} runs.

{markdown_table(["leads in a batch", "walking, µs a lead", "LightGBM, µs a lead", "times as fast"], lines)}

Largest difference between the two: {difference:.1g}.
"""
    print("\n" + body)
    put_section(TITLE, body)


def _seconds(way: Callable[[Float], Float], part: Float) -> float:
    taken = []
    for _ in range(RUNS):
        began = time.perf_counter()
        way(part)
        taken.append(time.perf_counter() - began)
    return float(np.median(taken))
