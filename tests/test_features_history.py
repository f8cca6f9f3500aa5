"""The history in columns: what it keeps, in which order, from few events as from many."""

from __future__ import annotations

import dataclasses
import random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import history as module
from features.events import Event, dump_properties, events_table
from features.history import History
from tests.histories import histories


def rows(history: History) -> list[tuple[object, ...]]:
    """All that a history says, event by event."""

    def names(codes: np.ndarray, of: tuple[str, ...]) -> list[str | None]:
        return [of[code] if code >= 0 else None for code in codes]

    columns = (
        [history.lead_ids[code] for code in history.lead_code],
        history.occurred_at.tolist(),
        history.recorded_at.tolist(),
        names(history.type_code, history.types),
        names(history.channel_code, history.channels),
        names(history.campaign_code, history.campaigns),
        history.properties.to_pylist(),
    )
    return list(zip(*columns, strict=True))


def expected(events: list[Event]) -> list[tuple[object, ...]]:
    kept = sorted(
        (event for event in events if not event.bot),
        key=lambda event: (event.lead_id, event.occurred_at, event.recorded_at, event.event_id),
    )
    return [
        (e.lead_id, e.occurred_at, e.recorded_at, e.type, e.channel, e.campaign, dump_properties(e.properties))
        for e in kept
    ]


@pytest.mark.parametrize("few", [0, 1_000_000], ids=["many events", "few events"])
@given(events=histories(max_size=40), rng=st.randoms())
@settings(deadline=None, max_examples=60)
def test_events_are_ordered_by_lead_and_time_and_there_once(few: int, events: list[Event], rng: random.Random) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_FEW", few)
        again = rng.sample(events, len(events) // 3)
        for history in (History.from_events(events + again), History.from_table(events_table(again + events))):
            assert rows(history) == expected(events)
            assert list(history.lead_ids) == sorted({event.lead_id for event in events if not event.bot})
            assert history.start[0] == 0
            assert history.start[-1] == history.n_events == len(history.known_at)
            for names in (history.types, history.channels, history.campaigns):
                assert list(names) == sorted(set(names))


def test_few_and_many_events_give_the_same_columns() -> None:
    rng = random.Random(3)
    events = [
        Event(
            event_id=str(number % 50),
            lead_id=f"l{rng.randrange(5)}",
            type=rng.choice(["a", "b", "ü"]),
            occurred_at=rng.randrange(4),
            recorded_at=rng.randrange(4),
            channel=rng.choice([None, "web"]),
            properties={"x": rng.randrange(3)},
        )
        for number in range(400)
    ]
    histories = []
    for few in (0, 1_000):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "_FEW", few)
            histories.append(History.from_table(events_table(rng.sample(events, len(events)))))
    many, less = histories
    assert rows(many) == rows(less)
    for field in dataclasses.fields(History):
        one, other = getattr(many, field.name), getattr(less, field.name)
        if isinstance(one, np.ndarray) and field.name != "property_code":
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other)


def test_a_table_in_several_chunks_is_read_whole() -> None:
    events = [
        Event(event_id=str(i), lead_id=f"l{i % 3}", type=f"t{i % 7}", occurred_at=i, recorded_at=i, properties={"i": i})
        for i in range(5_000)
    ]
    table = events_table(events)
    pieces = pa.concat_tables([table.slice(3_000), table.slice(0, 1), table.slice(1, 2_999)])
    assert rows(History.from_table(pieces)) == rows(History.from_table(table)) == expected(events)
