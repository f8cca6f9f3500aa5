"""One draw: the product and Aalen-Johansen, learned from the same leads and asked the same."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from benchmarks.learning_curve.material import Material
from benchmarks.prediction.child import forget_peak, peak_megabytes
from features.errors import InputError
from features.history import History
from features.lives import BOUGHT, GONE, lead_lives
from features.settings import Settings
from model.curves import Curves, Float
from model.examples import calendar_split
from model.metrics import bootstrap_means, brier_losses, integrate, ipcw
from training.fitting import fit, serving_split


@dataclass(frozen=True)
class Drawn:
    """Integrated Brier scores of one draw: of the product, of Aalen-Johansen, of the truth. ``low``, ``high``: of the
    ratio of the first two, by resampling what is asked. ``trusted``: endings for which features are used. ``refused``:
    why nothing could be learned; the figures are then NaN.
    """

    size: int
    purchases: int
    own: float = float("nan")
    reference: float = float("nan")
    best: float = float("nan")
    low: float = float("nan")
    high: float = float("nan")
    seconds: float = float("nan")
    peak_mb: float = float("nan")
    rows: int = 0
    trusted: int = 0
    refused: str = ""


def learn(material: Material, size: int, draw: int, draws: int) -> Drawn:
    """The product's own way from a history to a scorer; only the check that there are enough leads is left out."""
    past = material.history_of(size, draw, draws)
    purchases = int((lead_lives(past, material.origin).outcome == BOUGHT).sum())
    settings = Settings(horizons=material.horizons)
    forget_peak()
    held, began = peak_megabytes(), time.perf_counter()
    try:
        split = serving_split(calendar_split(past, known_by=material.origin, longest=material.horizons[-1]))
        fitted = fit(past, split, settings, seed=draw, version="")
    except InputError as error:
        return Drawn(size, purchases, refused=str(error).split(";")[0])
    seconds, peak = time.perf_counter() - began, peak_megabytes() - held
    asked = material.asked.with_features(History.from_table(material.later), fitted.scorer.catalogue)
    losses = [
        losses_of(material, fitted.scorer.curves(asked.features, asked.as_of)),
        losses_of(material, fitted.baseline(len(asked))),
    ]
    drawn = bootstrap_means(np.column_stack(losses), material.groups)
    low, high = np.quantile(drawn[:, 0] / drawn[:, 1], [0.025, 0.975])
    return Drawn(
        size,
        purchases,
        own=float(losses[0].mean()),
        reference=float(losses[1].mean()),
        best=float("nan") if material.best is None else float(losses_of(material, material.best).mean()),
        low=float(low),
        high=float(high),
        seconds=seconds,
        peak_mb=peak,
        rows=len(fitted.train),
        trusted=sum(fitted.scorer.hazard.booster(ending) is not None for ending in (BOUGHT, GONE)),
    )


def losses_of(material: Material, curves: Curves) -> Float:
    """(n,): what each row adds to the integrated Brier score of the purchase."""
    weights = ipcw(material.asked.duration, material.asked.outcome, material.grid)
    return np.asarray(integrate(material.grid, brier_losses(weights, curves.at(material.grid)[0])))
