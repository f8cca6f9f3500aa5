"""The ranked call list: every open lead, most urgent first."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa

from features.events import SECOND, to_iso
from features.history import History
from features.store import Erasures, Store
from model.curves import Float
from serving import answers
from serving.answers import scored
from serving.background import score_table
from serving.registry import ModelSource, Served
from serving.scoring import Answer, records, standing_of_each

KEEP = 60 * SECOND  # how long a computed list answers while nothing changes


@dataclass(frozen=True, slots=True)
class Listing:
    """The top of a call list. ``as_of``: all that was recorded by then is in it (microseconds since 1970 UTC).

    ``total``: leads that match, ``call_dates``: how many of them are to be called on each date; None: on none.
    The latter and ``owners``, of all leads, are empty unless they were asked for.
    """

    as_of: int
    model_version: str
    leads: list[Answer]
    total: int
    call_dates: Mapping[str | None, int]
    owners: list[str]


class CallList:
    """The list as of now from the refreshed scores in the database, as of a past time computed for the asking."""

    def __init__(self, store: Store, models: ModelSource, clock: Callable[[], int]) -> None:
        self._store, self._models, self._clock = store, models, clock
        self._computed: Snapshot | None = None
        self._lock = threading.Lock()

    def read(self, owner: str | None, limit: int, *, as_of: int | None = None, summary: bool = False) -> Listing:
        """The most urgent leads of one salesperson or of all. ``summary``: also call dates and owners.

        Until the first scores are there the list is computed here: ModelUnavailable without a model.
        """
        if as_of is not None:
            return compute(self._store, self._models.current(), as_of).listing(owner, limit)
        return self._refreshed(owner, limit, summary) or self._first().listing(owner, limit)

    def _refreshed(self, owner: str | None, limit: int, summary: bool) -> Listing | None:
        with self._store.reading() as connection:
            if connection.dialect.name == "postgresql":  # as SQLite does: no other set can come in between
                connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))
            found = score_table.set_in_service(connection)
            if found is None:
                return None
            return Listing(
                found.as_of,
                found.model_version,
                score_table.most_urgent(connection, found.registered, owner, limit),
                score_table.count(connection, found.registered, owner),
                score_table.call_dates(connection, found.registered, owner) if summary else {},
                score_table.owners(connection, found.registered) if summary else [],
            )

    def _first(self) -> Snapshot:
        with self._lock:  # one computes, the others wait for its result
            served, now, position = self._models.current(), self._clock(), self._store.position()
            kept, wanted = self._computed, (served.registered, position, Erasures(self._store).number())
            if kept is None or (kept.registered, kept.position, kept.erasures) != wanted or now - kept.as_of > KEEP:
                self._computed = kept = compute(self._store, served, now)
            return kept


class Snapshot:
    """A list computed as of one moment. ``position``, ``registered``: log and model that it was computed from.

    ``erasures`` changes when somebody was erased. Reasons take most of the time, so a lead gets them when it is shown
    first.
    """

    def __init__(
        self, served: Served, as_of: int, *, position: int, erasures: int, leads: list[Answer], X: Float
    ) -> None:
        self.as_of, self.position, self.registered, self.erasures = as_of, position, served.registered, erasures
        order = sorted(range(len(leads)), key=lambda i: urgency(leads[i]))
        self.leads = [leads[i] for i in order]
        self._served, self._X = served, X
        self._row = {lead["lead_id"]: i for i, lead in enumerate(leads)}
        self._reasons: dict[str, list[str]] = {}
        self._lock = threading.Lock()

    def listing(self, owner: str | None, limit: int) -> Listing:
        leads = self.leads if owner is None else [lead for lead in self.leads if lead["owner"] == owner]
        dates = Counter(lead["call_on"] for lead in leads)
        owners = sorted({lead["owner"] for lead in self.leads if lead["owner"] is not None})
        return Listing(self.as_of, self._served.version, self._explained(leads[:limit]), len(leads), dates, owners)

    def _explained(self, leads: list[Answer]) -> list[Answer]:
        with self._lock:  # who asks for the same ones waits for them
            missing = [lead["lead_id"] for lead in leads if lead["lead_id"] not in self._reasons]
            if missing:
                rows = self._X[[self._row[lead_id] for lead_id in missing]]
                times = np.full(len(missing), self.as_of, dtype=np.int64)
                found = self._served.scorer.score_columns(missing, times, rows)
                self._reasons.update(zip(missing, found["reasons"], strict=True))
        return [{**lead, "reasons": self._reasons[lead["lead_id"]]} for lead in leads]


def urgency(lead: Answer) -> tuple[float, str, float, str]:
    """The key to rank by: priority, then the nearer call date, then readiness; the id makes the order the same always.

    Waiting a week costs nothing where the best date lies further ahead, so priority alone leaves most leads tied.
    """
    never = score_table.NEVER
    return -(lead["priority"] or 0.0), lead["call_on"] or never, -(lead["readiness"] or 0.0), lead["lead_id"]


def compute(store: Store, served: Served, as_of: int) -> Snapshot:
    """Score every open lead."""
    from features.builder import Requests, build_matrix  # noqa: PLC0415 - compiled: a start should not wait for it

    position, erasures = store.position(), Erasures(store).number()
    history = store.history()
    where = standing_of_each(history, as_of)
    open_leads = [
        lead_id for lead_id, standing in zip(history.lead_ids, where, strict=True) if standing.status == answers.OPEN
    ]
    times = np.full(len(open_leads), as_of, dtype=np.int64)
    X = build_matrix(history, Requests(open_leads, times), served.scorer.catalogue)
    leads: list[Answer] = []
    if open_leads:
        columns = served.scorer.score_columns(open_leads, times, X, reasons=False)
        leads = with_traits([scored(row, to_iso(as_of)) for row in records(columns, len(open_leads))], history, as_of)
    return Snapshot(served, as_of, position=position, erasures=erasures, leads=leads, X=X)


def with_traits(leads: list[Answer], history: History, as_of: int) -> list[Answer]:
    """The answers with the traits that the list shows beside them."""
    traits = shown_traits(history, as_of)
    return [
        {**lead, **{name: traits.get(lead["lead_id"], {}).get(name) for name in score_table.SHOWN_TRAITS}}
        for lead in leads
    ]


def shown_traits(history: History, as_of: int) -> dict[str, dict[str, Any]]:
    """The traits of each lead as known at ``as_of``; owners and the like as text."""
    from features.traits import known_traits  # noqa: PLC0415 - as above

    return {
        lead_id: {**known, **{name: str(known[name]) for name in ("owner", "source", "account_id") if name in known}}
        for lead_id, known in known_traits(history, as_of).items()
    }
