"""What a method is given, and what it answers: the one contract between datasets, peers and measures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from features.catalogue import Catalogue
from model.curves import Curves, Float
from model.examples import Examples

Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Fold:
    """One dataset at one origin of time. All examples have features.

    ``learn``: what the past before the origin gives, for final fits. ``train``, ``calibrate``: to choose configurations
    by, the second later than the first and its labels unknown to it; without a calendar ``calibrate`` is None and
    ``train`` is ``learn``. ``test``: what is asked after it, with its answers; a method sees only its
    features and as-of times. ``groups``: (n,) what the test rows are resampled by, leads or accounts. ``catalogue``:
    of the features; None where the dataset has no histories. ``best``: the true curves of the test rows, where a
    simulator knows them.
    """

    dataset: str
    origin: str
    horizons: tuple[int, ...]
    learn: Examples
    train: Examples
    calibrate: Examples | None
    test: Examples
    groups: npt.NDArray[np.str_]
    catalogue: Catalogue | None = None
    best: Curves | None = None
    notes: tuple[str, ...] = ()

    @property
    def grid(self) -> Float:
        """0 and each day to the longest horizon: where curves are judged."""
        return np.arange(0.0, self.horizons[-1] + 1)


@dataclass(frozen=True, eq=False)
class Answer:
    """What a method says of the test rows. ``chosen``: its configuration, as found by tuning. ``window``: first and
    last day (n,) after the as-of time, NaN where none is given; None for a method without windows. ``readiness``: (n,).
    """

    curves: Curves
    chosen: str = ""
    window: tuple[Float, Float] | None = None
    readiness: Float | None = None
    fit_seconds: float = 0.0
    predict_seconds: float = 0.0
    extra: dict[str, float] = field(default_factory=dict)


Method = Callable[[Fold], Answer]
