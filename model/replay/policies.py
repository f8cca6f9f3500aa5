"""Rules for when to call. Each gives a plan: (n,) whole days from each row's as-of time to the call, NaN for none.

A plan is made anew at each look; it comes to a call when its day comes before the next look.
"""

from __future__ import annotations

import numpy as np

from model.curves import Float
from model.replay.rows import Bool, Rows


def at_once(rows: Rows) -> Float:
    return np.zeros(len(rows))


def fixed_delay(rows: Rows, days: float | Float) -> Float:
    """``days`` after the first look at the lead; one for all rows or (n,), as all constants here."""
    return np.maximum(days - rows.age, 0.0)


def ready(readiness: Float, threshold: float | Float) -> Float:
    """As soon as ``readiness`` (n,) has reached the threshold."""
    return np.where(readiness >= threshold, 0.0, np.nan)


def before_deadline(deadline_days: Float, ahead: float | Float, otherwise: Float) -> Float:
    """``ahead`` days before the deadline as last declared; ``otherwise`` the plan where there is none.

    ``deadline_days``: (n,) days from the as-of time to the deadline, NaN without one.
    """
    left = np.maximum(np.floor(deadline_days - ahead), 0.0)
    return np.where(np.isfinite(deadline_days), left, otherwise)


def decided(day: Float, call: Bool) -> Float:
    """The dates of least expected cost as they are decided anew at each look (model.decision)."""
    return np.where(call, day, np.nan)


def due(day: Float, within: float | Float) -> Float:
    """At once when the date that was decided (n,), NaN for none, lies at most so many days ahead."""
    return np.where(day <= within, 0.0, np.nan)


def kept(rows: Rows, plan: Float) -> Float:
    """The first date that a plan gave for a lead, kept ever after."""
    made = np.where(np.isfinite(plan), np.arange(len(rows)), len(rows))
    made = np.minimum.reduceat(made, rows.first) if len(rows) else made
    of_row = np.repeat(made, rows.last - rows.first + 1)
    there = of_row <= np.arange(len(rows))
    source = np.where(there, of_row, 0)
    stands = plan[source] + rows.age[source] - rows.age
    return np.where(there, np.maximum(stands, 0.0), np.nan)
