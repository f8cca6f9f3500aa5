"""Scores of leads in all bins of time: the covariates of the bins, and the work shared out among threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from model.bin_forest import BinForest
from model.curves import Float
from model.person_period import Int64, TimeCovariates

_PART = 2048  # leads at a time: their covariates stay in the cache
_ALONE = 64  # leads below which a second thread brings nothing


def bin_table(time: TimeCovariates, matrix: Float, as_of: Int64 | None) -> Float:
    """(q, n, bins): what ``TimeCovariates.compute`` gives, to the last bit, without repeating all columns of a lead."""
    n, n_bins = len(matrix), len(time.edges) - 1
    used = [column for column in (time.deadline, time.age) if column >= 0]
    place = {column: i for i, column in enumerate(used)}
    narrow = replace(time, deadline=place.get(time.deadline, -1), age=place.get(time.age, -1))
    bins = np.tile(np.arange(n_bins, dtype=np.int32), n)
    moment = None if as_of is None else np.repeat(as_of, n_bins)
    computed = narrow.compute(np.repeat(matrix[:, used], n_bins, axis=0), moment, bins)
    return np.ascontiguousarray(computed.T).reshape(-1, n, n_bins)


def bin_scores(forest: BinForest, time: TimeCovariates, matrix: Float, as_of: Int64 | None) -> Float:
    """(boosters, n, bins): raw scores of encoded rows in the bins of ``time``; ``as_of`` as at fit."""
    return forest.scores(matrix, bin_table(time, matrix, as_of))


def in_parts(n: int, threads: int, work: Callable[[slice], None]) -> None:
    """Do ``work`` for all slices of n rows, each once; in threads where there are enough rows."""
    share = -(-n // max(threads, 1)) if n > _ALONE else n
    step = max(1, min(_PART, share))
    slices = [slice(first, min(first + step, n)) for first in range(0, n, step)]
    if threads < 2 or len(slices) < 2:
        for part in slices:
            work(part)
        return
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, slices):
            pass  # an error in a part is raised here
