"""The ranked call list: every open lead scored as of one moment, kept for a while."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from features.builder import Requests, build_matrix
from features.errors import LeadtimeError
from features.events import SECOND, to_iso
from features.history import History
from features.store import Erasures, Store
from features.traits import known_traits
from model.curves import Float
from serving import answers
from serving.answers import scored
from serving.registry import ModelSource, Served
from serving.scoring import Answer, records, standing_of_each

log = logging.getLogger("leadtime.serving")

SHOWN_TRAITS = ("owner", "source", "account_id", "value")
WARM = 100  # leads that get their reasons before anyone asks


class Snapshot:
    """Open leads as of one moment, most urgent first, each an answer with the traits shown beside it.

    ``position``, ``erasures``, ``registered`` (the model's number in the registry): what it was computed from.
    ``n_leads``: all leads of the log, ended ones too. Reasons take most of the time, so a lead gets
    them when it is shown first.
    """

    def __init__(
        self, served: Served, as_of: int, *, position: int, erasures: int, n_leads: int, leads: list[Answer], X: Float
    ) -> None:
        self.as_of, self.position, self.erasures, self.n_leads = as_of, position, erasures, n_leads
        self.registered, self.model_version = served.registered, served.version
        order = sorted(range(len(leads)), key=lambda i: urgency(leads[i]))
        self.leads = [leads[i] for i in order]
        self.owners = sorted({lead["owner"] for lead in leads if lead["owner"] is not None})
        self._scorer, self._X = served.scorer, X
        self._row = {lead["lead_id"]: i for i, lead in enumerate(leads)}
        self._reasons: dict[str, list[str]] = {}
        self._lock = threading.Lock()

    def of(self, owner: str | None) -> list[Answer]:
        """The leads of one salesperson, or of all."""
        return self.leads if owner is None else [lead for lead in self.leads if lead["owner"] == owner]

    def explained(self, leads: Sequence[Answer]) -> list[Answer]:
        """Some of the leads, with their reasons."""
        with self._lock:  # who asks for the same ones waits for them
            missing = [lead["lead_id"] for lead in leads if lead["lead_id"] not in self._reasons]
            if missing:
                rows = self._X[[self._row[lead_id] for lead_id in missing]]
                found = self._scorer.score_columns(missing, np.full(len(missing), self.as_of, dtype=np.int64), rows)
                self._reasons.update(zip(missing, found["reasons"], strict=True))
        return [{**lead, "reasons": self._reasons[lead["lead_id"]]} for lead in leads]


def urgency(lead: Answer) -> tuple[float, str, float, str]:
    """The key to rank by: priority, then the nearer call date, then readiness; the id makes the order the same always.

    Waiting a week costs nothing where the best date lies further ahead, so priority alone leaves most leads tied.
    """
    return -(lead["priority"] or 0.0), lead["call_on"] or "9999", -(lead["readiness"] or 0.0), lead["lead_id"]


class CallList:
    """The list as of now, computed when the log or the model has changed or a minute has passed.

    ``settle``: for how long a changed log does not make it compute anew, so that intake does not keep it busy.
    ``max_age``: after this long a new one is computed in the background while the old one is still answered.
    """

    def __init__(
        self,
        store: Store,
        models: ModelSource,
        clock: Callable[[], int],
        *,
        settle: int = 5 * SECOND,
        max_age: int = 60 * SECOND,
    ) -> None:
        self._store, self._models, self._clock = store, models, clock
        self._settle, self._max_age = settle, max_age
        self._snapshot: Snapshot | None = None
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopped = False

    def current(self) -> Snapshot:
        """A list that is fresh enough; computed now when there is none. ModelUnavailable without a model."""
        snapshot = self._snapshot
        if snapshot is None or self._outdated(snapshot):
            return self._refresh(snapshot)
        if self._clock() - snapshot.as_of > self._max_age:
            self._wake.set()
        return snapshot

    @property
    def as_of(self) -> int | None:
        """The moment of the list that is answered now; None before the first."""
        return None if self._snapshot is None else self._snapshot.as_of

    def at(self, as_of: int) -> Snapshot:
        """The list as it would have been at a past moment."""
        return compute(self._store, self._models.current(), as_of)

    def start(self) -> None:
        """Compute the first list as soon as there is a model, and later ones when they are due."""
        threading.Thread(target=self._work, name="call-list", daemon=True).start()

    def stop(self) -> None:
        """End the background work, without waiting for a list that is being computed."""
        self._stopped = True
        self._wake.set()

    def _outdated(self, snapshot: Snapshot) -> bool:
        age = self._clock() - snapshot.as_of
        if snapshot.registered != self._models.current().registered or age > 10 * self._max_age:
            return True
        if snapshot.erasures != Erasures(self._store).number():  # who was erased is shown no more, at once
            return True
        return age > self._settle and snapshot.position != self._store.position()

    def _refresh(self, seen: Snapshot | None) -> Snapshot:
        with self._lock:  # one computes, the others wait for its result
            if self._snapshot is None or self._snapshot is seen:
                self._snapshot = compute(self._store, self._models.current(), self._clock())
            return self._snapshot

    def _work(self) -> None:
        pause = 0.5
        while not self._stopped:
            try:
                seen = self._snapshot
                if seen is None or self._outdated(seen) or self._wake.is_set():
                    self._wake.clear()
                    snapshot = self._refresh(seen)
                    snapshot.explained(snapshot.leads[:WARM])
                pause = 5.0
            except LeadtimeError as error:  # no model or no database yet: look again
                log.debug("call list: %s", error)
            self._wake.wait(pause)


def compute(store: Store, served: Served, as_of: int) -> Snapshot:
    """Score every open lead."""
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
        traits = shown_traits(history, as_of)
        for row in records(served.scorer.score_columns(open_leads, times, X, reasons=False), len(open_leads)):
            known = traits.get(row["lead_id"], {})
            leads.append({**scored(row, to_iso(as_of)), **{name: known.get(name) for name in SHOWN_TRAITS}})
    return Snapshot(served, as_of, position=position, erasures=erasures, n_leads=history.n_leads, leads=leads, X=X)


def shown_traits(history: History, as_of: int) -> dict[str, dict[str, Any]]:
    """The traits of each lead as known at ``as_of``; owners and the like as text."""
    return {
        lead_id: {**known, **{name: str(known[name]) for name in ("owner", "source", "account_id") if name in known}}
        for lead_id, known in known_traits(history, as_of).items()
    }
