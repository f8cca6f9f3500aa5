"""Handoffs with what was predicted at them, and sales calls, read from the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from features.errors import InputError
from features.events import DAY, HANDOFF, HANDOFF_SCORED, SALES_CALL, parse_time
from features.history import History, Int64
from features.property_values import number_of, text_of
from features.texts import read_properties

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
NO_DAY = np.iinfo(np.int64).min
LONGEST = 24 * 60  # minutes; a longer call is a mistake, and not known
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, eq=False)
class Calls:
    """The sales calls, ordered by lead and time. ``minutes``: NaN where not told."""

    lead: Int64
    at: Int64
    minutes: Float
    owner: tuple[str | None, ...]


@dataclass(frozen=True, eq=False)
class Handoffs:
    """The handoffs before a lead's ending, ordered by lead and time.

    ``window_start``, ``window_end``, ``call_on``: days since 1970, NO_DAY for none. ``coverage``: of the window, NaN
    for none. ``chance``: (m, horizons) the probability at the handoff of having bought within so many days, NaN where
    the handoff tells none. ``owner``: the salesperson then. ``ripe``: before the first sales call, window open.
    ``afterwards``: the handoff brought no score (of a CRM, or of tables), and one was computed later by a model of the
    past (event ``handoff_scored``). ``held_out``: drawn into the random holdout, so that nobody was told: no handing
    over, but a prediction all the same. ``holdout_share``: of all leads that were in it then, NaN where not told.
    """

    lead: Int64
    at: Int64
    window_start: Int64
    window_end: Int64
    call_on: Int64
    coverage: Float
    horizons: tuple[int, ...]
    chance: Float
    owner: tuple[str | None, ...]
    ripe: Bool
    held_out: Bool
    holdout_share: Float
    afterwards: Bool

    @property
    def scored(self) -> Bool:
        """(m,): whether the handoff tells a probability."""
        return np.asarray(np.isfinite(self.chance).any(axis=1))

    def first(self, which: Bool) -> npt.NDArray[np.intp]:
        """The first of these handoffs of each lead: one row for each lead, so that none counts twice."""
        rows = np.flatnonzero(which)
        return rows[np.unique(self.lead[rows], return_index=True)[1]]


def read_calls(history: History) -> Calls:
    rows = np.flatnonzero(history.of_types(SALES_CALL))
    minutes, owner = [], []
    for properties in read_properties(history, rows):
        said = number_of(properties.get("minutes"))
        minutes.append(said if said is not None and 0 <= said <= LONGEST else np.nan)
        owner.append(text_of(properties.get("owner")))
    return Calls(history.lead_code[rows], history.occurred_at[rows], np.array(minutes, dtype=np.float64), tuple(owner))


def read_handoffs(
    history: History,
    calls: Calls,
    first_call: Int64,
    ended: Int64,
    traits: Mapping[str, Mapping[str, Any]],
    *,
    days_ahead: int = 0,
) -> Handoffs:
    """``first_call``, ``ended``: (leads,) times, the largest integer for none. ``days_ahead``: how many days before the
    date to call on a window may open; it may from ``handoff_on`` on as well.
    """
    rows = np.flatnonzero(history.of_types(HANDOFF))
    rows = rows[history.occurred_at[rows] < ended[history.lead_code[rows]]]
    lead, at = history.lead_code[rows], history.occurred_at[rows]
    said, afterwards = _with_scores(history, lead, at, list(read_properties(history, rows)))
    horizons = tuple(sorted({int(name[2:]) for one in said for name in one if _is_chance(name)}))
    chance = np.array([[_share(one.get(f"p_{h}")) for h in horizons] for one in said], dtype=np.float64)
    start, end, call_on, handoff_on = (
        np.array([_day(one.get(name)) for one in said], dtype=np.int64)
        for name in ("window_start", "window_end", "call_on", "handoff_on")
    )
    held_out = np.array([one.get("held_out") is True for one in said], dtype=bool)
    today = at // DAY
    is_due = ((handoff_on != NO_DAY) & (handoff_on <= today)) | (call_on <= today + days_ahead)
    is_open = (call_on != NO_DAY) & (end != NO_DAY) & is_due & (today <= end)
    return Handoffs(
        lead=lead,
        at=at,
        window_start=start,
        window_end=end,
        call_on=call_on,
        coverage=np.array([_share(one.get("window_coverage")) for one in said], dtype=np.float64),
        horizons=horizons,
        chance=chance.reshape(len(said), len(horizons)),
        owner=tuple(
            text_of(one.get("owner")) or called or text_of(traits.get(history.lead_ids[i], {}).get("owner"))
            for one, called, i in zip(said, _callers(lead, at, calls), lead.tolist(), strict=True)
        ),
        ripe=is_open & (at < first_call[lead]) & ~held_out,
        held_out=held_out,
        holdout_share=np.array([_share(one.get("holdout_share")) for one in said], dtype=np.float64),
        afterwards=afterwards,
    )


def _with_scores(
    history: History, lead: Int64, at: Int64, said: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], Bool]:
    """What each handoff says, where that is no score the one that was computed afterwards; and which those are."""
    rows = np.flatnonzero(history.of_types(HANDOFF_SCORED))
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for code, score in zip(history.lead_code[rows].tolist(), read_properties(history, rows), strict=True):
        try:
            found[code, parse_time(score.get("handed_over_at"))] = score
        except InputError:
            continue
    keys = zip(lead.tolist(), at.tolist(), strict=True)
    scores = [None if any(map(_is_chance, one)) else found.get(key) for key, one in zip(keys, said, strict=True)]
    own = [{name: value for name, value in one.items() if value is not None} for one in said]
    both = [one if score is None else score | one for one, score in zip(own, scores, strict=True)]
    return both, np.array([score is not None for score in scores], dtype=bool)


def _callers(lead: Int64, at: Int64, calls: Calls) -> list[str | None]:
    """Who called each handed lead first from the handoff on."""
    begins, ends = np.searchsorted(calls.lead, lead, side="left"), np.searchsorted(calls.lead, lead, side="right")
    found = []
    for begin, end, moment in zip(begins.tolist(), ends.tolist(), at.tolist(), strict=True):
        found.append(
            next((calls.owner[i] for i in range(begin, end) if calls.at[i] >= moment and calls.owner[i]), None)
        )
    return found


def _is_chance(name: str) -> bool:
    return (
        len(name) <= 6 and name.startswith("p_") and name[2:].isascii() and name[2:].isdecimal() and int(name[2:]) > 0
    )


def _share(value: Any) -> float:
    number = number_of(value)
    return number if number is not None and 0 <= number <= 1 else np.nan


def _day(value: Any) -> int:
    try:
        return (date.fromisoformat(value[:10]) - _EPOCH).days
    except (TypeError, ValueError):
        return NO_DAY
