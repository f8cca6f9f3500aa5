"""What the reports read: journeys assembled from the log, and spend."""

from __future__ import annotations

import threading

import numpy as np

from features.events import SECOND
from features.history import History
from features.settings import Settings
from features.store import Store
from model.measurement.contract import Terms
from model.measurement.journeys import HIGHEST, Journeys, TouchRules, journeys
from model.measurement.period import Period, month_of
from model.measurement.returns import Spend
from model.measurement.sourced import cents
from serving.measurement.agreed import closed_by_themselves, terms

REUSED = 30 * SECOND  # how old journeys may be; after an erasure they are assembled anew at once


class Inputs:
    """Assembles the journeys of all leads and keeps them while they are fresh. Safe to share between threads."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings
        given = settings.measurement
        self._rules = TouchRules(
            sales_channels=frozenset(given.sales_channels),
            unknown_channels=frozenset(given.unknown_channels),
            not_touches=frozenset(settings.events.mail_sent),
            visit_minutes=given.visit_minutes,
            content_properties=settings.events.content_properties,
            days_ahead=settings.handoff_days_ahead or 0,
        )
        self._lock = threading.Lock()
        self._kept: tuple[int, Journeys] | None = None

    def journeys(self, now: int) -> Journeys:
        """As known now, or up to half a minute ago; what was erased is not in it."""
        with self._lock:  # one at a time: reading the whole log is work
            _, erasures = self._store.pulse()
            if self._kept is not None:
                erased, data = self._kept
                if erased == erasures and 0 <= now - data.known_by < REUSED:
                    return data
            data = journeys(History.from_table(self._store.events(known_by=now)), now, self._rules)
            self._kept = erasures, data
            return data

    def agreed(self, data: Journeys) -> tuple[Terms, dict[tuple[str, int], int]]:
        """What sales and marketing agreed on, and when windows closed by themselves."""
        first = int(data.handoffs.at.min()) if len(data.handoffs.at) else data.known_by
        return terms(self._settings, first, data.known_by), closed_by_themselves(self._store, data.known_by)

    def spend(self, period: Period, now: int) -> Spend:
        """What was spent on days (UTC) that begin in the period, as known now."""
        table = self._store.spend(known_by=now)
        day = table["date"].to_numpy().astype("M8[D]").astype("M8[us]").astype(np.int64)
        rows = np.flatnonzero(period.holds(day)).tolist()
        channel, campaign = table["channel"].to_pylist(), table["campaign"].to_pylist()
        return Spend(
            channel=tuple(channel[i] for i in rows),
            campaign=tuple(campaign[i] or None for i in rows),
            month=month_of(day[rows]),
            amount=cents(np.minimum(table["amount"].to_numpy()[rows], HIGHEST)),
        )
