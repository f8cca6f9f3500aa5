"""Rows of (landmark, bin): what is at risk, which rows are kept, and the covariates known in advance for each bin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from features.events import DAY
from features.lives import OPEN
from model.curves import Float
from model.frame import Columns

Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]

DEADLINE = "deadline_days"  # days from the as-of time to the declared deadline
AGE = "age_days"
SEASON = frozenset({"month", "day_of_year"})  # features that mean nothing until a year has been seen
_ENDED = 3.0  # of so many sampled rows at most one has an ending
# from the earliest time that is taken (1900) to ten years, the longest horizon, after the latest as-of time (2199)
_QUARTER_STARTS = (np.arange("1900-01", "2211-01", 3, dtype="datetime64[M]")).astype("datetime64[D]").astype(np.int64)


@dataclass(frozen=True)
class TimeCovariates:
    """What is known in advance about each bin: its place, the declared deadline, the lead's age, the calendar.

    ``edges``: of the bins, in days. ``deadline``, ``age``: positions of those columns among the features, -1 without.
    ``week``: whether as-of times were given at fit, so that working days can be told; ``quarter`` and ``month``:
    whether the training data saw enough quarters and months to learn from them.
    """

    edges: tuple[float, ...]
    deadline: int
    age: int
    week: bool
    quarter: bool
    month: bool

    @classmethod
    def of(cls, edges: Float, columns: Columns, as_of: Int64 | None, duration: Float) -> TimeCovariates:
        span = 0.0 if as_of is None else float(np.max(as_of / DAY + duration) - np.min(as_of) / DAY)
        return cls(
            edges=tuple(edges.tolist()),
            deadline=columns.names.index(DEADLINE) if DEADLINE in columns.names else -1,
            age=columns.names.index(AGE) if AGE in columns.names else -1,
            week=span >= 21,
            quarter=span >= 3 * 92,  # at least three quarter ends
            month=span >= 366,
        )

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(**{**data, "edges": tuple(data["edges"])})

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def names(self) -> list[str]:
        names = ["bin_days"]
        if self.deadline >= 0:
            names += ["bin_deadline_days", "bin_past_deadline"]
        if self.age >= 0:
            names += ["bin_age_days"]
        return names + [name for name in ("week", "quarter", "month") if getattr(self, name)]

    def masked(self, matrix: Float, names: Sequence[str]) -> Float:
        """``matrix`` (n, p) of features of these names, the season missing where no year of it was seen."""
        season = [i for i, name in enumerate(names) if name in SEASON]
        if season and not self.month:
            matrix = matrix.copy()
            matrix[:, season] = np.nan
        return matrix

    @property
    def needs_calendar(self) -> bool:
        return self.week or self.quarter or self.month

    def compute(self, matrix: Float, as_of: Int64 | None, bins: Int32) -> Float:
        """(k, q): the covariates of k rows, given each row's features, as-of time and bin."""
        edges = np.asarray(self.edges)
        start, end = edges[bins], edges[bins + 1]
        middle = (start + end) / 2
        out = [middle]
        if self.deadline >= 0:
            days = matrix[:, self.deadline]
            # before the deadline's bin 0, in it 1, after it 2; missing without a deadline. A bin holds its end, as for
            # purchases: deadlines and most as-of times lie at midnight, so on edges
            past = (start >= days).astype(np.float64) + (end >= days)
            out += [days - middle, np.where(np.isnan(days), np.nan, past)]
        if self.age >= 0:
            out.append(matrix[:, self.age] + middle)
        if self.needs_calendar and as_of is not None:
            day = as_of / DAY
            if self.week:
                out.append((_working_days(day + end) - _working_days(day + start)) / (end - start))
            if self.quarter:
                today = np.floor(day + middle)
                out.append(_QUARTER_STARTS[np.searchsorted(_QUARTER_STARTS, today, side="right")] - today)
            if self.month:
                date = np.floor(day + middle).astype("datetime64[D]").astype("datetime64[M]")
                out.append(date.astype(np.int64) % 12 + 1.0)
        return np.column_stack(out)


def _working_days(day: Float) -> Float:
    """Days from Monday to Friday between Monday 1969-12-29 and ``day`` (days since 1970), with fractions."""
    since = day + 3.0
    week = np.floor(since / 7)
    return np.asarray(5 * week + np.minimum(since - 7 * week, 5.0))


@dataclass(frozen=True, eq=False)
class PersonPeriod:
    """The rows at risk that a fit uses. ``row``, ``bin``: the landmark and the bin of each; ``ending``: 0 when nothing
    ended in it, else 1 or 2; ``weight``: 1 with an ending, else the share of the bin that was under observation,
    both times 1 / the share of such rows that was kept.
    """

    row: Int32
    bin: Int32
    ending: npt.NDArray[np.int8]
    weight: Float

    def __len__(self) -> int:
        return len(self.row)


def person_period(
    outcome: npt.NDArray[np.int8],
    duration: Float,
    edges: Float,
    *,
    max_rows: int,
    seed: int,
    entry: Float | None = None,
) -> PersonPeriod:
    """One row for each bin in which a landmark was at risk, in the order of landmarks.

    ``entry``: (n,) days from which on a landmark is under observation, below its duration; there is no row for bins
    that ended before. Nothing that came before entry could have been seen, so those bins tell nothing.
    Above ``max_rows`` rows are sampled and weighted up. Rows with an ending stay before others, as far as they are a
    third: many landmarks share one ending, and a sample with too few other rows would be learned by heart.
    """
    n_bins = len(edges) - 1
    last = np.searchsorted(edges, duration, side="left") - 1  # the bin in which sight of the lead ends
    start = np.zeros(len(duration)) if entry is None else entry
    first_bin = np.searchsorted(edges, start, side="right") - 1  # the bin in which it begins
    count = np.maximum(np.minimum(last, n_bins - 1) + 1 - first_bin, 0)
    total = int(count.sum())
    within = last < n_bins
    n_ended = int((within & (outcome != OPEN)).sum())
    share_ended = 1.0 if total <= max_rows else min(1.0, max_rows / _ENDED / max(n_ended, 1))
    share = min(1.0, (max_rows - share_ended * n_ended) / max(total - n_ended, 1))
    rng = np.random.default_rng(seed)
    rows, bins = [], []
    for first in range(0, len(duration), 100_000):  # bounded memory while the zero rows are thinned
        part = slice(first, first + 100_000)
        row = np.repeat(np.arange(first, first + len(count[part]), dtype=np.int32), count[part])
        begin = np.cumsum(count[part]) - count[part]
        bin_ = (np.arange(len(row)) - np.repeat(begin - first_bin[part], count[part])).astype(np.int32)
        if share < 1.0:
            is_end = (bin_ == last[row]) & (outcome[row] != OPEN)
            keep = rng.random(len(row)) < np.where(is_end, share_ended, share)
            row, bin_ = row[keep], bin_[keep]
        rows.append(row)
        bins.append(bin_)
    row, bin_ = np.concatenate(rows), np.concatenate(bins)
    at_end = bin_ == last[row]
    ending = np.where(at_end, outcome[row], 0).astype(np.int8)
    weight = np.where(ending > 0, 1.0 / share_ended, 1.0 / share)
    # entered or censored within the bin: it counts for the time that was seen
    cut = (ending == 0) & (at_end | (bin_ == first_bin[row]))
    b, r = bin_[cut], row[cut]
    weight[cut] *= (np.minimum(duration[r], edges[b + 1]) - np.maximum(start[r], edges[b])) / np.diff(edges)[b]
    return PersonPeriod(row, bin_, ending, weight)


class Rows(lgb.Sequence):
    """The expanded matrix, made slice by slice while LightGBM bins it, so that it never is in memory as a whole."""

    batch_size = 16_384

    def __init__(self, matrix: Float, as_of: Int64 | None, time: TimeCovariates, row: Int32, bins: Int32) -> None:
        self.matrix, self.as_of, self.time, self.row, self.bins = matrix, as_of, time, row, bins

    def __len__(self) -> int:
        return len(self.row)

    def part(self, which: npt.NDArray[np.int64]) -> Rows:
        """Some of the rows."""
        return Rows(self.matrix, self.as_of, self.time, self.row[which], self.bins[which])

    def __getitem__(self, index: Any) -> Float:
        if isinstance(index, (int, np.integer)):
            return np.asarray(self[slice(int(index), int(index) + 1)][0])
        row, bins = self.row[index], self.bins[index]
        base = self.matrix[row]
        moment = None if self.as_of is None else self.as_of[row]
        return np.column_stack([base, self.time.compute(base, moment, bins)])
