"""Which market today's is compared with, though another model serve every morning."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from features.events import parse_time, to_iso
from features.store.monitoring import newest_asked, newest_results
from model.watching.deadlines import WEEK


@dataclass(frozen=True)
class Reference:
    """``until``: the market up to then is what today's is compared with; ``taken``: by the look of which time.

    ``learned_until``: the newest that the model of this look has learned from.
    """

    until: int
    taken: int
    learned_until: int

    def to_json(self) -> dict[str, str]:
        return {
            "reference": to_iso(self.until),
            "reference_taken": to_iso(self.taken),
            "learned_until": to_iso(self.learned_until),
        }


def reference(connection: sa.Connection, registered: str, *, learned_until: int, now: int, weeks: int) -> Reference:
    """That of the newest look that was kept: what the serving model has learned until would hide every change where a
    model is a day old.

    It is taken anew by the first look; once a version serves that has learned more than one that was to be trained
    anew; and after a rollback, so that it is never later than what the serving model has learned. Under newer models
    it is at most ``weeks`` old.
    """
    anew = Reference(learned_until, now, learned_until)
    found = newest_results(connection, 1)
    if not found or "reference" not in found[0].result:
        return anew
    until, taken = (parse_time(found[0].result[name]) for name in ("reference", "reference_taken"))
    asked = newest_asked(connection, registered)
    answered = asked is not None and asked.at >= taken and learned_until > parse_time(asked.result["learned_until"])
    if answered or learned_until < until:
        return anew
    return Reference(min(learned_until, max(until, now - weeks * WEEK)), taken, learned_until)
