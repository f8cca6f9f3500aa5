"""Two ways from encoded features to full curves, that of the product and LightGBM's plain one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from model.bin_forest import BinForest
from model.bin_scores import bin_scores, in_parts
from model.curves import Curves, Float
from model.discrete import curves_from_hazards, expit, logit
from model.person_period import TimeCovariates

Int64 = npt.NDArray[np.int64]
_CHUNK = 60_000  # expanded rows that LightGBM predicts at a time


@dataclass(frozen=True, eq=False)
class Model:
    """What of a fitted hazard the curves depend on. ``texts``: the boosters for *purchased* and *lost*."""

    n_features: int
    texts: Sequence[str]
    time: TimeCovariates
    baseline: Float

    @property
    def offset(self) -> Float:
        """(2, 1, bins)"""
        return logit(self.baseline)[:, None, :]


Way = Callable[[Float, Int64], Curves]


def walking(model: Model, threads: int) -> Way:
    """Each tree once for a lead, with the set of its bins."""
    forest = BinForest.parse(model.texts, model.n_features, len(model.time.names))
    forest.warm_up()
    edges = np.array(model.time.edges)

    def curves(matrix: Float, as_of: Int64) -> Curves:
        bought, lost = np.empty((2, len(matrix), len(edges)))

        def work(part: slice) -> None:
            hazards = expit(bin_scores(forest, model.time, matrix[part], as_of[part]) + model.offset)
            made = curves_from_hazards(edges, hazards[0], hazards[1])
            bought[part], lost[part] = made.purchased, made.lost

        in_parts(len(matrix), threads, work)
        return Curves(edges, bought, lost)

    return curves


def plain(model: Model, threads: int) -> Way:
    """A row for each lead and bin, predicted by LightGBM some thousands at a time."""
    boosters = [lgb.Booster(model_str=text) for text in model.texts]
    edges = np.array(model.time.edges)
    n_bins = len(edges) - 1

    def curves(matrix: Float, as_of: Int64) -> Curves:
        scores = np.empty((len(boosters), len(matrix), n_bins))
        step = max(1, _CHUNK // n_bins)
        for first in range(0, len(matrix), step):
            part = slice(first, first + step)
            rows = expanded(model, matrix[part], as_of[part])
            for k, booster in enumerate(boosters):
                found = booster.predict(rows, raw_score=True, num_threads=threads)
                scores[k, part] = np.asarray(found).reshape(-1, n_bins)
        hazards = expit(scores + model.offset)
        return curves_from_hazards(edges, hazards[0], hazards[1])

    return curves


def expanded(model: Model, matrix: Float, as_of: Int64) -> Float:
    """(n * bins, p + q): a row for each lead and bin."""
    n_bins = len(model.time.edges) - 1
    base, moment = np.repeat(matrix, n_bins, axis=0), np.repeat(as_of, n_bins)
    bins = np.tile(np.arange(n_bins, dtype=np.int32), len(matrix))
    return np.column_stack([base, model.time.compute(base, moment, bins)])


def largest_difference(model: Model, matrix: Float, as_of: Int64) -> float:
    """Of the raw scores of both ways, over all rows and bins."""
    forest = BinForest.parse(model.texts, model.n_features, len(model.time.names))
    rows = expanded(model, matrix, as_of)
    told = [np.asarray(lgb.Booster(model_str=text).predict(rows, raw_score=True)) for text in model.texts]
    found = bin_scores(forest, model.time, matrix, as_of)
    return float(np.abs(found - np.stack(told).reshape(found.shape)).max())


WAYS: dict[str, Callable[[Model, int], Way]] = {"each tree once for a lead": walking, "LightGBM, plain": plain}
