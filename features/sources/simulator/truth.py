"""The truth about simulated leads: for tests and benchmarks only, never in any table.

``true_curves`` gives the incidences of both endings over the days after an as-of time, *given what had happened by
then*. Calls still to come are not given: they are averaged over as the salesperson of the lead would make them, and
so are the moves of the need and everything else that is still to be drawn. So the curve is a conditional expectation,
and by that alone the best forecast under every proper score; conditioning on the calls as they will be made would use
the future.

What is given, the caller chooses:

- ``LATENT``: all that the simulator itself knows at that time: the phase of the need and whether a declared deadline
  is meant, with its exact day. This is the hazard that the endings are drawn from.
- ``OBSERVED``: only what the tables show by then (of all colleagues; as it happened, late records not held back),
  weighed by Bayes' rule with the true law. The best that any model of the tables can reach: what lies between it and
  ``LATENT`` cannot be learned by anyone, what lies between it and a model can.

Exact for as-of times at midnight UTC. At others the day's own events are not yet weighed: the curve is that of the
midnight before, given that the lead is still open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from features.errors import InputError
from features.events import DAY
from features.sources.simulator.dynamics import Law, Span, law_of
from features.sources.simulator.foresight import Asked, Seen, believe, contact_at, forward
from features.sources.simulator.journeys import Journeys, draw_journeys
from features.sources.simulator.kernel import CLOSES_AT, NO_NEED_DATE, OPENS_AT
from features.sources.simulator.market import World
from features.sources.simulator.population import BLOCK

Float = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LATENT, OBSERVED = "latent", "observed"
_BATCH = 10_000  # leads drawn again at a time


@dataclass(frozen=True)
class Truth:
    """What a simulation was drawn with; its journeys are drawn again when asked about, none are stored."""

    leads: int
    seed: int
    world: World
    span: Span


def true_curves(
    truth: Truth, lead_ids: Sequence[str], as_of: npt.ArrayLike, days: npt.ArrayLike, *, given: str = LATENT
) -> tuple[Float, Float]:
    """Cumulative incidences of purchase and of loss, each (n, m), at ``days`` (m,), in days after ``as_of``.

    ``as_of``: (n,) microseconds since 1970 UTC, or one for all. Rows of leads that were not there yet, or not open any
    more, are NaN. Raises InputError for a lead that was not simulated, a day below 0 or an as-of time outside the span.
    """
    numbers = _numbers(truth, lead_ids)
    moments = np.broadcast_to(np.asarray(as_of, dtype=np.int64), (len(numbers),))
    wanted = np.atleast_1d(np.asarray(days, dtype=np.float64))
    _check(truth, moments, wanted, given)
    bought = np.full((len(numbers), len(wanted)), np.nan)
    lost = bought.copy()
    horizon = int(np.ceil(wanted.max())) + 1
    law = law_of(truth.world, truth.span, beyond=horizon + 1)
    for first in range(0, truth.leads, _BATCH // BLOCK * BLOCK):
        rows = np.flatnonzero((numbers >= first) & (numbers < first + _BATCH // BLOCK * BLOCK))
        if len(rows) == 0:
            continue
        low, high = int(numbers[rows].min()), int(numbers[rows].max())
        journeys = draw_journeys(low, high + 1, seed=truth.seed, world=truth.world, span=truth.span, law=law)
        lead = numbers[rows] - journeys.people.first
        open_then = _open(journeys, lead, moments[rows])
        rows, lead = rows[open_then], lead[open_then]
        if len(rows) == 0:
            continue
        day, part = np.divmod(moments[rows] - truth.span.start_micros, DAY)
        daily = _daily_curves(law, journeys, lead, day, horizon=horizon, given=given)
        bought[rows], lost[rows] = _conditional(daily, part / DAY, wanted)
    return bought, lost


def true_hazards(
    truth: Truth, lead_ids: Sequence[str], as_of: npt.ArrayLike, days: int, *, given: str = LATENT
) -> tuple[Float, Float]:
    """The daily hazards of purchase and of loss, each (n, days): the probability of ending so in each day after
    ``as_of``, given that the lead is open at its beginning."""
    bought, lost = true_curves(truth, lead_ids, as_of, np.arange(days + 1), given=given)
    still = np.maximum(1.0 - bought - lost, 1e-12)[:, :-1]
    return np.diff(bought, axis=1) / still, np.diff(lost, axis=1) / still


def _numbers(truth: Truth, lead_ids: Sequence[str]) -> Ints:
    numbers = np.empty(len(lead_ids), dtype=np.int64)
    for i, lead_id in enumerate(lead_ids):
        digits = lead_id[1:]
        if lead_id[:1] != "L" or len(digits) != 8 or not digits.isdigit() or int(digits) >= truth.leads:
            raise InputError(
                where="lead_ids", expected=f"a lead of this simulation of {truth.leads}", got=repr(lead_id)
            )
        numbers[i] = int(digits)
    return numbers


def _check(truth: Truth, moments: Ints, days: Float, given: str) -> None:
    if given not in (LATENT, OBSERVED):
        raise InputError(where="given", expected=f"{LATENT!r} or {OBSERVED!r}", got=repr(given))
    if len(days) == 0 or not np.isfinite(days).all() or days.min() < 0:
        raise InputError(where="days", expected="finite numbers from 0 on", got=repr(days.tolist()))
    span = truth.span
    if len(moments) and (moments.min() < span.start_micros or moments.max() > span.end_micros):
        raise InputError(
            where="as_of",
            expected=f"times from {span.start} to {span.end}",
            got=f"{moments.min()} to {moments.max()} microseconds since 1970",
        )


def _open(journeys: Journeys, lead: Ints, moments: Ints) -> npt.NDArray[np.bool_]:
    people, span = journeys.people, journeys.span
    created = span.start_micros + (people.created + people.created_at)[lead] * DAY
    ended = span.start_micros + (journeys.ends[lead, 1] + journeys.share[lead]) * DAY
    return cast("npt.NDArray[np.bool_]", (created <= moments) & ((journeys.ends[lead, 0] == 0) | (moments < ended)))


def _daily_curves(
    law: Law, journeys: Journeys, lead: Ints, day: Ints, *, horizon: int, given: str
) -> tuple[Float, Float]:
    """Both incidences (n, horizon + 1) at the starts of the days from ``day`` on."""
    people = journeys.people
    account = people.account[lead]
    every_lead = np.arange(len(people) + 1)
    calls_begin = np.searchsorted(journeys.calls[:, 0], every_lead)
    if given == LATENT:
        need = people.needs.need[account]
        mass = np.zeros((len(lead), 2, 6))
        phase = journeys.phases[account, day].astype(np.int64)
        mass[np.arange(len(lead)), (need != NO_NEED_DATE).astype(np.int64), phase] = 1
    else:
        seen = Seen(
            signals=journeys.signals,
            signals_begin=np.searchsorted(journeys.signals[:, 0], every_lead),
            calls=journeys.calls,
            calls_begin=calls_begin,
            ends=journeys.ends,
            declared=people.declared,
            deadline=people.deadline,
        )
        mass, need = believe(law, people.needs, people.traits, people.prior, seen, account, day)
    state = np.array([contact_at(journeys.calls, calls_begin, i, d) for i, d in zip(lead, day, strict=True)])
    asked = Asked(
        mass=mass,
        need=need,
        start=day,
        wait=(day == people.created[lead]).astype(np.int64),  # nothing ends on the day of creation
        contact=state[:, 0],
        early=state[:, 1],
        lead=lead,
        speed=people.needs.speed[account],
    )
    bought, lost = np.zeros((len(lead), horizon + 1)), np.zeros((len(lead), horizon + 1))
    forward(law, people.traits, asked, bought, lost)
    return bought, lost


def _conditional(daily: tuple[Float, Float], part: Float, wanted: Float) -> tuple[Float, Float]:
    """The curves (n, m) from ``part`` of the first day on, given that the lead is open then."""
    start = [_at(curve, part[:, None]) for curve in daily]
    still = np.maximum(1.0 - start[0] - start[1], 1e-12)
    bought, lost = (
        (_at(curve, part[:, None] + wanted) - begun) / still for curve, begun in zip(daily, start, strict=True)
    )
    return bought, lost


def _at(curve: Float, time: Float) -> Float:
    """Values at times in days; within a day endings fall evenly between opening and closing hours."""
    whole = np.minimum(time.astype(np.int64), curve.shape[1] - 2)
    worked = np.clip((time - whole - OPENS_AT) / (CLOSES_AT - OPENS_AT), 0.0, 1.0)
    low, high = np.take_along_axis(curve, whole, axis=1), np.take_along_axis(curve, whole + 1, axis=1)
    return cast("Float", low + (high - low) * worked)
