"""Which market today's is compared with, though another model serve every morning."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from features.events import parse_time, to_iso
from features.store.monitoring import asked_anew, newest_results
from model.watching.deadlines import WEEK


@dataclass(frozen=True)
class Reference:
    """``until``: the market up to then is what today's is compared with; ``taken``: by the look of which time."""

    until: int
    taken: int

    def to_json(self) -> dict[str, str]:
        return {"reference": to_iso(self.until), "reference_taken": to_iso(self.taken)}


def reference(connection: sa.Connection, registered: str, *, learned_until: int, now: int, weeks: int) -> Reference:
    """That of the newest look that was kept: what the serving model has learned until would hide every change where a
    model is a day old.

    It is taken anew by the first look; once another version serves than one that was to be trained anew; and after a
    rollback, so that it is never later than what the serving model has learned. Under newer models it is at most
    ``weeks`` old.
    """
    anew = Reference(learned_until, now)
    found = newest_results(connection, 1)
    if not found or "reference" not in found[0].result:
        return anew
    until, taken = (parse_time(found[0].result[name]) for name in ("reference", "reference_taken"))
    asked = asked_anew(connection, registered)
    if learned_until < until or (asked is not None and asked >= taken):
        return anew
    return Reference(min(learned_until, max(until, now - weeks * WEEK)), taken)
