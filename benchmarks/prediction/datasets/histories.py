"""What the datasets with a calendar share: from tables to a history, and from a history to folds by rolling origin."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.builder import Requests
from features.business_settings import EventRoles
from features.catalogue import Catalogue, expand
from features.errors import InputError
from features.events import DAY
from features.history import History
from features.tables import read_tables
from model.examples import Examples, calendar_split, training_landmarks
from training.fitting import serving_split

Int64 = npt.NDArray[np.int64]

MOST_ROWS = 8_000  # test rows of a fold: more make the intervals little narrower and the slow peers much slower
WEEKS = 4  # test dates after an origin
SEED = 1  # of the landmarks, as in training.train


def micros(day: str) -> int:
    """Microseconds since 1970 of a date at midnight UTC, such as 2011-07-01."""
    return instant(pd.Timestamp(day, tz="UTC"))


def instant(time: pd.Timestamp) -> int:
    """Microseconds since 1970 UTC. Timestamp.value is in nanoseconds whatever the unit of the time is."""
    return int(time.value // 1000)


def events_of(tables: dict[str, pa.Table | pd.DataFrame], *, now: int) -> pa.Table:
    """The events (EVENT_SCHEMA) of interchange tables, read as the product reads a folder of them.

    InputError when a row of them is refused: what a benchmark adapts has to be right.
    """
    with tempfile.TemporaryDirectory() as folder:
        for name, table in tables.items():
            pq.write_table(table if isinstance(table, pa.Table) else _arrow(table), Path(folder) / f"{name}.parquet")
        read = read_tables(Path(folder), now=now)
    if read.rejects:
        first = read.rejects[0]
        raise InputError(
            where=f"{first.file}, line {first.line}, {first.column}",
            expected="tables without refused rows",
            got=f"{len(read.rejects)} refused, the first because: {first.reason}",
        )
    return read.events


def _arrow(table: pd.DataFrame) -> pa.Table:
    """Times without a zone, which means UTC: pyarrow warns of pandas 3.1 when it takes their zone along."""
    zoned = table.select_dtypes("datetimetz")
    return pa.Table.from_pandas(
        table.assign(**{str(name): zoned[name].dt.tz_convert(None) for name in zoned}), preserve_index=False
    )


@dataclass(frozen=True, eq=False)
class Past:
    """What ``training.train --as-known-at`` an origin would learn from."""

    catalogue: Catalogue
    learn: Examples
    train: Examples
    calibrate: Examples


def past(events: pa.Table, *, origin: int, longest: int, seed: int = SEED) -> Past:
    """Features, training and calibration examples of the events (EVENT_SCHEMA) that were known at ``origin``.

    The blocks are those of the model that would serve: nothing is kept back for testing. ``train`` ends where
    ``calibrate`` begins, for choosing configurations. ``longest``: days.
    """
    known = pc.and_(pc.less_equal(events["occurred_at"], origin), pc.less_equal(events["recorded_at"], origin))
    history = History.from_table(events.filter(known))
    split = serving_split(calendar_split(history, known_by=origin, longest=longest))
    catalogue = expand(history, split.test_since, roles=EventRoles())
    before = training_landmarks(
        history, since=split.train_since, until=split.calibrate_since, known_by=split.calibrate_since, seed=seed
    )
    return Past(
        catalogue=catalogue,
        learn=split.train(history, seed=seed).with_features(history, catalogue),
        train=before.with_features(history, catalogue),
        calibrate=split.calibrate(history).with_features(history, catalogue),
    )


def asked(
    history: History, requests: Requests, outcome: npt.ArrayLike, duration: npt.ArrayLike, *, known_by: int
) -> Examples:
    """Test examples at as-of times that a dataset chooses itself, answers as given; without features yet."""
    return Examples(
        lead_ids=np.array(list(requests.lead_ids), dtype=object),
        as_of=np.asarray(requests.as_of, dtype=np.int64),
        outcome=np.asarray(outcome, dtype=np.int8),
        duration=np.asarray(duration, dtype=np.float64),
        group=np.array([history.lead_index[lead] for lead in requests.lead_ids], dtype=np.int64),
        known_by=known_by,
    )


def sampled(examples: Examples, keys: Sequence[str] | npt.NDArray[np.str_], most: int = MOST_ROWS) -> Examples:
    """At most ``most`` rows: all rows of the keys (n,) that come first by a hash of them, whatever else there is."""
    names, code, count = np.unique(np.asarray(keys, dtype=str), return_inverse=True, return_counts=True)
    hashes = [hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names.tolist()]
    order = sorted(range(len(names)), key=hashes.__getitem__)
    kept = np.zeros(len(names), dtype=bool)
    kept[np.array(order, dtype=np.int64)[np.cumsum(count[order]) <= most]] = True
    return examples.rows(kept[code])


def weekly_dates(origin: int, weeks: int = WEEKS) -> int:
    """The end (not included) of ``weeks`` weekly dates that begin with ``origin``."""
    return origin + (weeks - 1) * 7 * DAY + 1
