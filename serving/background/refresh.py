"""Keeping the scores of all open leads fresh: changed leads first, each at least once a day, all with a new model."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence

from features.events import DAY, SECOND
from features.settings import Settings
from features.store import Store
from features.store.erasure import erased
from serving import answers
from serving.background import score_table
from serving.background.lease import Lease
from serving.background.score_table import ScoreSet
from serving.call_list import with_traits
from serving.handoffs.judge import Judge, leads_with_open_window
from serving.registry import ModelSource, Served
from serving.scoring import score_history

log = logging.getLogger("leadtime.background")

CHUNK = 200  # leads scored at a time; changed ones wait for no more than that
LOOK = 1.0  # seconds until the log is looked at again
BEAT = 10 * SECOND  # how old the time of a list gets while nothing happens


class Refresher:
    """Writes scores and, in the same transaction, the handoffs that follow from them. All of it under the lease."""

    def __init__(
        self,
        store: Store,
        models: ModelSource,
        clock: Callable[[], int],
        settings: Settings,
        *,
        lease: Lease,
        judge: Judge,
    ) -> None:
        self._store, self._models, self._clock, self._lease, self._judge = store, models, clock, lease, judge
        self._max_age = int(settings.scores_max_age_hours * 3600 * SECOND)
        self._missing: list[str] = []  # open leads that are not in the set yet
        self._stale: list[str] = []
        self._looked: tuple[str, int] | None = None  # for which model and on which day it was looked for missing leads

    def step(self) -> float:
        """What changed, then one chunk of what is due; the seconds to rest. The lease must be held."""
        served = self._models.current()
        now, started = self._clock(), time.monotonic()
        current = self._set_of(served, now)
        top = self._store.position()
        self._take_up_changes(current, served, top, now)
        due = self._due(current, now)
        if due:
            self._score(due[:CHUNK], served, top, now)
            del due[:CHUNK]
            return time.monotonic() - started  # leave as much time to the requests
        if current.whole_at is None:
            with self._store.writing() as connection:
                self._lease.guard(connection)
                score_table.put_in_service(connection, served.key, now)
            log.info("the call list is by model %s from now on", served.version)
        return LOOK

    def run(self) -> None:
        """Until nothing is due."""
        while self.step() != LOOK:
            pass

    def taken(self) -> None:
        """The lease became ours: forget what another has done meanwhile, and score with no model that is outdated."""
        self._missing, self._stale, self._looked = [], [], None
        self._models.refresh()

    def _set_of(self, served: Served, now: int) -> ScoreSet:
        with self._store.reading() as connection:
            found = score_table.find_set(connection, served.key)
        if found is None:
            position = self._store.position()  # what comes later is taken up as a change
            found = ScoreSet(served.key, served.version, position, now, None)
            with self._store.writing() as connection:
                self._lease.guard(connection)
                score_table.begin_set(connection, served.key, served.version, position=position, as_of=now)
        return found

    def _take_up_changes(self, current: ScoreSet, served: Served, top: int, now: int) -> None:
        changed = self._store.changed_leads(after=current.position, up_to=top) if top > current.position else []
        for i in range(0, len(changed), CHUNK):
            self._score(changed[i : i + CHUNK], served, top, self._clock())
        if top > current.position or now - current.as_of >= BEAT:
            with self._store.writing() as connection:
                self._lease.guard(connection)
                score_table.advance_set(connection, served.key, position=top, as_of=now)

    def _due(self, current: ScoreSet, now: int) -> list[str]:
        """Leads that are not in the set yet, else those whose score is of an earlier day or too old."""
        if self._looked != (current.registered, now // DAY):
            # Each day as well: an event may have been recorded before it occurred, by clocks that differ.
            with self._store.reading() as connection:
                there = score_table.scored_leads(connection, current.registered)
                handed_off = leads_with_open_window(connection)
            # A lead whose window is open may have ended while nobody refreshed the scores of this model.
            wanted = dict.fromkeys([*self._store.lead_ids(open_only=True), *handed_off])
            self._missing = [lead for lead in wanted if lead not in there]
            self._stale, self._looked = [], (current.registered, now // DAY)
        if not self._missing and not self._stale:
            before = max(now // DAY * DAY, now - self._max_age)
            with self._store.reading() as connection:
                self._stale = score_table.stale_leads(connection, current.registered, before=before)
        return self._missing or self._stale

    def _score(self, lead_ids: Sequence[str], served: Served, top: int, now: int) -> None:
        """Compute outside of the transaction, write within: what another wrote meanwhile lets it fail."""
        history = self._store.history(lead_ids, up_to=top)
        known = [lead_id for lead_id in lead_ids if lead_id in history.lead_index]
        found = score_history(history, known, now, served)
        scored = with_traits([answer for answer in found if answer["status"] == answers.OPEN], history, now)
        ended = dict.fromkeys(set(lead_ids) - set(known), "gone")
        ended |= {answer["lead_id"]: answer["status"] for answer in found if answer["status"] != answers.OPEN}
        with self._store.writing() as connection:
            self._lease.guard(connection)
            self._store.lock_log(connection)
            gone = erased(connection, lead_ids)  # since they were scored
            scored = [answer for answer in scored if answer["lead_id"] not in gone]
            score_table.remove_scores(connection, served.key, sorted(ended))
            score_table.put_scores(connection, served.key, scored, as_of=now, pos=top)
            self._judge.judge(connection, scored, ended, now)
