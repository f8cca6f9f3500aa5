"""A score as of now is computed anew whenever something it rests on has changed, and after a minute."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from serving_world import NOW, Clock

from features.events import DAY, Event, events_table
from features.store import Erasures, Store
from serving.background import score_table
from serving.kept_scores import KeptScores

Ask = Callable[..., str]


def happens(store: Store, lead: str, kind: str = "page_view", **properties: object) -> None:
    n, at = store.position(), NOW - DAY
    event = Event(event_id=f"e{n}", lead_id=lead, type=kind, occurred_at=at, recorded_at=at, properties=properties)
    store.append(events_table([event]))


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW + DAY // 2)


@pytest.fixture
def ask(store: Store, clock: Clock) -> Ask:
    """The number of the computation that an answer comes from."""
    for lead, account in (("a", "X"), ("b", "X"), ("c", "Y")):
        happens(store, lead, "identify", account_id=account)
    kept, computed = KeptScores(store), [0]

    def compute() -> dict[str, int]:
        computed[0] += 1
        return {"n": computed[0]}

    return lambda lead, registered="1", curve=False: kept.read(
        lead, clock(), registered, compute, curve=curve
    ).body.decode()


def test_the_same_is_answered_again_until_the_day_ends(ask: Ask, clock: Clock) -> None:
    clock.now = NOW + 1
    first = ask("a")
    clock.now = NOW + DAY - 1
    assert ask("a") == first
    clock.now += 1
    assert ask("a") != first, "call dates are days"


def test_each_lead_and_each_form_has_its_own(ask: Ask) -> None:
    assert len({ask("a"), ask("b"), ask("a", curve=True)}) == 3


def test_another_model_ends_it(ask: Ask) -> None:
    first = ask("a")
    assert ask("a", registered="2") != first


def test_an_event_ends_it_for_the_lead_and_its_colleagues_alone(ask: Ask, store: Store) -> None:
    before = {lead: ask(lead) for lead in "abc"}
    happens(store, "a")
    after = {lead: ask(lead) for lead in "abc"}
    assert {lead for lead in "abc" if after[lead] != before[lead]} == {"a", "b"}


def test_what_becomes_an_alias_is_answered_as_its_lead(ask: Ask, store: Store) -> None:
    happens(store, "visitor")
    before = {lead: ask(lead) for lead in ("visitor", "a", "c")}
    happens(store, "a", "identify", anonymous_id="visitor")
    assert store.canonical(["visitor"]) == {"visitor": "a"}
    assert {lead for lead in before if ask(lead) != before[lead]} == {"visitor", "a"}


def test_an_erasure_ends_all(ask: Ask, store: Store) -> None:
    before = {lead: ask(lead) for lead in "abc"}
    Erasures(store).erase("b", NOW)
    assert not {ask(lead) for lead in "abc"} & set(before.values())


def test_what_comes_while_it_is_computed_is_not_kept(store: Store, clock: Clock) -> None:
    happens(store, "a")
    kept, answers = KeptScores(store), iter(("old", "new"))

    def compute() -> dict[str, str]:
        answer = next(answers)
        if answer == "old":
            happens(store, "a")
            kept.read("b", clock(), "1", dict, curve=False)  # another request has seen it
        return {"is": answer}

    assert kept.read("a", clock(), "1", compute, curve=False).body == b'{"is":"old"}'
    assert kept.read("a", clock(), "1", compute, curve=False).body == b'{"is":"new"}'


def test_a_refreshed_score_is_answered_while_it_holds_all_events_and_is_of_today(store: Store, clock: Clock) -> None:
    for lead in "ab":
        happens(store, lead)
    position, at = store.position(), clock()
    row = {"lead_id": "a", "model_version": "v", "owner": "kim", "priority": 0.0, "call_on": None, "readiness": 5.0}
    with store.writing() as connection:
        score_table.begin_set(connection, "1", "v", position=position, as_of=at)
        score_table.put_scores(connection, "1", [row], as_of=at, pos=position)

    def answer(lead: str, registered: str = "1", *, curve: bool = False) -> bytes:
        return KeptScores(store).read(lead, clock(), registered, lambda: {"computed": lead}, curve=curve).body

    assert b'"readiness":5.0' in answer("a")
    assert b"kim" not in answer("a"), "the owner is no part of a score"
    computed = b'{"computed":"%s"}'
    assert answer("b") == computed % b"b"
    assert answer("a", "2") == answer("a", curve=True) == computed % b"a"
    clock.now += DAY
    assert answer("a") == computed % b"a"
    clock.now -= DAY
    happens(store, "b")
    assert answer("a") == computed % b"a", "whether it concerns the lead is seen when the set is brought up to date"
