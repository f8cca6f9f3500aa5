"""Model or baseline: what the newest block says about the worth of the features."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from features.history import History
from features.lives import BOUGHT
from features.settings import Settings
from model.curves import Float
from model.examples import Examples, Split
from model.metrics import Estimate, bootstrap_means, interval, skill
from model.signal import NO_FEATURES, TIME_ALONE, Signal, judge_signal
from training.evaluation import Block, Evaluation, ibs_losses
from training.fitting import Fitted, fit


def choose(
    history: History,
    split: Split,
    settings: Settings,
    fitted: Fitted,
    *,
    test: Examples,
    block: Block,
    evaluation: Evaluation,
    seed: int,
    version: str,
) -> tuple[Signal, Fitted]:
    """What was found, and what answers: ``fitted`` itself, which was measured on ``block``, or a baseline like it."""
    reference = ibs_losses(block, fitted.baseline(len(test)))
    by_time = fit(
        history, split, settings, seed=seed, version=version, signal=Signal("no signal", "", baseline=TIME_ALONE)
    )
    known = test.features[list(by_time.scorer.catalogue.names)]
    time_losses = ibs_losses(block, by_time.scorer.curves(known, test.as_of))
    bought = (test.outcome == BOUGHT) & (test.duration <= block.horizons[-1])
    signal = judge_signal(
        gain=gain_over(evaluation.ibs_losses, time_losses, block, seed=seed),
        time_gain=gain_over(time_losses, reference, block, seed=seed),
        purchases=len(np.unique(block.groups[bought])),
    )
    if signal.baseline == NO_FEATURES:
        by_time = fit(history, split, settings, seed=seed, version=version, signal=signal)
    chosen = by_time if signal.baseline else fitted
    return signal, replace(chosen, scorer=replace(chosen.scorer, signal=signal))


def gain_over(own: Float, other: Float, block: Block, *, seed: int) -> Estimate:
    """1 - mean ``own`` / mean ``other`` (n,): by how much it is better, with its interval, paired by lead."""
    draws = bootstrap_means(np.column_stack((own, other)), block.groups, seed=seed)
    return interval(float(skill(own.mean(), other.mean())), skill(draws[:, 0], draws[:, 1]))
