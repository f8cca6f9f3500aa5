"""The journeys of all leads, as every measurement reads them: touches, handoffs, calls and the ending."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from features.events import (
    IDENTIFY,
    NOT_ENGAGEMENT,
    PURCHASED,
    SALES_CALL,
    SECOND,
)
from features.history import History, Int32, Int64
from features.lives import BOUGHT, lead_lives
from features.property_values import number_of
from features.texts import read_properties
from features.traits import known_traits
from model.measurement.answers import Answers, read_answers
from model.measurement.contents import Reads, read_contents
from model.measurement.handoffs import Calls, Handoffs, read_calls, read_handoffs
from model.measurement.told import Told, read_told

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
NEVER = np.iinfo(np.int64).max
NO_CHANNEL = -1
HIGHEST = 1e12  # an amount above it is a mistake, and not known

_MARKETING, _SALES, _UNKNOWN, _NOTHING = 0, 1, 2, 3  # what kind of touch an event is


@dataclass(frozen=True, kw_only=True)
class TouchRules:
    """Which events are touches, and whose.

    ``visit_minutes``: touches of one channel and campaign that follow each other within so many minutes are one.
    ``content_properties``: what was read is told by the first of these properties that is there. ``days_ahead``: so
    many days before the date to call on a purchase window may open.
    """

    sales_channels: frozenset[str] = frozenset({"phone", "sales"})
    unknown_channels: frozenset[str] = frozenset({"direct", "product"})
    not_touches: frozenset[str] = frozenset({"mail_sent"})
    visit_minutes: float = 30.0
    content_properties: tuple[str, ...] = ("content", "path", "url")
    days_ahead: int = 0


@dataclass(frozen=True, eq=False)
class Touches:
    """The marketing touches of all leads, ordered by lead and time, none after the lead's ending.

    ``channel``, ``campaign``: codes, -1 for no campaign; those of lead i are ``start[i]:start[i + 1]``.
    """

    start: Int64
    lead: Int64
    at: Int64
    channel: Int32
    campaign: Int32


@dataclass(frozen=True, eq=False)
class Journeys:
    """One row for each of n leads, as known at ``known_by``. Times in microseconds since 1970 UTC, NEVER for none.

    ``first_at``: the first event; ``created_at``: the first identify, else the first event; ``ended_at``: the ending,
    known_by for an open lead. ``outcome``: OPEN, BOUGHT or GONE. ``value``: of the purchase, else as known of the lead;
    NaN for unknown. ``source``: channel of the first touch that is no sales touch, NO_CHANNEL where that is none of
    marketing's. ``account``: a code for each account, one of its own for a lead without. ``reads``: what was read until
    the ending, in touches that are not sales'.
    """

    known_by: int
    lead_ids: tuple[str, ...]
    first_at: Int64
    created_at: Int64
    ended_at: Int64
    outcome: npt.NDArray[np.int8]
    value: Float
    source: Int32
    account: Int64
    channels: tuple[str, ...]
    campaigns: tuple[str, ...]
    touches: Touches
    handoffs: Handoffs
    calls: Calls
    told: Told
    reads: Reads
    answers: Answers
    traits: dict[str, dict[str, Any]]

    @property
    def influenced(self) -> Bool:
        return np.asarray(np.diff(self.touches.start) > 0)

    @property
    def won(self) -> Bool:
        return np.asarray(self.outcome == BOUGHT)

    @property
    def ripe_at(self) -> Int64:
        """(n,): when the lead was first handed over ripe, NEVER if it was not."""
        found = np.full(len(self.lead_ids), NEVER, dtype=np.int64)
        ripe = self.handoffs.ripe
        np.minimum.at(found, self.handoffs.lead[ripe], self.handoffs.at[ripe])
        return found


def journeys(history: History, known_by: int, rules: TouchRules) -> Journeys:
    """From a history that holds what was known by then and nothing else."""
    lives = lead_lives(history, known_by)
    n = history.n_leads
    traits = known_traits(history, known_by)
    ended = lives.ended_at
    calls = read_calls(history)
    kind = np.where(history.occurred_at <= ended[history.lead_code], _kinds(history, rules), _NOTHING)
    touches = _touches(history, np.flatnonzero(kind == _MARKETING), rules)
    first_call = first_by_lead(n, calls.lead, calls.at)
    return Journeys(
        known_by=known_by,
        lead_ids=history.lead_ids,
        first_at=history.occurred_at[history.start[:-1]] if n else np.empty(0, dtype=np.int64),
        created_at=_created(history),
        ended_at=ended,
        outcome=lives.outcome,
        value=_values(history, lives.outcome == BOUGHT, traits),
        source=_sources(history, kind),
        account=account_codes(history.lead_ids, traits),
        channels=history.channels,
        campaigns=history.campaigns,
        touches=touches,
        handoffs=read_handoffs(
            history,
            calls,
            first_call,
            np.where(lives.outcome > 0, ended, NEVER),
            traits,
            days_ahead=rules.days_ahead,
        ),
        calls=calls,
        told=read_told(history, lives.outcome),
        reads=read_contents(
            history, np.flatnonzero((kind == _MARKETING) | (kind == _UNKNOWN)), rules.content_properties
        ),
        answers=read_answers(history),
        traits=traits,
    )


def first_by_lead(n: int, lead: Int64, at: Int64) -> Int64:
    """(n,): the earliest of these times by lead, NEVER for none."""
    found = np.full(n, NEVER, dtype=np.int64)
    np.minimum.at(found, lead, at)
    return found


def merge_visits(lead: Int64, at: Int64, key: Int64, visit_minutes: float) -> Bool:
    """(m,): which touches, by lead and time, begin a visit: another lead or key than the one before, or later."""
    begins = np.ones(len(lead), dtype=bool)
    begins[1:] = (np.diff(lead) != 0) | (np.diff(key) != 0) | (np.diff(at) > visit_minutes * 60 * SECOND)
    return begins


def _kinds(history: History, rules: TouchRules) -> npt.NDArray[np.int64]:
    """(events,): what kind of touch each event is."""
    of_channel = [
        _SALES if name in rules.sales_channels else _UNKNOWN if name in rules.unknown_channels else _MARKETING
        for name in history.channels
    ]
    kind = np.array([*of_channel, _UNKNOWN])[history.channel_code]
    silent = NOT_ENGAGEMENT | rules.not_touches
    nothing = np.array([name in silent for name in history.types], dtype=bool)
    kind = np.where(nothing[history.type_code], _NOTHING, kind) if len(history.types) else kind
    return np.where(history.of_types(SALES_CALL), _SALES, kind)


def _touches(history: History, rows: npt.NDArray[np.intp], rules: TouchRules) -> Touches:
    lead, at = history.lead_code[rows], history.occurred_at[rows]
    channel, campaign = history.channel_code[rows], history.campaign_code[rows]
    key = channel.astype(np.int64) * (len(history.campaigns) + 1) + campaign
    kept = merge_visits(lead, at, key, rules.visit_minutes)
    lead = lead[kept]
    start = np.searchsorted(lead, np.arange(history.n_leads + 1)).astype(np.int64)
    return Touches(start, lead, at[kept], channel[kept], campaign[kept])


def _sources(history: History, kind: npt.NDArray[np.int64]) -> Int32:
    rows = np.flatnonzero((kind == _MARKETING) | (kind == _UNKNOWN))
    lead, first = np.unique(history.lead_code[rows], return_index=True)
    source = np.full(history.n_leads, NO_CHANNEL, dtype=np.int32)
    of_marketing = kind[rows[first]] == _MARKETING
    source[lead[of_marketing]] = history.channel_code[rows[first][of_marketing]]
    return source


def _created(history: History) -> Int64:
    rows = np.flatnonzero(history.of_types(IDENTIFY))
    found = first_by_lead(history.n_leads, history.lead_code[rows], history.occurred_at[rows])
    first = history.occurred_at[history.start[:-1]] if history.n_leads else found
    return np.asarray(np.where(found == NEVER, first, found))


def _values(history: History, won: Bool, traits: dict[str, dict[str, Any]]) -> Float:
    """Of a purchase the value said last, else the trait."""
    value = np.array([_amount(traits.get(lead_id, {}).get("value")) for lead_id in history.lead_ids], dtype=np.float64)
    rows = np.flatnonzero(history.of_types(PURCHASED))
    for lead, properties in zip(history.lead_code[rows].tolist(), read_properties(history, rows), strict=True):
        said = _amount(properties.get("value"))
        if np.isfinite(said) and won[lead]:
            value[lead] = said
    return value


def _amount(value: Any) -> float:
    number = number_of(value)
    return number if number is not None and 0 <= number <= HIGHEST else np.nan


def account_codes(lead_ids: tuple[str, ...], traits: dict[str, dict[str, Any]]) -> Int64:
    """(n,): a code for each account, one of its own for a lead without."""
    codes: dict[tuple[bool, str], int] = {}
    found = []
    for lead_id in lead_ids:
        account = traits.get(lead_id, {}).get("account_id")
        found.append(codes.setdefault((account is None, str(lead_id if account is None else account)), len(codes)))
    return np.array(found, dtype=np.int64)
