"""A CRM that polls gets 304 while nothing has changed, and the new answer as soon as something has."""

from __future__ import annotations

import pytest
from serving_world import NOW, Running, World

from features.events import DAY, SECOND, Event, events_table
from serving.etags import as_shown

HOUR = 3600 * SECOND

pytest_plugins = ("serving_fixtures",)


def ask(running: Running, path: str, etag: str | None = None):
    headers = running.key if etag is None else running.key | {"If-None-Match": etag}
    return running.client.get(path, headers=headers)


@pytest.mark.parametrize(
    "path",
    ["/v1/leads/{}", "/v1/leads/{}/events?limit=5", "/v1/leads?limit=5", "/v1/calls?limit=5", "/v1/outcomes?limit=5",
     "/v1/leads/{}/score", "/v1/scores?lead_ids={},nobody", "/v1/call-list?limit=5"],
)  # fmt: skip
def test_nothing_new_is_304_without_a_body(service: Running, world: World, path: str) -> None:
    path = path.format(world.open_lead)
    first = ask(service, path)
    assert first.status_code == 200
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert "Authorization" in first.headers["Vary"]
    tag = first.headers["ETag"]
    assert tag.startswith('W/"'), "weak: what counts is the same, not each byte"
    for given in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
        again = ask(service, path, given)
        assert (again.status_code, again.get_data(), again.headers["ETag"]) == (304, b"", tag)
    assert ask(service, path, 'W/"other"').status_code == 200


def test_what_changed_is_answered_anew(own_service: Running, world: World) -> None:
    paths = [f"/v1/leads/{world.open_lead}", f"/v1/leads/{world.open_lead}/events", "/v1/outcomes?limit=500",
             f"/v1/leads/{world.open_lead}/score"]  # fmt: skip
    tags = {path: ask(own_service, path).headers["ETag"] for path in paths}
    other = Event(event_id="o", lead_id="another", type="page_view", occurred_at=NOW - DAY, recorded_at=NOW - DAY)
    own_service.store.append(events_table([other]))
    assert [ask(own_service, path, tag).status_code for path, tag in tags.items()] == [304] * 4
    lost = Event(event_id="l", lead_id=world.open_lead, type="lost", occurred_at=NOW - DAY, recorded_at=NOW)
    own_service.store.append(events_table([lost]))
    assert [ask(own_service, path, tag).status_code for path, tag in tags.items()] == [200] * 4


def test_a_score_as_of_now_is_the_same_while_it_looks_the_same(own_service: Running, world: World) -> None:
    path = f"/v1/leads/{world.open_lead}/score"
    own_service.clock.now += HOUR  # at midnight days change
    first = ask(own_service, path)
    own_service.clock.now += SECOND
    later = ask(own_service, path, first.headers["ETag"])
    assert later.status_code == 304, "a second changes no date and no tenth of a percent"
    own_service.clock.now += 20 * DAY
    much_later = ask(own_service, path, first.headers["ETag"])
    assert much_later.status_code == 200
    assert as_shown(much_later.json) != as_shown(first.json)


def test_another_key_does_not_get_around_its_scope_with_an_etag(service: Running, world: World) -> None:
    tag = ask(service, f"/v1/leads/{world.open_lead}").headers["ETag"]
    answer = service.client.get(f"/v1/leads/{world.open_lead}", headers={"If-None-Match": tag})
    assert answer.status_code == 401


def test_a_lead_of_whom_nothing_but_its_traits_is_known_says_so(own_service: Running) -> None:
    known = [Event(event_id="i", lead_id="N", type="identify", occurred_at=NOW - DAY, recorded_at=NOW - DAY,
                   properties={"source": "fair"})]  # fmt: skip
    own_service.store.append(events_table(known))
    score = ask(own_service, "/v1/leads/N/score").json
    assert (score["status"], score["p_30"], score["model_version"]) == ("not_scorable", None, "7")
    assert score["reason"].startswith("too little data")
    assert "N" not in [lead["lead_id"] for lead in ask(own_service, "/v1/call-list?limit=1000").json["leads"]]
    need = Event(event_id="n", lead_id="N", type="need_declared", occurred_at=NOW - 60, recorded_at=NOW - 60,
                 properties={"need_by": "2026-12-01"})  # fmt: skip
    own_service.store.append(events_table([need]))
    assert ask(own_service, "/v1/leads/N/score").json["status"] == "open"
    past = ask(own_service, "/v1/leads/N/score?as_of=2026-10-31T12:00:00Z").json
    assert past["reason"].startswith("too little data"), "as of then the need was not declared"
