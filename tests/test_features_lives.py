"""The life of a lead: from when it could be seen to its first ending."""

from __future__ import annotations

from itertools import count

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from features.events import Event
from features.history import History
from features.lives import BOUGHT, GONE, OPEN, UNSEEN, lead_lives, standings, told_something

TYPES = ("view", "identify", "purchased", "lost")
KINDS = (*TYPES, "sales_call", "need_declared", "handoff", "handoff_rejected", "handoff_scored")


numbers = count()


def event(kind: str, at: int, *, lead: str = "ada", recorded: int | None = None, bot: bool = False) -> Event:
    seen = at if recorded is None else recorded
    return Event(
        event_id=f"e{next(numbers)}", lead_id=lead, type=kind, occurred_at=at, recorded_at=seen, bot=bot
    )  # fmt: skip


def life(*events: Event, known_by: int = 100) -> tuple[int, int, int]:
    lives = lead_lives(History.from_events(events), known_by)
    assert lives.known_by == known_by
    return int(lives.entered_at[0]), int(lives.ended_at[0]), int(lives.outcome[0])


def test_an_open_lead_is_followed_to_the_end() -> None:
    assert life(event("view", 3), event("identify", 5)) == (3, 100, OPEN)


def test_the_first_ending_counts() -> None:
    assert life(event("view", 3), event("lost", 9), event("purchased", 7)) == (3, 7, BOUGHT)
    assert life(event("view", 3), event("lost", 6), event("purchased", 7), event("lost", 8)) == (3, 6, GONE)


def test_of_two_endings_at_once_the_purchase_counts() -> None:
    assert life(event("lost", 7), event("purchased", 7)) == (7, 7, BOUGHT)


def test_what_was_not_known_yet_does_not_count() -> None:
    events = event("view", 3), event("purchased", 7, recorded=20), event("lost", 30)
    assert life(*events, known_by=19) == (3, 19, OPEN)
    assert life(*events, known_by=20) == (3, 7, BOUGHT)
    assert life(event("view", 3, recorded=8), known_by=8) == (8, 8, OPEN)
    assert life(event("view", 3, recorded=8), known_by=7) == (7, 7, OPEN)  # of which nothing was known


def test_an_ending_at_the_very_end_counts() -> None:
    assert life(event("view", 3), event("lost", 100)) == (3, 100, GONE)


def test_what_bots_do_ends_nothing() -> None:
    assert life(event("view", 3), event("purchased", 5, bot=True)) == (3, 100, OPEN)


def test_no_leads() -> None:
    lives = lead_lives(History.from_events([]), 5)
    assert len(lives.entered_at) == len(lives.ended_at) == len(lives.outcome) == 0


moments = st.integers(0, 12)
histories = st.lists(
    st.builds(event, st.sampled_from(TYPES), moments, lead=st.sampled_from("abc"), recorded=st.none() | moments),
    max_size=15,
)


@given(histories, moments)
def test_lives_are_what_a_plain_reading_gives(events: list[Event], known_by: int) -> None:
    history = History.from_events(events)
    lives = lead_lives(history, known_by)
    for i, lead in enumerate(history.lead_ids):
        seen = [e for e in events if e.lead_id == lead and max(e.occurred_at, e.recorded_at) <= known_by]
        entered = min((max(e.occurred_at, e.recorded_at) for e in seen), default=known_by)
        endings = sorted((e.occurred_at, e.type != "purchased") for e in seen if e.type in ("purchased", "lost"))
        at, lost = endings[0] if endings else (known_by, False)
        assert lives.entered_at[i] == entered
        assert lives.ended_at[i] == at
        assert lives.outcome[i] == ((GONE if lost else BOUGHT) if endings else OPEN)


@given(
    st.lists(
        st.tuples(st.sampled_from(TYPES), st.integers(0, 9), st.integers(0, 9), st.sampled_from("ab")), max_size=8
    ),
    st.integers(-1, 20),
)
def test_where_a_lead_stands_is_what_its_life_until_then_says(
    rows: list[tuple[str, int, int, str]], as_of: int
) -> None:
    history = History.from_events([event(kind, at, lead=lead, recorded=at + late) for kind, at, late, lead in rows])
    lives = lead_lives(history, as_of)
    seen = [any(max(at, at + late) <= as_of for _, at, late, who in rows if who == lead) for lead in history.lead_ids]
    pairs = np.array([*range(history.n_leads), -1])
    found = standings(history, pairs, np.full(len(pairs), as_of))
    assert found.tolist() == [*np.where(seen, lives.outcome, UNSEEN).tolist(), UNSEEN]


@given(
    st.lists(
        st.tuples(st.sampled_from(KINDS), st.integers(0, 9), st.integers(0, 9), st.sampled_from("ab")), max_size=8
    ),
    st.lists(st.tuples(st.integers(0, 2), st.integers(-1, 20)), max_size=6),
)
def test_a_lead_has_told_something_once_it_engaged_took_a_call_or_declared_a_need(
    rows: list[tuple[str, int, int, str]], pairs: list[tuple[int, int]]
) -> None:
    history = History.from_events([event(kind, at, lead=lead, recorded=at + late) for kind, at, late, lead in rows])
    leads = [*history.lead_ids, *["nobody"] * 3]
    asked = [(place if place < history.n_leads else -1, as_of) for place, as_of in pairs]
    found = told_something(history, *(np.array([pair[k] for pair in asked], dtype=np.int64) for k in (0, 1)))
    assert found.tolist() == [
        any(
            who == leads[place] and at + late <= as_of and kind in ("view", "sales_call", "need_declared")
            for kind, at, late, who in rows
        )
        for place, as_of in asked
    ]


def test_each_pair_has_its_own_as_of_time() -> None:
    history = History.from_events([event("view", 3), event("purchased", 7, recorded=20), event("lost", 30)])
    assert standings(history, np.zeros(4, dtype=np.int64), np.array([2, 3, 19, 20])).tolist() == [
        UNSEEN, OPEN, OPEN, BOUGHT,
    ]  # fmt: skip
