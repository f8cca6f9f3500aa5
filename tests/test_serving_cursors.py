"""Pages go on where the one before ended, whatever is appended in between; a cursor is read only where it belongs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from crm_client import Crm, open_crm
from hypothesis import given
from hypothesis import strategies as st
from serving_world import NOW

from features.events import DAY, SECOND, Event, events_table

PAGES = ("/v1/leads", "/v1/leads/L0/events", "/v1/calls", "/v1/outcomes")


@pytest.fixture
def crm(database_url: str) -> Iterator[Crm]:
    found = open_crm(database_url)
    yield found
    found.running.store.close()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crm]:
    found = open_crm(f"sqlite:///{tmp_path_factory.mktemp('cursors')}/leadtime.db")
    append(found, [("L0", "page_view", 1), ("L0", "sales_call", 2), ("L0", "lost", 3)])
    yield found
    found.running.store.close()


def append(crm: Crm, rows: list[tuple[str, str, int]]) -> None:
    """(lead, type, minutes before now), each recorded when it happened."""
    start = crm.running.store.position()
    crm.running.store.append(
        events_table(
            Event(event_id=f"e{start + i:05d}", lead_id=lead, type=kind, occurred_at=NOW - ago * 60 * SECOND,
                  recorded_at=NOW - ago * 60 * SECOND)
            for i, (lead, kind, ago) in enumerate(rows)
        )
    )  # fmt: skip


def walk(crm: Crm, path: str, name: str, *, limit: int, between=lambda: None, **query: str) -> list[dict]:
    found, cursor = [], {}
    while True:
        page = crm.get(path, limit=limit, **query, **cursor).json
        found += page[name]
        if page["next_cursor"] is None or page.get("more") is False:
            return found
        cursor = {"cursor": page["next_cursor"]}
        between()


def test_a_timeline_is_read_whole_while_it_grows(crm: Crm) -> None:
    append(crm, [("L0", "page_view", ago % 7) for ago in range(25)])
    before = crm.get("/v1/leads/L0/events", limit=500).json["events"]
    grown = walk(crm, "/v1/leads/L0/events", "events", limit=4, between=lambda: append(crm, [("L0", "trial", 3)] * 1))
    assert grown == before
    order = [(event["occurred_at"], event["event_id"]) for event in before]
    assert order == sorted(order, reverse=True)


def test_leads_are_listed_once_each_while_others_come(crm: Crm) -> None:
    append(crm, [(f"L{i:02d}", "page_view", 5) for i in range(20)])
    names = iter("ABZ" * 9)

    def another() -> None:
        append(crm, [(f"{next(names)}{crm.running.store.position()}", "page_view", 1)])

    listed = [lead["lead_id"] for lead in walk(crm, "/v1/leads", "leads", limit=3, between=another)]
    assert len(listed) == len(set(listed))
    assert {f"L{i:02d}" for i in range(20)} <= set(listed)
    assert [lead["lead_id"] for lead in walk(crm, "/v1/leads", "leads", limit=1, status="lost")] == []


@pytest.mark.parametrize(("path", "kind"), [("/v1/calls", "sales_call"), ("/v1/outcomes", "lost")])
def test_a_feed_goes_on_later_with_what_is_new(crm: Crm, path: str, kind: str) -> None:
    name = path.rpartition("/")[2]
    append(crm, [(f"L{i}", kind if i % 2 else "page_view", 60 - i) for i in range(20)])
    assert len(walk(crm, path, name, limit=3)) == 10
    last = crm.get(path, limit=500).json
    assert last["more"] is False
    assert crm.get(path, cursor=last["next_cursor"]).json == {name: [], "more": False,
                                                              "next_cursor": last["next_cursor"]}  # fmt: skip
    append(crm, [("late", kind, 90)])  # happened before the others, came after them
    assert [row["lead_id"] for row in crm.get(path, cursor=last["next_cursor"]).json[name]] == ["late"]


def test_a_feed_since_a_time_is_by_when_it_was_recorded(crm: Crm) -> None:
    append(crm, [("old", "sales_call", 2 * 24 * 60), ("new", "sales_call", 10)])
    since = crm.get("/v1/calls", since="2026-10-31T12:00:00Z").json["calls"]
    assert [call["lead_id"] for call in since] == ["new"]


@given(cursor=st.text(st.characters(exclude_categories=["Cs"]), max_size=60), path=st.sampled_from(PAGES))
def test_any_other_text_is_422(filled: Crm, cursor: str, path: str) -> None:
    answer = filled.get(path, cursor=cursor)
    assert answer.status_code == 422
    assert "Leave cursor out to begin anew" in answer.json["detail"]["query"]["cursor"][0]


@given(data=st.data())
def test_a_cursor_that_was_changed_is_422(filled: Crm, data: st.DataObject) -> None:
    cursor = filled.get("/v1/leads/L0/events", limit=1).json["next_cursor"]
    place = data.draw(st.integers(0, len(cursor) - 1))
    letter = data.draw(st.sampled_from("abcXYZ019-_."))
    changed = cursor[:place] + letter + cursor[place + 1 :]
    expected = 200 if changed == cursor else 422
    # the last letter of a signature holds bits that say nothing
    if place < len(cursor) - 1:
        assert filled.get("/v1/leads/L0/events", limit=1, cursor=changed).status_code == expected


def test_a_cursor_of_another_question_is_422(filled: Crm) -> None:
    append(filled, [("L9", "sales_call", 1), ("L9", "sales_call", 2), ("L9", "page_view", 2)])
    timeline = filled.get("/v1/leads/L0/events", limit=1).json["next_cursor"]
    feed = filled.get("/v1/calls", limit=1).json["next_cursor"]
    leads = filled.get("/v1/leads", limit=1).json["next_cursor"]
    for path, query in (
        ("/v1/leads/L9/events", {"cursor": timeline}),
        ("/v1/calls", {"cursor": timeline}),
        ("/v1/outcomes", {"cursor": feed}),
        ("/v1/calls", {"cursor": feed, "since": "2026-01-01"}),
        ("/v1/leads", {"cursor": leads, "status": "open"}),
    ):
        assert filled.get(path, **query).status_code == 422, path
    assert filled.get("/v1/leads", cursor=leads).status_code == 200


@pytest.mark.parametrize("limit", ["0", "501", "-1", "many"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_has_one_to_500_rows(filled: Crm, path: str, limit: str) -> None:
    assert filled.get(path, limit=limit).status_code == 422


def test_days_between_do_not_matter(filled: Crm) -> None:
    cursor = filled.get("/v1/leads/L0/events", limit=1).json["next_cursor"]
    filled.clock.now += 400 * DAY
    assert filled.get("/v1/leads/L0/events", cursor=cursor).status_code == 200
    filled.clock.now -= 400 * DAY
