"""Scores as of now, kept for a minute while nothing happens that they rest on.

An answer says by its ``as_of`` when it was computed. It is computed anew as soon as an event of the lead, of a
colleague or of an alias is in the log, with another model, and when anybody was erased.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from features.events import DAY, SECOND
from features.store import Store
from serving.etags import Tagged

KEEP = 60 * SECOND
_MOST = 20_000  # answers of some kB each
_FOLLOWED = 5_000  # events after which everything is forgotten, rather than what they change


@dataclass(frozen=True, slots=True)
class _Kept:
    answer: Tagged
    at: int


class KeptScores:
    """Of one process. Safe to share between threads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: OrderedDict[tuple[str, bool], _Kept] = OrderedDict()
        self._position = -1
        self._of: tuple[int, str] | None = None
        self._lock = threading.Lock()

    def read(self, lead_id: str, now: int, registered: str, compute: Callable[[], Tagged], *, curve: bool) -> Tagged:
        """The kept answer, else what ``compute`` gives. ``registered``: of the model in service."""
        position, erasures = self._store.pulse()
        wanted = lead_id, curve
        with self._lock:
            self._follow(position, (erasures, registered))
            kept = self._kept.get(wanted)
        if kept is not None and 0 <= now - kept.at <= KEEP and kept.at // DAY == now // DAY:
            return kept.answer
        answer = compute()
        with self._lock:
            # What was appended meanwhile may be in the answer or not; then it is not kept.
            if self._position == position and self._of == (erasures, registered):
                self._kept[wanted] = _Kept(answer, now)
                self._kept.move_to_end(wanted)
                if len(self._kept) > _MOST:
                    self._kept.popitem(last=False)
        return answer

    def _follow(self, position: int, of: tuple[int, str]) -> None:
        """Forget what does not hold any more at this position of the log."""
        if of != self._of or position < self._position or position - self._position > _FOLLOWED:
            self._kept.clear()
        elif position > self._position and self._kept:
            changed = self._store.changed_leads(after=self._position, up_to=position)
            for lead_id in self._store.aliases_of(changed):
                for curve in (False, True):
                    self._kept.pop((lead_id, curve), None)
        self._position, self._of = position, of
