"""Calibration on a later block of time: the incidences at the horizons, and the curve between them.

The incidence of each ending at each horizon gets a rising map: isotonic where enough endings were seen, else beta
calibration (Kull, Silva Filho and Flach 2017) shrunken towards the identity, else none.

What holds on a few dates may be the weather of these dates: Christmas, a backlog that was cleared. So a map is trusted
only as far as maps of other dates and other leads do good on each part of it, and not at all where that may be chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from sklearn.isotonic import isotonic_regression

from features.lives import BOUGHT, GONE
from model.curves import Curves, Float
from model.examples import Examples

ISOTONIC_FROM, BETA_FROM = 500, 20  # leads with the ending by the horizon
PARTS = 5  # of the calendar, and of the leads, by which a map is judged
_TINY = 1e-9


@dataclass(frozen=True)
class Map:
    """A rising map of probabilities. ``kind``: "beta" with ``values`` a, b, c: logit q = a log p - b log(1 - p) + c; or
    "isotonic" with ``values`` knots p .. and then q .., linear between them.
    """

    kind: str
    values: tuple[float, ...]
    trust: float = 1.0  # how far towards the map to go

    def __call__(self, p: Float) -> Float:
        return np.asarray(p + self.trust * (self._mapped(p) - p))

    def _mapped(self, p: Float) -> Float:
        if self.kind == "beta":
            a, b, c = self.values
            kept = np.clip(p, _TINY, 1 - _TINY)
            return np.asarray(1.0 / (1.0 + np.exp(-(a * np.log(kept) - b * np.log1p(-kept) + c))))
        half = len(self.values) // 2
        return np.interp(p, self.values[:half], self.values[half:])


@dataclass(frozen=True)
class Calibration:
    """Maps for each of the two endings at each horizon; None keeps the hazards since the horizon before."""

    horizons: tuple[float, ...]
    purchased: tuple[Map | None, ...]
    lost: tuple[Map | None, ...]

    @classmethod
    def identity(cls, horizons: Sequence[float]) -> Calibration:
        none = (None,) * len(horizons)
        return cls(tuple(map(float, horizons)), none, none)

    @classmethod
    def fit(cls, curves: Curves, later: Examples, horizons: Sequence[float]) -> Calibration:
        """``curves``: predictions for the examples of the later block. A horizon is judged by the rows that
        could have been followed for that long, whatever became of them.
        """
        outcome, duration, followed = later.outcome, later.duration, later.followed
        maps: dict[int, list[Map | None]] = {BOUGHT: [], GONE: []}
        for horizon in horizons:
            rows = followed >= horizon
            for ending, predicted in zip((BOUGHT, GONE), curves.rows(rows).at([horizon]), strict=True):
                came = (outcome[rows] == ending) & (duration[rows] <= horizon)
                maps[ending].append(_trusted_map(predicted[:, 0], came, later.group[rows], later.as_of[rows]))
        return cls(tuple(map(float, horizons)), tuple(maps[BOUGHT]), tuple(maps[GONE]))

    def apply(self, curves: Curves) -> Curves:
        """The curves through the calibrated points. Within a segment between horizons each ending's share of the way is
        as before. Both incidences rise; where the points of both would sum above 1, both steps are cut alike.
        """
        f = [np.zeros((len(curves), len(curves.days))), np.zeros((len(curves), len(curves.days)))]
        raw = (curves.purchased, curves.lost)
        before = 0
        for k, horizon in enumerate(self.horizons):
            here = int(np.searchsorted(curves.days, horizon))
            was_open = np.maximum(1.0 - raw[0][:, before] - raw[1][:, before], _TINY)
            left = np.maximum(1.0 - f[0][:, before] - f[1][:, before], 0.0)
            steps = []
            for j, chosen in enumerate((self.purchased[k], self.lost[k])):
                if chosen is None:
                    step = (raw[j][:, here] - raw[j][:, before]) / was_open * left
                else:
                    step = chosen(raw[j][:, here]) - f[j][:, before]
                steps.append(np.maximum(step, 0.0))
            room = left * (1.0 - 1e-9) / np.maximum(steps[0] + steps[1], _TINY)
            segment = slice(before, here + 1)
            for j in (0, 1):
                step = steps[j] * np.minimum(room, 1.0)
                share = _share(curves.days[segment], raw[j][:, segment])
                f[j][:, segment] = f[j][:, before, None] + step[:, None] * share
            before = here
        return Curves(curves.days, f[0], f[1])

    def to_json(self) -> dict[str, Any]:
        def listed(maps: tuple[Map | None, ...]) -> list[Any]:
            return [None if m is None else {"kind": m.kind, "values": list(m.values), "trust": m.trust} for m in maps]

        return {"horizons": list(self.horizons), "purchased": listed(self.purchased), "lost": listed(self.lost)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Calibration:
        def maps(items: list[Any]) -> tuple[Map | None, ...]:
            return tuple(None if m is None else Map(m["kind"], tuple(m["values"]), m["trust"]) for m in items)

        return cls(tuple(data["horizons"]), maps(data["purchased"]), maps(data["lost"]))


def _share(days: Float, incidence: Float) -> Float:
    """(n, k) the share of a segment's rise that has come by each day: 0 first, 1 last; even where there is no rise."""
    rise = incidence - incidence[:, :1]
    total = rise[:, -1:]
    even = (days - days[0]) / (days[-1] - days[0])
    return np.where(total > _TINY, np.minimum(rise / np.maximum(total, _TINY), 1.0), even)


def _trusted_map(
    predicted: Float, came: npt.NDArray[np.bool_], group: npt.NDArray[np.int64], as_of: npt.NDArray[np.int64]
) -> Map | None:
    """The map with its trust: 1 - (standard error / gain)^2, at least 0, which gives None.

    The gain is in log likelihood over no map, on each of up to 5 parts of the calendar and each of 5 parts of the
    leads, by the map of the other dates and other leads: a lead's one ending is seen from many dates. Its standard
    error is the larger of that over dates and that over leads. (James and Stein's positive-part shrinkage of a gain.)
    """
    chosen = fit_map(predicted, came, group)
    dates = np.unique(as_of)
    parts = min(PARTS, len(dates))
    if chosen is None or parts < 2:
        return None
    part = np.searchsorted(dates[np.arange(1, parts) * len(dates) // parts], as_of, side="right")
    leads, lead = np.unique(group, return_inverse=True)
    fold = np.random.default_rng(0).permutation(len(leads))[lead] % PARTS
    gains = np.zeros((parts, PARTS))
    for k, f in np.ndindex(gains.shape):
        judged, others = (part == k) & (fold == f), (part != k) & (fold != f)
        other = fit_map(predicted[others], came[others], group[others])
        if other is not None:
            p, y = predicted[judged], came[judged]
            gains[k, f] = float((_log_loss(p, y) - _log_loss(other(p), y)).sum())
    gain = float(gains.sum())
    error = max(_error(gains.sum(axis=1)), _error(gains.sum(axis=0)))
    trust = 1.0 - (error / gain) ** 2 if gain > 0 else 0.0
    return replace(chosen, trust=trust) if trust > 0 else None


def _error(gains: Float) -> float:
    """The standard error of the sum of gains (k,) that are independent of each other."""
    return float(np.sqrt(len(gains)) * gains.std(ddof=1))


def _log_loss(p: Float, came: npt.NDArray[np.bool_]) -> Float:
    kept = np.clip(p, 1e-6, 1 - 1e-6)
    return np.asarray(-np.where(came, np.log(kept), np.log1p(-kept)))


def fit_map(predicted: Float, came: npt.NDArray[np.bool_], group: npt.NDArray[np.int64]) -> Map | None:
    """The map that the number of leads with the ending allows; None for too few."""
    n_events = len(np.unique(group[came]))
    if n_events < BETA_FROM:
        return None
    if n_events >= ISOTONIC_FROM:
        return _isotonic(predicted, came)
    return _beta(predicted, came, len(np.unique(group)) / len(group))


def _isotonic(predicted: Float, came: npt.NDArray[np.bool_]) -> Map:
    """Centred isotonic regression (Oron and Flournoy 2017): linear between the blocks' means, so that ranks survive."""
    value, place, count = np.unique(predicted, return_inverse=True, return_counts=True)
    mean = np.bincount(place, weights=came) / count
    fitted = isotonic_regression(mean, sample_weight=count.astype(np.float64))
    block = np.concatenate([[0], np.cumsum(np.diff(fitted) > 0)])
    weight = np.bincount(block, weights=count)
    x = np.bincount(block, weights=value * count) / weight
    q = np.bincount(block, weights=fitted * count) / weight
    inside = (x > 0) & (x < 1)
    return Map("isotonic", (0.0, *x[inside].tolist(), 1.0, 0.0, *q[inside].tolist(), 1.0))


def _beta(predicted: Float, came: npt.NDArray[np.bool_], weight: float) -> Map:
    """Maximum a posteriori: a, b ~ N(1, 0.3), c ~ N(0, 1). ``weight``: leads / rows, for a lead's rows are alike."""
    kept = np.clip(predicted, 1e-6, 1 - 1e-6)
    log_p, log_q = np.log(kept), -np.log1p(-kept)

    def loss(theta: Float) -> tuple[float, Float]:
        score = theta[0] * log_p + theta[1] * log_q + theta[2]
        residual = 1.0 / (1.0 + np.exp(-score)) - came
        away = (theta - (1.0, 1.0, 0.0)) / (0.3, 0.3, 1.0)
        value = weight * float((np.logaddexp(0.0, score) - came * score).sum()) + 0.5 * float(away @ away)
        slope = weight * np.array([residual @ log_p, residual @ log_q, residual.sum()])
        return value, slope + away / (0.3, 0.3, 1.0)

    found = minimize(loss, np.array([1.0, 1.0, 0.0]), jac=True, bounds=[(0.05, 4), (0.05, 4), (-5, 5)])
    return Map("beta", tuple(found.x.tolist()))
