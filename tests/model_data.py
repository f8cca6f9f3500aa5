"""Made-up rows for the tests of the model: hazards that depend on a feature, deadlines that are kept, and noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.events import DAY
from model.frame import Endings, endings

START = 20_000 * DAY


@dataclass(frozen=True)
class Made:
    X: pd.DataFrame
    y: Endings
    groups: npt.NDArray[np.int64]
    as_of: npt.NDArray[np.int64]


def made(n: int, seed: int = 0, *, signal: bool = True, rate: float = 1 / 60, per_lead: int = 2) -> Made:
    """``n`` rows. With a signal, ``x`` raises the purchase hazard and a declared deadline is kept within a day."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    deadline = np.where(rng.random(n) < 0.4, rng.uniform(2, 80, n), np.nan)
    bought = rng.exponential(1 / (rate * np.exp(x if signal else 0.0)), n)
    if signal:
        kept = ~np.isnan(deadline)
        bought[kept] = deadline[kept] + rng.uniform(-1, 1, kept.sum())
    lost = rng.exponential(1 / rate, n)
    sight = rng.uniform(5, 150, n)
    duration = np.minimum(np.minimum(bought, lost), sight)
    outcome = np.where(duration == bought, 1, np.where(duration == lost, 2, 0))
    X = pd.DataFrame(
        {
            "x": x,
            "noise": rng.normal(size=n),
            "age_days": rng.uniform(0, 100, n),
            "deadline_days": deadline,
            "constant": 1.0,
            "nothing": np.nan,
            "source": pd.Categorical(rng.choice(["ads", "fair", None], n), categories=["ads", "fair", "(other)"]),
        }
    )
    as_of = START + (rng.uniform(0, 200, n) * DAY).astype(np.int64)
    return Made(X, endings(outcome, duration), np.arange(n) // per_lead, as_of)
