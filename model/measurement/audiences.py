"""Groups of leads that marketing works with: given back, window passed, called too early, most satisfied."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from features.events import DAY
from features.history import Int64
from features.lives import OPEN
from features.property_values import text_of
from model.measurement.handoffs import NO_DAY
from model.measurement.journeys import Bool, Journeys

_REACHED = ("too_early", "on_time", "too_late", "not_a_buyer")  # the other dispositions: the buyer was not spoken to
_NEVER = np.iinfo(np.int64).min
_TRUE = frozenset({"true", "1", "yes"})


def rejected(data: Journeys) -> Bool:
    """(n,): open leads that sales gave back and that were not handed over since."""
    back = data.told.gave_back
    return np.asarray(_open(data) & (back != _NEVER) & (_handed_over(data) <= back))


def lapsed(data: Journeys) -> Bool:
    """(n,): open leads whose last handoff with a window, held out or not, told one that has passed (days in UTC)."""
    handoffs = data.handoffs
    told = np.flatnonzero(handoffs.window_end != NO_DAY)
    end = np.full(len(data.lead_ids), NO_DAY, dtype=np.int64)
    end[handoffs.lead[told]] = handoffs.window_end[told]  # in order of time: the last one stays
    return np.asarray(_open(data) & (end != NO_DAY) & (end < data.known_by // DAY))


def not_now(data: Journeys) -> Bool:
    """(n,): open leads of whom the last call that reached the buyer was too early, not handed over since."""
    calls = data.calls
    reached = np.array([word in _REACHED for word in data.told.disposition], dtype=bool)
    early = np.array([word == "too_early" for word in data.told.disposition], dtype=bool)
    at = np.full(len(data.lead_ids), _NEVER, dtype=np.int64)
    was_early = np.zeros(len(data.lead_ids), dtype=bool)
    rows = np.flatnonzero(reached)
    at[calls.lead[rows]] = calls.at[rows]
    was_early[calls.lead[rows]] = early[rows]
    return np.asarray(_open(data) & was_early & (_handed_over(data) <= at))


def most_satisfied(data: Journeys, satisfied_from: float) -> Bool:
    """(n,): customers of this satisfaction or more."""
    return data.won & (data.told.satisfaction >= satisfied_from)


def refused(data: Journeys, traits: Sequence[str]) -> Bool:
    """(n,): leads with one of these traits true."""
    return np.array([_any_true(data, lead_id, traits) for lead_id in data.lead_ids], dtype=bool)


def _any_true(data: Journeys, lead_id: str, traits: Sequence[str]) -> bool:
    known = data.traits.get(lead_id, {})
    return any((text_of(known.get(trait)) or "").lower() in _TRUE for trait in traits)


def _open(data: Journeys) -> Bool:
    return np.asarray(data.outcome == OPEN)


def _handed_over(data: Journeys) -> Int64:
    """(n,): when each lead was handed over last, the smallest integer for never."""
    found = np.full(len(data.lead_ids), _NEVER, dtype=np.int64)
    rows = np.flatnonzero(~data.handoffs.held_out)
    np.maximum.at(found, data.handoffs.lead[rows], data.handoffs.at[rows])
    return found
