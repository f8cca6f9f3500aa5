"""What is kept of a run: what each fold asked, what each method answered. The report needs nothing else."""

from __future__ import annotations

import hashlib
import pickle
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.prediction.fold import Answer, Fold
from model.curves import Curves, Float
from model.examples import Examples

TOLERANCE = 1e-9  # by which a curve may fall or exceed 1
DONE, FAILED, LATE, NOT_APPLICABLE = "done", "failed", "over the time limit", "not applicable"
ASKED = "asked.pkl"
DEADLINE = "deadline_days"  # the feature, as model.person_period calls it; importing that would load LightGBM too
Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Daily:
    """Curves on the fold's grid, in single precision: (n, days) each."""

    purchased: Float32
    lost: Float32

    @classmethod
    def of(cls, curves: Curves, grid: Float) -> Daily:
        """ValueError for curves that end before the grid does or hold NaN."""
        purchased, lost = curves.at(grid)
        if not (np.isfinite(purchased).all() and np.isfinite(lost).all()):
            raise ValueError("expected probabilities, got NaN or infinite values in the curves")
        return cls(purchased.astype(np.float32), lost.astype(np.float32))

    def curves(self, grid: Float) -> Curves:
        """Within [0, 1], so that they can be scored whatever they were."""
        low_high = (np.clip(part.astype(np.float64), 0.0, 1.0) for part in (self.purchased, self.lost))
        return Curves(grid, *low_high)


@dataclass(frozen=True, eq=False)
class Asked:
    """A fold without its features. ``deadline``: (n,) days to the declared deadline, NaN without one. ``past_*``: all
    rows that could be learned from. ``fingerprint``: of all its data.
    """

    dataset: str
    origin: str
    horizons: tuple[int, ...]
    groups: npt.NDArray[np.str_]
    as_of: npt.NDArray[np.int64]
    outcome: npt.NDArray[np.int8]
    duration: Float
    deadline: Float
    past_outcome: npt.NDArray[np.int8]
    past_duration: Float
    n_features: int
    has_histories: bool
    best: Daily | None
    notes: tuple[str, ...]
    fingerprint: str

    @classmethod
    def of(cls, fold: Fold) -> Asked:
        X = fold.test.features
        return cls(
            dataset=fold.dataset,
            origin=fold.origin,
            horizons=fold.horizons,
            groups=np.asarray(fold.groups, dtype=str),
            as_of=fold.test.as_of,
            outcome=np.asarray(fold.test.outcome, dtype=np.int8),
            duration=np.asarray(fold.test.duration, dtype=np.float64),
            deadline=X[DEADLINE].to_numpy(dtype=np.float64) if DEADLINE in X else np.full(len(X), np.nan),
            past_outcome=np.asarray(fold.learn.outcome, dtype=np.int8),
            past_duration=np.asarray(fold.learn.duration, dtype=np.float64),
            n_features=X.shape[1],
            has_histories=fold.catalogue is not None,
            best=None if fold.best is None else Daily.of(fold.best, fold.grid),
            notes=fold.notes,
            fingerprint=_fingerprint([b for b in (fold.learn, fold.train, fold.calibrate, fold.test) if b is not None]),
        )

    @property
    def grid(self) -> Float:
        return np.arange(0.0, self.horizons[-1] + 1)

    def __len__(self) -> int:
        return len(self.outcome)


@dataclass(frozen=True, eq=False)
class Result:
    """One method on one fold. ``status`` other than DONE has a ``message`` and no curves. ``wrong``: curves that fall
    somewhere, or leave [0, 1] alone or in sum, before anybody mended them. ``peak_mb``: the most memory held beyond
    what was held before the method began.
    """

    dataset: str
    origin: str
    method: str
    fingerprint: str
    status: str
    message: str = ""
    daily: Daily | None = None
    wrong: int = 0
    chosen: str = ""
    window: tuple[Float, Float] | None = None
    readiness: Float | None = None
    fit_seconds: float = float("nan")
    predict_seconds: float = float("nan")
    seconds: float = float("nan")
    peak_mb: float = float("nan")
    extra: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, asked: Asked, method: str, answer: Answer, *, seconds: float, peak_mb: float) -> Result:
        """ValueError unless there is a curve for each row asked."""
        if len(answer.curves) != len(asked):
            raise ValueError(f"expected {len(asked)} curves, got {len(answer.curves)}")
        return cls(
            dataset=asked.dataset,
            origin=asked.origin,
            method=method,
            fingerprint=asked.fingerprint,
            status=DONE,
            daily=Daily.of(answer.curves, asked.grid),
            # a peer's curves come mended, with a count
            wrong=max(count_wrong(answer.curves), int(answer.extra.get("not_monotone", 0))),
            chosen=answer.chosen,
            window=answer.window,
            readiness=answer.readiness,
            fit_seconds=answer.fit_seconds,
            predict_seconds=answer.predict_seconds,
            seconds=seconds,
            peak_mb=peak_mb,
            extra=dict(answer.extra),
        )


def count_wrong(curves: Curves) -> int:
    """How many rows have a curve that falls or is below 0 or above 1, or curves with a sum above 1."""
    wrong = (curves.purchased + curves.lost > 1 + TOLERANCE).any(axis=1)
    for part in (curves.purchased, curves.lost):
        wrong |= (np.diff(part, axis=1) < -TOLERANCE).any(axis=1)
        wrong |= ((part < -TOLERANCE) | (part > 1 + TOLERANCE)).any(axis=1)
    return int(wrong.sum())


def folder_of(keep: Path, dataset: str, origin: str) -> Path:
    return keep / _slug(dataset) / _slug(origin)


def put(keep: Path, thing: Asked | Result) -> Path:
    """Write it to its place below ``keep``; the path."""
    name = ASKED if isinstance(thing, Asked) else f"{_slug(thing.method)}.pkl"
    path = folder_of(keep, thing.dataset, thing.origin) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("wb") as stream:
        pickle.dump(thing, stream, protocol=pickle.HIGHEST_PROTOCOL)
    part.replace(path)
    return path


def read(path: Path) -> Any:
    """What ``put`` wrote; only files of one's own, for pickles run code."""
    with path.open("rb") as stream:
        return pickle.load(stream)


def asked_in(keep: Path) -> dict[str, list[Asked]]:
    """The folds of each dataset, by origin."""
    found: dict[str, list[Asked]] = {}
    for path in sorted(keep.glob(f"*/*/{ASKED}")):
        asked = read(path)
        found.setdefault(asked.dataset, []).append(asked)
    return found


def results_of(keep: Path, asked: Asked) -> Iterator[Result]:
    """The answers to this fold, one at a time; those to another state of its data are passed over."""
    for path in sorted(folder_of(keep, asked.dataset, asked.origin).glob("*.pkl")):
        if path.name != ASKED:
            result = read(path)
            if result.fingerprint == asked.fingerprint:
                yield result


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-").lower() or "all"


def _fingerprint(blocks: list[Examples]) -> str:
    digest = hashlib.sha256()
    for block in blocks:
        for array in (block.as_of, np.asarray(block.outcome, np.int8), np.asarray(block.duration, np.float64)):
            digest.update(np.ascontiguousarray(array).tobytes())
        digest.update("\0".join(map(str, block.features.columns)).encode())
        digest.update(pd.util.hash_pandas_object(block.features, index=False).to_numpy().tobytes())
    return digest.hexdigest()
