"""From what was read to what serves: fitted, measured on the newest block, and fitted again on all of it."""

from __future__ import annotations

from dataclasses import dataclass

from features.lives import BOUGHT
from model.examples import Examples
from model.signal import Signal
from training.abstention import choose
from training.fitting import Fitted, fit, serving_split
from training.learning_curve import LearningCurve, learning_curve
from training.material import Material
from training.measuring import Measured, measure
from training.progress import Progress

FIT, MEASURE = "fit on the older blocks", "measure on the newest block"  # stages
CURVE = "draw the learning curve"  # a stage that may be left out


@dataclass(frozen=True, eq=False)
class Learned:
    """``fitted``: without the newest block, ``measured`` on it (``test``); ``serving``: fitted with it too. ``curve``:
    None where it was not asked for, or could say nothing.
    """

    fitted: Fitted
    test: Examples
    measured: Measured
    signal: Signal
    serving: Fitted
    curve: LearningCurve | None = None


def learn(given: Material, progress: Progress, *, curve: bool = False) -> Learned:
    """``curve``: the learning curve as well. The same material gives the same files."""
    history, split, settings = given.history, given.split, given.settings
    seed, version = given.seed, given.version
    with progress.stage(FIT) as fitting:
        fitted = fit(history, split, settings, seed=seed, version=version)
        fitting.note = f"{len(fitted.train):,} examples of {fitted.train.features.shape[1]} features"
    with progress.stage(MEASURE) as measuring:
        test = split.test(history).with_features(history, fitted.scorer.catalogue)
        measured = measure(fitted, test, seed=seed)
        measuring.note = f"{len(test):,} examples, {int((test.outcome == BOUGHT).sum()):,} purchases"
    model, model_measured = fitted, measured
    with progress.stage("tell signal from chance") as telling:
        signal, fitted = choose(
            history,
            split,
            settings,
            fitted,
            test=test,
            block=measured.block,
            evaluation=measured.evaluation,
            seed=seed,
            version=version,
        )
        if signal.baseline:
            measured = measure(fitted, test, seed=seed)
        telling.note = signal.verdict
    found = None
    if curve and signal.verdict != "too little data":
        with progress.stage(CURVE) as drawing:

            def done(share: float) -> None:
                drawing.share = share

            found = learning_curve(model, test, model_measured, settings, seed=seed, done=done)
            drawing.note = found.verdict
    with progress.stage("fit again on all blocks") as fitting:
        serving = fit(history, serving_split(split), settings, seed=seed, version=version, signal=signal)
        fitting.note = f"{len(serving.train):,} examples"
    return Learned(fitted, test, measured, signal, serving, found)
