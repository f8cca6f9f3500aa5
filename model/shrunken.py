"""A curve from very few endings: hazards shrunk towards those of the days around them, and these towards a constant.

Aalen-Johansen believes what it has seen: with seven purchases most days have a hazard of 0 and a few a large one. Here
the daily rate of each of three spans of days has a gamma prior around the rate over all days, and that of each bin one
around the rate of its span, worth a few endings each: a bin that has seen few goes with the others, a rate that falls
still falls (piecewise exponential with gamma priors: Ibrahim, Chen and Sinha, Bayesian Survival Analysis, 2001, 3.1;
a prior's mean from the same data: Morris 1983).
"""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from features.lives import BOUGHT, GONE
from model.curves import Float
from model.estimator import aligned
from model.frame import Endings, check_endings
from model.hazard import PurchaseHazard

SPANS = (7.0, 30.0)  # days at which spans part
OF_SPAN, OF_BIN = 2.0, 5.0  # endings that the priors are worth


class ShrunkenHazard(PurchaseHazard):
    """Looks at no feature; has the files of a PurchaseHazard that was not given enough endings to learn from."""

    _learns = False

    def fit(
        self,
        X: pd.DataFrame | Float,
        y: Endings,
        *,
        groups: npt.ArrayLike | None = None,
        as_of: npt.ArrayLike | None = None,
        entry: npt.ArrayLike | None = None,
    ) -> Self:
        """As PurchaseHazard's. ``entry`` plays no part in how far rates are shrunk."""
        super().fit(X, y, groups=groups, as_of=as_of, entry=entry)
        outcome, duration = check_endings(y)
        names = aligned("groups", groups, len(duration))
        leads = len(duration) if names is None else len(np.unique(names))
        self.baseline_ = shrunken_hazards(outcome, duration, np.array(self.time_.edges), leads=leads)
        self._load()
        return self


def shrunken_hazards(outcome: npt.NDArray[np.int8], duration: Float, edges: Float, *, leads: int) -> Float:
    """(2, bins): the probability to buy in a bin, and to be lost in it if not, from n rows of so many leads.

    Rows of one lead tell of the same ending, so n / leads of them count as one. The rate over all days is
    (endings + 1/2) / days (Jeffreys), above 0 even where nobody has ended so.
    """
    width, per_lead = np.diff(edges), len(duration) / max(leads, 1)
    exposure = np.array([np.clip(duration - edges[k], 0.0, width[k]).sum() for k in range(len(width))]) / per_lead
    span = np.digitize(edges[:-1], SPANS)
    within = np.clip(np.searchsorted(edges, duration, side="left") - 1, 0, None)
    rates = []
    for code in (BOUGHT, GONE):
        mine = (outcome == code) & (duration <= edges[-1])
        ended = np.bincount(within[mine], minlength=len(width))[: len(width)] / per_lead
        overall = (ended.sum() + 0.5) / max(exposure.sum(), 1.0)
        ended_in, days_in = (np.bincount(span, each).astype(np.float64) for each in (ended, exposure))
        of_span = _shrunken(ended_in, days_in, overall, OF_SPAN)
        rates.append(_shrunken(ended, exposure, of_span[span], OF_BIN))
    total = rates[0] + rates[1]
    leave = -np.expm1(-total * width)
    bought, lost = rates[0] / total * leave, rates[1] / total * leave
    return np.stack([bought, lost / (1.0 - bought)])


def _shrunken(ended: Float, exposure: Float, towards: Float | float, strength: float) -> Float:
    return np.asarray((ended + strength) / (exposure + strength / towards))
