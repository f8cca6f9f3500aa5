"""The latest handoff: when the purchase window opened, and what was told then."""

from __future__ import annotations

import sqlalchemy as sa

from features.events import HANDOFF, to_iso
from features.store import Store
from features.store.work import openings
from serving.dossier.known import Answer, Known

_MOST = 1e6  # a number above it is a mistake
_TOLD = ("window_start", "window_end", "call_on", "owner", "model_version")


def handoff(store: Store, known: Known) -> Answer | None:
    """None when the lead was not handed over by then. An imported handoff has a date and a number, and no score."""
    made = [event for event in known.events if event.type == HANDOFF]
    if not made:
        return None
    latest = made[-1]
    number = latest.number("number")
    with store.reading() as connection:
        window = connection.execute(sa.select(openings).where(openings.c.event_id == latest.event_id)).first()
    closed = window is not None and window.closed_at is not None and window.closed_at <= known.as_of
    return {
        "handoff_id": latest.event_id,
        "number": int(number) if number is not None and 1 <= number < _MOST else len(made),
        "opened_at": to_iso(latest.at),
        "closed_at": to_iso(window.closed_at) if closed else None,  # type: ignore[union-attr]
        "closed_because": window.closed_because if closed else None,  # type: ignore[union-attr]
        "held_out": latest.properties.get("held_out") is True,
        "readiness": latest.number("readiness"),
        **{name: latest.text(name) for name in _TOLD},
    }
