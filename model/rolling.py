"""Rolling origin: the same split moved back in time, again and again, each fold learning from its past alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.stats import t as student

from features.errors import InputError
from features.events import DAY, to_iso
from model.examples import Split
from model.metrics import Estimate

_LEAST_PAST = 1.0  # blocks of learning time before the calibration block of the oldest fold
_LEAST_BLOCK = 7 * DAY


def rolling_splits(split: Split, folds: int, *, longest: float) -> list[Split]:
    """``folds`` splits, the oldest first, each testing on the block right after the one before it; the newest ends with
    the test block of ``split``, and is ``split`` where there is room for blocks of its length. Test blocks do not
    overlap, and what is learned from lies wholly before them.

    Labels are cut ``longest`` days after a test block, where the data reach so far, so that each is followed equally
    long. InputError where blocks would be shorter than a week.
    """
    block = split.test_until - split.test_since
    room = split.calibrate_since - split.train_since - int(_LEAST_PAST * block)  # to move back over
    step = block if folds == 1 else min(block, max(0, room) // max(1, folds - 1))
    if folds < 1 or step < _LEAST_BLOCK:
        most = 1 + max(0, room) // _LEAST_BLOCK
        raise InputError(
            where="--folds",
            expected=f"1 to {most} folds of a week or longer, each with a past to learn from",
            got=str(folds),
            remedy=f"Ask for fewer, or load a longer history: leads are known from {to_iso(split.train_since)[:10]} on",
        )
    if step == block:
        return [*(_moved(split, k * block, block, longest) for k in range(folds - 1, 0, -1)), split]
    return [_moved(split, k * step, step, longest) for k in range(folds - 1, -1, -1)]


def _moved(split: Split, back: int, block: int, longest: float) -> Split:
    """``split`` with a test block of this length that ends ``back`` earlier."""
    test_until = split.test_until - back
    by = test_until - block - split.test_since
    return replace(
        split,
        calibrate_since=split.calibrate_since + by,
        calibrate_until=split.calibrate_until + by,
        test_since=split.test_since + by,
        test_until=test_until,
        known_by=min(split.known_by, int(test_until + longest * DAY) + split.lag),
    )


def mean_over_folds(values: Sequence[float]) -> Estimate:
    """The mean and its 95 % interval by Student's t with folds - 1 degrees of freedom; no interval from one fold.

    Folds learn from overlapping pasts, so the interval is a little too narrow (Bengio and Grandvalet, Journal of
    Machine Learning Research 5 (2004), 1089-1105).
    """
    found = np.asarray([value for value in values if np.isfinite(value)], dtype=np.float64)
    mean = float(found.mean()) if len(found) else float("nan")
    if len(found) < 2:
        return Estimate(mean, float("nan"), float("nan"))
    half = float(student.ppf(0.975, len(found) - 1) * found.std(ddof=1) / np.sqrt(len(found)))
    return Estimate(mean, mean - half, mean + half)
