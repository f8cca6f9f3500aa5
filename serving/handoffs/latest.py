"""The handoff that the page of a lead shows."""

from __future__ import annotations

from typing import Any, get_args

from features.handoff_answers import Reason
from features.store import Store
from serving.handoffs.listing import newest_handoff

REASONS: dict[str, str] = {name: name.replace("_", " ") for name in get_args(Reason)}


def latest_handoff(store: Store, lead_id: str) -> dict[str, Any] | None:
    """The newest handoff of the lead that somebody was told of, as the API lists it; None where there is none."""
    found = newest_handoff(store, store.aliases_of([lead_id]))
    return None if found is None or found["held_out"] else found
