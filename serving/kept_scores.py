"""Scores as of now that need no computing: nothing that they rest on has happened since they were computed today.

Those of open leads lie refreshed in the database; what was answered stays in memory. An answer says by its ``as_of``
when it was computed. It holds until an event of the lead, of a colleague or of an alias is in the log, another model
serves or other costs are in force, anybody is erased, or the day (UTC) ends.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from features.events import DAY
from features.store import Store
from serving.background import score_table
from serving.etags import Tagged, as_shown, tagged

Answer = dict[str, Any]

_MOST = 20_000  # answers of some kB each
_FOLLOWED = 5_000  # events after which everything is forgotten, rather than what they change


@dataclass(frozen=True, slots=True)
class _State:
    """What an answer rests on besides its lead."""

    day: int
    erasures: int
    registered: str


class KeptScores:
    """Of one process. Safe to share between threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: OrderedDict[tuple[str, bool], Tagged] = OrderedDict()
        self._position, self._state = -1, _State(-1, -1, "")
        self._lock = threading.Lock()

    def read(
        self,
        lead_id: str,
        now: int,
        registered: str,
        compute: Callable[[], Answer],
        *,
        curve: bool,
        version: object = None,
    ) -> Tagged:
        """The kept answer, else the refreshed one, else what ``compute`` gives.

        ``registered``: ``Served.key`` of the model in service. ``curve``: with the whole curve, which is not refreshed.
        ``version``: of the database, as ``Store.version`` gave it a moment ago.
        """
        position, erasures = self._store.pulse(version)
        state, wanted = _State(now // DAY, erasures, registered), (lead_id, curve)
        with self._lock:
            self._follow(position, state)
            kept = self._kept.get(wanted)
        if kept is not None:
            return kept
        # no text in PostgreSQL can hold NUL
        answer = None if curve or "\x00" in lead_id else self._refreshed(lead_id, position, state)
        if answer is None:
            answer = compute()
        found = tagged(answer, over=as_shown(answer))
        with self._lock:
            # What was appended meanwhile may be in the answer or not; then it is not kept.
            if (self._position, self._state) == (position, state):
                self._kept[wanted] = found
                if len(self._kept) > _MOST:
                    self._kept.popitem(last=False)
        return found

    def peek(self, lead_id: str, now: int, registered: str, *, version: object = None) -> Tagged | None:
        """The answer in memory, without the curve; None if there is none."""
        position, erasures = self._store.pulse(version)
        with self._lock:
            self._follow(position, _State(now // DAY, erasures, registered))
            return self._kept.get((lead_id, False))

    def _refreshed(self, lead_id: str, position: int, state: _State) -> Answer | None:
        """From the database, if every event of the log is in it and it was computed today."""
        with self._store.reading() as connection:
            found = score_table.find_score(connection, state.registered, lead_id)
        if found is None or found.set_position < position or found.as_of // DAY != state.day:
            return None
        return found.answer

    def _follow(self, position: int, state: _State) -> None:
        """Forget what does not hold any more."""
        if state != self._state or position < self._position or position - self._position > _FOLLOWED:
            self._kept.clear()
        elif position > self._position and self._kept:
            changed = self._store.changed_leads(after=self._position, up_to=position)
            for lead_id in self._store.aliases_of(changed):
                for curve in (False, True):
                    self._kept.pop((lead_id, curve), None)
        self._position, self._state = position, state
