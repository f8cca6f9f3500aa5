"""Peers that cut the rows into groups, each with its own Aalen-Johansen curve."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.prediction.fold import Fold
from benchmarks.prediction.peers.tuning import Candidate, NotApplicable, Predict, Task
from model.aalen_johansen import aalen_johansen, incidence_at
from model.curves import Float
from model.examples import Examples
from model.person_period import AGE, DEADLINE

Int64 = npt.NDArray[np.int64]
Codes = Callable[[pd.DataFrame], Int64]
"""From features to (n,) groups, -1 for none."""

FEWEST = 30  # a smaller group has the curve of everybody
RECENCY = ("days_since_engagement", "days_since_touch", "days_since_event")


def group_curves(codes: Int64, examples: Examples, asked: Int64, times: Float) -> tuple[Float, Float]:
    """Both incidences (n, k) at ``times``: for each asked group the curve of its rows, else that of all rows."""
    curves = np.zeros((codes.max(initial=0) + 2, 2, len(times)))
    curves[:] = _curves(examples.duration, examples.outcome, times)
    for code, count in zip(*np.unique(codes, return_counts=True), strict=True):
        if code >= 0 and count >= FEWEST:
            rows = codes == code
            curves[code] = _curves(examples.duration[rows], examples.outcome[rows], times)
    known = np.where((asked >= 0) & (asked <= codes.max(initial=0)), asked, len(curves) - 1)
    return curves[known, 0], curves[known, 1]


def curves_by_group(
    score: npt.ArrayLike,
    duration: Float,
    outcome: npt.ArrayLike,
    asked: npt.ArrayLike,
    times: Float,
) -> tuple[Float, Float]:
    """Both incidences, each (n, k): for each asked score, the curve of the training rows with scores like it.

    The fairest time that can be given to a score without one: the training rows are cut into up to 20 groups of
    equal size by score, and each group lends its Aalen-Johansen curve.
    """
    known, codes, wanted = (np.asarray(part) for part in (score, outcome, asked))
    edges = quantile_edges(known, 20)
    member, found = np.searchsorted(edges, known, side="left"), np.searchsorted(edges, wanted, side="left")
    curves = np.zeros((len(edges) + 1, 2, len(times)))
    for group in range(len(edges) + 1):
        rows = member == group
        curves[group] = _curves(duration[rows], codes[rows], times)
    return curves[found, 0], curves[found, 1]


def _curves(duration: Float, outcome: npt.ArrayLike, times: Float) -> Float:
    days, bought, gone = aalen_johansen(duration, outcome)
    return np.stack([incidence_at(days, bought, times), incidence_at(days, gone, times)])


def quantile_edges(values: Float, groups: int) -> Float:
    """Inner edges of up to ``groups`` groups of equal size. They are values themselves, so that no group is empty."""
    edges = np.unique(np.quantile(values, np.linspace(0, 1, groups + 1)[1:-1], method="inverted_cdf"))
    return np.asarray(edges[edges < values.max()])


def binned(column: str, edges: Float) -> Codes:
    """Groups of a numeric column: 0 where it is missing, then one for each bin."""

    def codes(X: pd.DataFrame) -> Int64:
        values = numbers(X, column)
        return np.where(np.isnan(values), 0, 1 + np.searchsorted(edges, values, side="left")).astype(np.int64)

    return codes


def numbers(X: pd.DataFrame, column: str) -> Float:
    return X[column].to_numpy(dtype=np.float64, na_value=np.nan)


def _fit_groups(make: Callable[[pd.DataFrame], Codes], examples: Examples, task: Task) -> Predict:
    codes = make(examples.features)
    known = codes(examples.features)
    return lambda X: group_curves(known, examples, codes(X), task.grid)


def everybody(fold: Fold) -> list[Candidate]:  # noqa: ARG001 - every dataset has it
    """Aalen-Johansen, each row once: the baseline of every skill."""
    return [Candidate("no feature", partial(_fit_groups, lambda _: lambda X: np.zeros(len(X), dtype=np.int64)))]


def by_stage(fold: Fold) -> list[Candidate]:
    """The one grouping that says most: a category column, or the age in 5, 10 or 20 groups of equal size."""
    X = fold.train.features
    options = [
        Candidate(f"by {name}", partial(_fit_groups, partial(_levels, str(name))))
        for name in X
        if isinstance(X[name].dtype, pd.CategoricalDtype)
    ]
    if AGE in X:
        options += [
            Candidate(f"by {AGE} in {k} groups", partial(_fit_groups, partial(_quantiles, AGE, k))) for k in (5, 10, 20)
        ]
    if not options:
        raise NotApplicable("no category and no age to make stages of")
    return options


def by_recency(fold: Fold) -> list[Candidate]:
    """Days since the last engagement, in groups of equal size."""
    column = next((name for name in recency_columns(fold.train.features)), None)
    if column is None:
        raise NotApplicable("no column tells the days since the last engagement")
    return [
        Candidate(f"{column} in {k} groups", partial(_fit_groups, partial(_quantiles, column, k)))
        for k in (4, 8, 16, 32)
    ]


def recency_columns(X: pd.DataFrame) -> Iterator[str]:
    """The columns that tell it, in the order of preference; only those that are known for some row."""
    named = [name for name in RECENCY if name in X]
    named += sorted(str(name) for name in X if "since" in str(name) and "engage" in str(name))
    named += [str(name) for name in X if str(name) in ("recency", "recency_days")]
    return (name for name in named if np.isfinite(numbers(X, name)).any())


def by_deadline(fold: Fold) -> list[Candidate]:
    """Days to the declared deadline in bins, those without a deadline a group of their own."""
    X = fold.train.features
    if DEADLINE not in X or not np.isfinite(numbers(X, DEADLINE)).any():
        raise NotApplicable("no lead declares a deadline")
    longest = fold.horizons[-1]
    options = []
    for step, early in product((3, 7), (False, True)):
        ahead = np.arange(0, longest + step, step)
        behind = -ahead[1:][::-1] if early else np.array([-30, -7])
        edges = np.concatenate([behind, ahead]).astype(np.float64)
        name = f"bins of {step} days to the deadline{' and past it' if early else ''}"
        options.append(Candidate(name, partial(_fit_groups, partial(_fixed, DEADLINE, edges))))
    return options


def _levels(column: str, X: pd.DataFrame) -> Codes:
    """One group for each level; a level not seen has none."""
    place = {str(level): k for k, level in enumerate(X[column].cat.categories)}

    def codes(asked: pd.DataFrame) -> Int64:
        own = np.array([*(place.get(str(level), -1) for level in asked[column].cat.categories), len(place)])
        return np.asarray(own[asked[column].cat.codes.to_numpy()], dtype=np.int64)

    return codes


def _quantiles(column: str, groups: int, X: pd.DataFrame) -> Codes:
    values = numbers(X, column)
    values = values[np.isfinite(values)]
    return binned(column, quantile_edges(values, groups) if len(values) else np.empty(0))


def _fixed(column: str, edges: Float, X: pd.DataFrame) -> Codes:  # noqa: ARG001
    return binned(column, edges)
