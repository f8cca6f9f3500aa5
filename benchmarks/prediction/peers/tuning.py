"""How every peer is tuned and run: an equal number of configurations, the same rows to judge them by, one refit.

Configurations are compared by the integrated Brier score (IPCW) of purchase on the calibrate block, or on a 25 %
hold-out of leads where there is none; the best is fitted again on all rows before the test.
"""

from __future__ import annotations

import time
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.exceptions import ConvergenceWarning

from benchmarks.prediction.fold import Answer, Fold, Method
from benchmarks.prediction.peers.valid import valid_curves
from model.curves import Float
from model.examples import Examples
from model.metrics.brier import brier, integrate
from model.metrics.censoring import Weights, censoring_survival, ipcw

BUDGET = 4  # configurations for each peer that has any
JUDGED = 6_000  # rows that configurations are judged on, whole leads
THREADS = 2  # for every peer alike

Predict = Callable[[pd.DataFrame], tuple[Float, Float]]
"""From (n, p) features to both incidences, each (n, m) on the grid of the task."""


class NotApplicable(Exception):
    """The dataset lacks what this peer is made of, e.g. a declared deadline: it has no row in the table."""


@dataclass(frozen=True, eq=False)
class Task:
    """What is to be answered: incidences on ``grid``, days from 0 to the longest of ``horizons``. ``purchase_only``:
    configurations are being compared, and the loss may be left at 0 by a peer whose purchase does not depend on it.
    """

    grid: Float
    horizons: tuple[int, ...]
    purchase_only: bool = False


@dataclass(frozen=True)
class Candidate:
    """One configuration: its name as shown, and how to fit it. Not converging raises ConvergenceWarning."""

    name: str
    fit: Callable[[Examples, Task], Predict]


Candidates = Callable[[Fold], Sequence[Candidate]]


def tuned(candidates: Candidates, *, tune_rows: int | None = None, final_rows: int | None = None) -> Method:
    """A method out of configurations. ``*_rows``: most rows it is fitted on (whole leads, by a stable hash) while
    configurations are compared, and in the end; None for all.

    The method raises NotApplicable where ``candidates`` does. ``Answer.fit_seconds`` is the last fit alone;
    ``extra`` holds tuning_seconds, fit_rows and not_monotone (rows that ``valid_curves`` had to mend).
    """

    def method(fold: Fold) -> Answer:
        task = Task(fold.grid, fold.horizons)
        options = candidates(fold)
        began = time.perf_counter()
        scores = _scores(fold, task, options, tune_rows)
        tuning_seconds = time.perf_counter() - began
        known = fold.learn
        rows = sample_leads(known, final_rows)
        option, predict, fit_seconds = _fit_best(rows, task, options, scores)
        began = time.perf_counter()
        with one_warning_is_an_error():
            purchased, lost = predict(fold.test.features)
        curves, mended = valid_curves(task.grid, purchased, lost)
        predict_seconds = time.perf_counter() - began
        part = f"; fitted on {len(rows)} of {len(known)} rows" if len(rows) < len(known) else ""
        return Answer(
            curves=curves,
            chosen=option.name + part,
            fit_seconds=fit_seconds,
            predict_seconds=predict_seconds,
            extra={
                "tuning_seconds": tuning_seconds,
                "configurations": float(len(options)),
                "fit_rows": float(len(rows)),
                "not_monotone": float(mended),
            },
        )

    return method


def _scores(fold: Fold, task: Task, options: Sequence[Candidate], most: int | None) -> Float:
    """(k,) IBS of each configuration on rows it was not fitted on; infinite where it did not converge."""
    if len(options) == 1:
        return np.zeros(1)
    fitted, judged = blocks(fold)
    fitted, judged = sample_leads(fitted, most), sample_leads(judged, JUDGED)
    task = replace(task, purchase_only=True)
    weights = judging_weights(judged, task)
    at = np.searchsorted(task.grid, weights.times)
    scores = np.full(len(options), np.inf)
    for k, option in enumerate(options):
        try:
            with one_warning_is_an_error():
                curves, _ = valid_curves(task.grid, *option.fit(fitted, task)(judged.features))
        except ConvergenceWarning:
            continue
        scores[k] = integrate(weights.times, brier(weights, curves.purchased[:, at]))
    return scores


def _fit_best(
    rows: Examples, task: Task, options: Sequence[Candidate], scores: Float
) -> tuple[Candidate, Predict, float]:
    """The best configuration that converges on these rows."""
    for k in np.argsort(scores, kind="stable"):
        began = time.perf_counter()
        try:
            with one_warning_is_an_error():
                predict = options[k].fit(rows, task)
        except ConvergenceWarning:
            continue
        return options[k], predict, time.perf_counter() - began
    raise RuntimeError(f"none of {[option.name for option in options]} converged on {len(rows)} rows")


@contextmanager
def one_warning_is_an_error() -> Iterator[None]:
    """A fit that did not converge is no answer: lifelines' Cox only warned of it on BPI 2012."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        yield


def blocks(fold: Fold) -> tuple[Examples, Examples]:
    """The rows to fit configurations on, and those to compare them on."""
    if fold.calibrate is not None:
        return fold.train, fold.calibrate
    out = tokens(fold.train) % 4 == 0
    return fold.train.rows(~out), fold.train.rows(out)


def judging_weights(judged: Examples, task: Task) -> Weights:
    """At up to 20 times of the grid. The block may be followed for less than the longest horizon: times that fewer
    than a tenth reach are left out, where the weights of the few would decide.
    """
    reached = censoring_survival(judged.duration, judged.outcome)(task.grid) >= 0.1
    times = task.grid[reached & (task.grid > 0)]
    if not len(times):
        times = task.grid[1:2]
    times = times[np.unique(np.linspace(0, len(times) - 1, 20).round().astype(np.int64))]
    return ipcw(judged.duration, judged.outcome, times)


def tokens(examples: Examples) -> npt.NDArray[np.int64]:
    """(n,) a stable hash of each row's lead."""
    names, code = np.unique(examples.lead_ids.astype(str), return_inverse=True)
    return np.array([zlib.crc32(str(name).encode()) for name in names], dtype=np.int64)[code]


def sample_leads(examples: Examples, most: int | None) -> Examples:
    """At most ``most`` rows: whole leads in the order of their hash; the order of rows stays."""
    if most is None or len(examples) <= most:
        return examples
    token = tokens(examples)
    order = np.argsort(token, kind="stable")
    edge = token[order[most]]  # the first lead that does not fit whole
    kept = token < edge
    return examples.rows(kept if kept.any() else np.arange(most))
