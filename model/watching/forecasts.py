"""What was forecast of open leads week by week, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.events import DAY
from features.lives import BOUGHT
from model.curves import Float
from model.metrics import Estimate, bootstrap_means, interval
from model.watching.proportions import by_group
from model.watching.sequential import evidence

Int64 = npt.NDArray[np.int64]
Bool = npt.NDArray[np.bool_]
STEP = 7  # days between two forecasts of a lead
NO_DAY = np.iinfo(np.int64).min


@dataclass(frozen=True, eq=False)
class Forecasts:
    """n forecasts of leads that were open then. Times in microseconds since 1970 UTC.

    ``as_of``, ``lead``, ``account`` (n,): codes; a lead without an account is one of its own. ``weekly``: the
    probability of a purchase within ``STEP`` days; ``chance`` (n, h): within each horizon, NaN where none was told.
    ``first_day``, ``last_day``: of the purchase window, in days since 1970, NO_DAY for none. ``ended_at``, ``outcome``:
    the ending, as known at ``known_by``, else known_by and OPEN.
    """

    as_of: Int64
    lead: Int64
    account: Int64
    weekly: Float
    chance: Float
    horizons: tuple[int, ...]
    first_day: Int64
    last_day: Int64
    ended_at: Int64
    outcome: npt.NDArray[np.int8]
    known_by: int

    def __len__(self) -> int:
        return len(self.as_of)

    def bought_within(self, days: float) -> Bool:
        return np.asarray((self.outcome == BOUGHT) & (self.ended_at <= self.as_of + int(days * DAY)))

    def followed(self, days: float) -> Bool:
        """(n,): whether what happened within so many days is known by now."""
        return np.asarray(self.as_of + int(days * DAY) <= self.known_by)


@dataclass(frozen=True, eq=False)
class Weeks:
    """By week, in order of time: when it began, how many leads were open, how many purchases were expected of them and
    came. ``steps``: (t, k) for ``model.watching.sequential.watch``."""

    begins: Int64
    leads: Int64
    expected: Float
    bought: Int64
    steps: Float


def weeks(told: Forecasts, *, tolerance: float) -> Weeks:
    """The weeks that are over. ``tolerance``: odds of a purchase a share so much higher or lower count as unchanged.

    Leads of one account weigh as one, whatever they have in common.
    """
    over = np.flatnonzero(told.followed(STEP))
    begins, code = np.unique(told.as_of[over], return_inverse=True)
    bought = told.bought_within(STEP)[over]
    p = np.clip(told.weekly[over], 1e-9, 1 - 1e-9)
    odds = p / (1 - p)
    low, high = (odds * by / (1 + odds * by) for by in (1 / (1 + tolerance), 1 + tolerance))
    _, pair, size = np.unique(
        np.stack([told.as_of[over], told.account[over]]), axis=1, return_inverse=True, return_counts=True
    )
    weight = 1.0 / size[pair]
    none, *steps = (
        evidence(bought[rows], low[rows], high[rows], weight=weight[rows])
        for rows in (np.flatnonzero(code == t) for t in range(-1, len(begins)))
    )
    return Weeks(
        begins=begins,
        leads=np.bincount(code, minlength=len(begins)),
        expected=np.bincount(code, weights=p, minlength=len(begins)).astype(np.float64),
        bought=by_group(bought, code, len(begins)),
        steps=np.array(steps).reshape(len(begins), len(none)),
    )


@dataclass(frozen=True)
class Horizon:
    """``ratio``: purchases that came over those that were expected, with a 95 % interval by resampling accounts."""

    days: int
    leads: int
    expected: float
    bought: int
    ratio: Estimate


def calibration(told: Forecasts, *, seed: int = 0) -> list[Horizon]:
    """For each horizon of the forecasts that are so old, whatever happened meanwhile; none without expected ones.

    NaN marks what a model without that horizon forecast: it counts for the others alone.
    How long a forecast is followed depends on the calendar alone, so nothing is censored and the ratio is plain.
    """
    found = []
    for j, days in enumerate(told.horizons):
        rows = np.flatnonzero(told.followed(days) & np.isfinite(told.chance[:, j]))
        expected = told.chance[rows, j]
        if not len(rows) or expected.sum() <= 0:
            continue
        bought = told.bought_within(days)[rows]
        draws = bootstrap_means(np.column_stack([bought, expected]), told.account[rows], seed=seed)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = interval(float(bought.sum() / expected.sum()), draws[:, 0] / draws[:, 1])
        leads = len(np.unique(told.lead[rows]))
        found.append(Horizon(days, leads, float(expected.sum()), int(bought.sum()), ratio))
    return found


def windows_kept(told: Forecasts, *, seed: int = 0) -> tuple[int, Estimate] | None:
    """How many leads bought within the longest horizon of a forecast that is so old and gave a window, and the share of
    those forecasts whose window held the day of the purchase, resampled by account; None without any.
    """
    longest = told.horizons[-1]
    had = told.followed(longest) & told.bought_within(longest) & (told.first_day != NO_DAY)
    rows = np.flatnonzero(had)
    if not len(rows):
        return None
    day = told.ended_at[rows] // DAY
    kept = (told.first_day[rows] <= day) & (day <= told.last_day[rows])
    draws = bootstrap_means(kept[:, None].astype(np.float64), told.account[rows], seed=seed)
    return len(np.unique(told.lead[rows])), interval(float(kept.mean()), draws[:, 0])


def dates(kept: Sequence[int], *, since: int, now: int) -> list[tuple[int, bool]]:
    """When forecasts begin that follow one another without overlap, and whether each was kept when it was made.

    Where none was kept, the weeks from ``since`` on are to be replayed. A date that has come is in it, though its week
    be not over yet.
    """
    step, found = STEP * DAY, []
    free = since  # from when on no forecast is running
    for at in [*sorted(at for at in kept if at <= now), None]:
        begins = max(free, since)
        while begins + step <= (now + step if at is None else at):
            found.append((begins, False))
            begins = free = begins + step
        if at is not None and (at >= free or not found):
            found.append((at, True))
            free = at + step
    return found
