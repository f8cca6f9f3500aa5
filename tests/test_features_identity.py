"""Ids that turn out to be one lead: no event is lost, none doubled, and the past sees what was known then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.events import Event, events_table
from features.identity import ANONYMOUS_ID, MAX_CHAIN, PREVIOUS_ID, Identity, Link, claims
from features.store import Store


class Told:
    """Writes events one after the other, each a moment later."""

    def __init__(self, store: Store) -> None:
        self.store, self.now = store, store.position()

    def __call__(self, lead_id: str, kind: str = "page_view", **given: Any) -> Event:
        self.now += 1
        bot = given.pop("bot", False)
        event = Event(
            event_id=f"e{self.now}", lead_id=lead_id, type=kind, occurred_at=self.now, recorded_at=self.now, bot=bot,
            properties=given,
        )  # fmt: skip
        self.store.append(events_table([event]))
        return event

    def identify(self, lead_id: str, anonymous: str, **traits: Any) -> Event:
        return self(lead_id, "identify", **{ANONYMOUS_ID: anonymous}, **traits)

    def alias(self, lead_id: str, before: str) -> Event:
        return self(lead_id, "identify", **{PREVIOUS_ID: before})


@pytest.fixture
def told(store: Store) -> Told:
    return Told(store)


def leads(table: pa.Table) -> dict[str, str]:
    """The lead of each event."""
    return dict(zip(table["event_id"].to_pylist(), table["lead_id"].to_pylist(), strict=True))


def test_what_a_visitor_did_is_the_leads_once_it_says_who_it_is(told: Told, store: Store) -> None:
    told("visitor")
    told("other")
    before = store.position()
    told.identify("ada", "visitor")
    told("visitor")
    assert store.lead_ids() == ["ada", "other"]
    assert leads(store.events()) == {"e1": "ada", "e2": "other", "e3": "ada", "e4": "ada"}
    assert store.events(["ada"])["recorded_at"].to_pylist() == [3, 3, 4]
    assert store.events(["ada"])["occurred_at"].to_pylist() == [1, 3, 4]
    assert store.events(["visitor"]).equals(store.events(["ada"]))
    assert store.history(["visitor"]).lead_ids == ("ada",)
    assert store.aliases_of(["ada"]) == store.aliases_of(["visitor"]) == ["ada", "visitor"]
    assert store.canonical(["visitor", "ada", "nobody"]) == {"visitor": "ada", "ada": "ada", "nobody": "nobody"}
    # as it was known before
    assert store.lead_ids(known_by=2) == ["other", "visitor"]
    assert leads(store.events(known_by=2)) == {"e1": "visitor", "e2": "other"}
    assert leads(store.events(up_to=before)) == {"e1": "visitor", "e2": "other"}
    assert store.events(["ada"], known_by=2).num_rows == 0
    assert store.events(["visitor"], known_by=2)["recorded_at"].to_pylist() == [1]
    assert store.canonical(["visitor"], known_by=2) == {"visitor": "visitor"}


def test_the_first_link_of_a_visitor_counts(told: Told, store: Store) -> None:
    told("device")
    told.identify("ada", "device")
    told.identify("ben", "device")
    told("ben")
    assert leads(store.events()) == {"e1": "ada", "e2": "ada", "e3": "ben", "e4": "ben"}


def test_two_known_leads_merge_by_alias_alone(told: Told, store: Store) -> None:
    told("ada", "identify", name="Ada")
    told("ben", "identify", name="Ben")
    told("ben", "purchased")
    told.identify("ada", "ben")
    assert store.lead_ids() == ["ada", "ben"], "an identify takes in visitors, no known leads"
    told.alias("ada", "ben")
    assert store.lead_ids() == ["ada"]
    assert store.lead_ids(open_only=True) == []
    assert store.lead_ids(open_only=True, known_by=4) == ["ada"]
    assert store.lead_facts(["ada", "ben"])["ben"].ending == store.lead_facts(["ada"])["ada"].ending == ("purchased", 3)
    assert store.statements(["ben"])["event_id"].to_pylist() == ["e2"], "what exports say of an id stays with the id"


def test_a_visitor_that_said_something_of_itself_is_still_a_visitor(told: Told, store: Store) -> None:
    told.identify("visitor", "visitor", country="fr")
    told.identify("ada", "visitor")
    assert store.lead_ids() == ["ada"]


def test_chains_lead_to_their_end_and_circles_are_ignored(told: Told, store: Store) -> None:
    told.alias("b", "a")
    told.alias("c", "b")
    told.alias("a", "c")
    told.alias("a", "a")
    told("a")
    assert set(leads(store.events()).values()) == {"c", "a"} - {"a"}
    assert store.aliases_of(["b"]) == ["c", "a", "b"]
    assert leads(store.events(known_by=1)) == {"e1": "b"}
    assert store.events(["a"], known_by=2)["recorded_at"].to_pylist() == [2, 2]


def test_a_chain_has_a_bound(told: Told, store: Store) -> None:
    for i in range(MAX_CHAIN + 5):
        told.alias(f"l{i + 1:02d}", f"l{i:02d}")
    assert store.lead_ids() == [f"l{MAX_CHAIN:02d}", f"l{MAX_CHAIN + 5:02d}"]


def test_bots_link_nobody(told: Told, store: Store) -> None:
    told("visitor")
    told("ada", "identify", bot=True, anonymous_id="visitor")
    assert store.lead_ids() == ["visitor"]


def test_colleagues_come_with_what_they_did_under_other_ids(told: Told, store: Store) -> None:
    told("phone")
    told.identify("ben", "phone", account_id="acme")
    told("laptop", "identify", anonymous_id="laptop", account_id="acme")
    told("laptop")
    told.identify("ada", "laptop")
    history = store.history(["ada"])
    assert history.lead_ids == ("ada", "ben")
    assert history.n_events == 5
    assert store.history(["ben"]).n_events == 5
    assert store.history().n_events == 5


ids = st.sampled_from(["a", "b", "c", "d", "e"])
steps = st.lists(st.tuples(st.sampled_from(["track", "identify", "alias", "lost"]), ids, ids), max_size=14)


class Slow:
    """The same rules, event by event, without any cleverness."""

    def __init__(self) -> None:
        self.links: dict[str, tuple[str, int]] = {}
        self.known: set[str] = set()

    def tell(self, kind: str, lead: str, other: str, now: int) -> None:
        if kind in ("lost", "alias") or (kind == "identify" and other != lead):
            self.known.add(lead)
        fits = kind == "alias" or (kind == "identify" and other not in self.known)
        if fits and other != lead and other not in self.links and self.lead_of(lead, now)[0] != other:
            self.links[other] = lead, now

    def lead_of(self, lead: str, known_by: int) -> tuple[str, int]:
        since = 0
        while lead in self.links and self.links[lead][1] <= known_by:
            lead, at = self.links[lead]
            since = max(since, at)
        return lead, since


def told_as(told: Told, steps: Sequence[tuple[str, str, str]]) -> Iterator[tuple[Event, tuple[str, str, str]]]:
    for step in steps:
        kind, lead, other = step
        if kind == "identify":
            yield told.identify(lead, other), step
        elif kind == "alias":
            yield told.alias(lead, other), step
        else:
            yield told(lead, "lost" if kind == "lost" else "page_view"), step


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(steps, st.integers(0, 14), ids)
def test_any_order_of_links_keeps_every_event_once(
    store: Store, steps: list[tuple[str, str, str]], back: int, asked_for: str
) -> None:
    told = Told(store)
    told.now = store.position() + 1  # the ids of every example are its own
    prefix = f"x{told.now} "
    slow, said, began = Slow(), [], told.now
    for event, (kind, lead, other) in told_as(told, [(k, prefix + lead, prefix + o) for k, lead, o in steps]):
        slow.tell(kind, lead, other, event.recorded_at)
        said.append(event)
    names = [prefix + name for name in "abcde"]
    for known_by in (told.now, min(began + back, told.now)):
        visible = [event for event in said if event.recorded_at <= known_by]
        expected = {
            event.event_id: (lead, max(event.recorded_at, since))
            for event in visible
            for lead, since in [slow.lead_of(event.lead_id, known_by)]
        }
        for asked in (names, None):
            table = store.events(asked, known_by=known_by)
            rows = [row for row in table.to_pylist() if row["event_id"] in {event.event_id for event in said}]
            assert len(rows) == len(visible)
            assert {row["event_id"]: (row["lead_id"], row["recorded_at"]) for row in rows} == expected
        assert {name for name in store.lead_ids(known_by=known_by) if name.startswith(prefix)} == {
            lead for lead, _ in expected.values()
        }
        assert store.canonical(names, known_by=known_by) == {n: slow.lead_of(n, known_by)[0] for n in names}
        one = prefix + asked_for
        mine = [each for each, (lead, _) in expected.items() if lead == slow.lead_of(one, known_by)[0]]
        assert sorted(store.events([one], known_by=known_by)["event_id"].to_pylist()) == sorted(mine)
        # who is a lead to this day sees, as of then, what it saw then
        if store.canonical([one])[one] == one:
            now = store.events([one])
            seen = now.filter(pa.compute.less_equal(now["recorded_at"], known_by))
            assert sorted(seen["event_id"].to_pylist()) == sorted(mine)


def test_reading_in_bulk_resolves_too(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told(store)
    for i in range(8):
        told(f"v{i}")
        told.identify(f"l{i % 3}", f"v{i}", account_id=i % 2)
    everything = {lead: store.events([lead]).to_pylist() for lead in ("l0", "v4", "l2")}
    history = store.history(["v4"], known_by=12)
    monkeypatch.setattr("features.store.store._BULK_FROM_EVENTS", 0)
    monkeypatch.setattr("features.store.store._BULK_FROM_LEADS", 0)
    for lead, rows in everything.items():
        assert store.events([lead]).to_pylist() == rows
    assert store.history(["v4"], known_by=12).lead_ids == history.lead_ids
    assert store.events().num_rows == 16
    assert set(store.events()["lead_id"].to_pylist()) == {"l0", "l1", "l2"}


links = st.lists(st.builds(Link, ids, ids, st.integers(0, 50)), max_size=10)


@given(links, st.lists(ids, max_size=12))
def test_resolving_keeps_rows_and_order(links: list[Link], names: list[str]) -> None:
    identity = Identity()
    for link in links:
        if link.from_id != link.to_id and identity.accepts(link):
            identity.add(link)
    table = events_table(
        [Event(event_id=f"{i}", lead_id=n, type="t", occurred_at=i, recorded_at=i) for i, n in enumerate(names)]
    )
    resolved = identity.resolve(table)
    assert resolved.schema.equals(table.schema)
    assert resolved["event_id"].equals(table["event_id"])
    assert resolved["lead_id"].to_pylist() == [identity.lead_of(name) for name in names]
    for before, after in zip(table["recorded_at"].to_pylist(), resolved["recorded_at"].to_pylist(), strict=True):
        assert after >= before
    assert identity.resolve(resolved)["lead_id"].equals(resolved["lead_id"]), "a lead stays itself"


def test_what_an_identify_says_of_other_ids() -> None:
    rows = [
        ("ada", '{"anonymous_id":" 7 "}', 5, 9, 1),
        ("ada", '{"anonymous_id":"ada"}', 5, 9, 2),
        ("ada", '{"previous_id":12,"name":"x"}', 9, 5, 3),
        ("ada", '{"note":"\\"anonymous_id\\""}', 9, 5, 4),
        ("ada", f'{{"previous_id":"{"x" * 300}"}}', 9, 5, 5),
        ("ada", '{"previous_id":["b"]}', 9, 5, 6),
    ]
    found = claims(rows, 255)
    assert [(claim.link, claim.merges) for claim in found] == [
        (Link("7", "ada", 9), False),
        (Link("12", "ada", 9), True),
    ]
