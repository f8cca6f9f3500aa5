"""The traits of leads as known at a time."""

from __future__ import annotations

from typing import Any

from features.events import Event
from features.history import History
from features.traits import known_traits


def identify(number: int, at: int, *, lead: str = "ada", recorded: int | None = None, **traits: Any) -> Event:
    return Event(
        event_id=str(number),
        lead_id=lead,
        type="identify",
        occurred_at=at,
        recorded_at=at if recorded is None else recorded,
        properties=traits,
    )


def test_the_latest_value_that_says_something_counts() -> None:
    history = History.from_events(
        [
            identify(1, 1, owner="ben", source="web", tags=["a"]),
            identify(2, 5, owner="cem", source="", tags=None),
            identify(3, 3, owner="dora"),
            identify(4, 2, lead="eve", owner="ben", recorded=9),
        ]
    )
    assert known_traits(history, 5) == {"ada": {"owner": "cem", "source": "web", "tags": ["a"]}}
    assert known_traits(history, 4)["ada"]["owner"] == "dora"
    assert known_traits(history, 9)["eve"] == {"owner": "ben"}
    assert known_traits(history, 0) == {}


def test_no_traits_at_all() -> None:
    seen = Event(event_id="1", lead_id="ada", type="page_view", occurred_at=1, recorded_at=1, properties={"owner": "x"})
    assert known_traits(History.from_events([seen]), 5) == {}
