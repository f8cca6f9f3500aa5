"""Scores of posted histories: nothing is stored, what is wrong is named by its field."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from serving_world import NOW, Running, World

from features.builder import Requests
from features.events import DAY, Event, events_table, parse_time, to_iso
from features.history import History
from serving.answers import score_model
from serving.payloads import PostedHistory

pytest_plugins = ("serving_fixtures",)

CREATED = "2026-08-01T09:00:00Z"


def history(lead_id: str = "P1", **changes: Any) -> dict[str, Any]:
    return {
        "lead": {"lead_id": lead_id, "created_at": CREATED, "source": "webinar", "value": 9000,
                 "need_by": "2026-12-01"},
        "events": [
            {"type": "page_view", "timestamp": "2026-10-20T10:00:00Z", "channel": "search",
             "properties": {"content": "/pricing"}},
            {"type": "trial_started", "timestamp": "2026-10-28"},
        ],
        **changes,
    }  # fmt: skip


def event(**changes: Any) -> dict[str, Any]:
    return {"type": "page_view", "timestamp": "2026-10-20", **changes}


def test_a_posted_history_scores_as_the_same_history_stored(post, own_service: Running) -> None:
    stored = [
        Event(event_id="1", lead_id="P1", type="identify", occurred_at=parse_time(CREATED),
              recorded_at=parse_time(CREATED), properties={"source": "webinar", "value": 9000.0}),
        Event(event_id="2", lead_id="P1", type="need_declared", occurred_at=parse_time(CREATED),
              recorded_at=parse_time(CREATED), properties={"need_by": "2026-12-01"}),
        Event(event_id="3", lead_id="P1", type="page_view", occurred_at=parse_time("2026-10-20T10:00:00Z"),
              recorded_at=parse_time("2026-10-20T10:00:00Z"), channel="search", properties={"content": "/pricing"}),
        Event(event_id="4", lead_id="P1", type="trial_started", occurred_at=parse_time("2026-10-28"),
              recorded_at=parse_time("2026-10-28")),
    ]  # fmt: skip
    own_service.store.append(events_table(stored))
    expected = own_service.client.get("/v1/leads/P1/score?curve=true", headers=own_service.key).json
    status, answer = post("/v1/score", {**history(), "curve": True})
    assert status == 200
    assert answer == expected
    score_model((7, 30, 90)).model_validate(answer)


def test_posting_stores_nothing(post, service: Running) -> None:
    before = service.store.position()
    assert post("/v1/score", history())[0] == 200
    assert service.store.position() == before


def test_a_past_as_of_sees_only_what_was_recorded_by_then(post) -> None:
    past = "2026-10-25T00:00:00Z"
    full = history(
        events=[event(), event(timestamp="2026-10-28"), event(timestamp="2026-10-24", recorded_at="2026-10-26")]
    )
    _, known = post("/v1/score", {**history(events=[event()]), "as_of": past})
    _, answer = post("/v1/score", {**full, "as_of": past})
    assert answer == known


def test_equal_events_without_ids_count_each_as_rows_of_a_table_do() -> None:
    body = PostedHistory.model_validate(history(events=[event(), event(), event(event_id="a"), event(event_id="a")]))
    posted = History.from_events(body.to_events("P1", None))
    assert posted.n_events == 2 + 2 + 1  # lead and need, the two without an id, the one of the id


def test_a_deadline_is_a_date_as_in_the_tables() -> None:
    declared = event(type="need_declared", properties={"need_by": "2026-12-01T23:30:00-02:00"})
    events = PostedHistory.model_validate(history(events=[declared])).to_events("P1", None)
    assert {e.properties["need_by"] for e in events if e.type == "need_declared"} == {"2026-12-01", "2026-12-02"}


def test_the_same_event_twice_counts_once(post) -> None:
    once = history(events=[event(event_id="a"), event(event_id="b")])
    twice = history(events=[event(event_id="a"), event(event_id="b"), event(event_id="a")])
    assert post("/v1/score", once) == post("/v1/score", twice)


@pytest.mark.parametrize("kind", ["purchased", "lost"])
def test_a_posted_history_that_ended_says_so(post, kind: str) -> None:
    status, answer = post("/v1/score", history(events=[event(), event(type=kind, timestamp="2026-10-30")]))
    assert (status, answer["status"], answer["p_30"]) == (200, kind, None)
    assert "2026-10-30" in answer["reason"]


def test_the_same_ending_twice_is_one(post) -> None:
    ending = event(type="lost", timestamp="2026-10-30")
    status, answer = post("/v1/score", history(events=[ending, {**ending, "properties": {"satisfaction": 3}}]))
    assert (status, answer["status"]) == (200, "lost")


def test_what_bots_did_does_not_count(post) -> None:
    bots = [event(bot=True), event(type="purchased", timestamp="2026-10-21", bot=True)]
    _, without = post("/v1/score", history(events=[event()]))
    status, answer = post("/v1/score", history(events=[event(), *bots]))
    assert (status, answer["status"]) == (200, "open")
    assert answer == without


BAD = {
    "no event": (history(events=[]), "events", "at least one event"),
    "no lead": ({"events": [event()]}, "lead", "Field required"),
    "no lead id": (history(lead={}), "lead.lead_id", "Field required"),
    "empty lead id": (history(lead={"lead_id": ""}), "lead.lead_id", "at least 1 character"),
    "control character": (history(lead={"lead_id": "a\x00"}), "lead.lead_id", "control characters"),
    "unknown field": ({**history(), "foo": 1}, "foo", "unknown field"),
    "unknown field of the lead": (history(lead={"lead_id": "x", "colour": 1}), "lead.colour", "unknown field"),
    "unknown field of an event": (history(events=[event(foo=1)]), "events.0.foo", "unknown field"),
    "negative value": (history(lead={"lead_id": "x", "value": -1}), "lead.value", "greater than or equal to 0"),
    "no type": (history(events=[{"timestamp": "2026-10-20"}]), "events.0.type", "Field required"),
    "time in words": (history(events=[event(), event(timestamp="last week")]), "events.1.timestamp", "ISO 8601"),
    "time as a number": (history(events=[event(timestamp=1761955200)]), "events.0.timestamp", "ISO 8601"),
    "no such day": (history(events=[event(timestamp="2026-02-30")]), "events.0.timestamp", "ISO 8601"),
    "before 1900": (history(events=[event(timestamp="0020-01-01")]), "events.0.timestamp", "from 1900"),
    "far future": (history(events=[event(timestamp="2062-10-20")]), "events.0.timestamp", "has come"),
    "recorded in the future": (history(events=[event(recorded_at="2062-10-20")]), "events.0.recorded_at", "has come"),
    "created in the future": (
        history(lead={"lead_id": "x", "created_at": "2062-10-20"}), "lead.created_at", "has come",
    ),
    "two endings": (
        history(events=[event(type="lost"), event(type="purchased", timestamp="2026-10-21")]),
        "events.1.type", "expected one ending",
    ),
    "ending before creation": (
        history(events=[event(type="lost", timestamp="2026-07-01")]), "events.0.timestamp", "after the lead's creation",
    ),
    "ending worth less than nothing": (
        history(events=[event(type="purchased", properties={"value": -5})]), "events.0.properties.value", "at least 0",
    ),
    "satisfaction out of range": (
        history(events=[event(type="lost", properties={"satisfaction": 11})]),
        "events.0.properties.satisfaction", "from 0 to 10",
    ),
    "deadline that is no date": (
        history(events=[event(type="need_declared", properties={"need_by": "soon"})]),
        "events.0.properties.need_by", "ISO 8601",
    ),
    "deadline in a far future": (
        history(lead={"lead_id": "x", "need_by": "2126-12-01"}), "lead.need_by", "at most 50 years ahead",
    ),
    "declared deadline in a far future": (
        history(events=[event(type="need_declared", properties={"need_by": "2126-12-01"})]),
        "events.0.properties.need_by", "at most 50 years ahead",
    ),
    "negative minutes": (
        history(events=[event(type="sales_call", properties={"minutes": -1})]),
        "events.0.properties.minutes", "at least 0",
    ),
    "as of in the future": ({**history(), "as_of": "2026-12-01"}, "as_of", "has come"),
    "as of unparsable": ({**history(), "as_of": "now"}, "as_of", "ISO 8601"),
    "curve in words": ({**history(), "curve": "maybe"}, "curve", "boolean"),
    "a list": ([history()], "body", "valid dictionary"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_is_422_with_its_field(post, case: str) -> None:
    body, field, said = BAD[case]
    status, answer = post("/v1/score", body)
    assert status == 422, answer
    assert answer["code"] == "invalid"
    assert said in "; ".join(answer["detail"]["json"][field])
    assert said in answer["message"]


def test_many_histories_are_scored_as_if_each_came_alone(post) -> None:
    histories = [
        history("A"),
        history("A", events=[event(type="webinar_attended")]),
        # colleagues in one request do not see each other
        history("B", lead={"lead_id": "B", "account_id": "same", "created_at": CREATED}),
        history("C", lead={"lead_id": "C", "account_id": "same", "created_at": CREATED}),
    ]
    status, answer = post("/v1/scores", {"histories": histories})
    assert status == 200
    assert answer["scores"] == [post("/v1/score", one)[1] for one in histories]


def test_a_bad_history_does_not_spoil_the_others(post) -> None:
    bad = [body for body, _, _ in (BAD[case] for case in ("no event", "far future", "two endings", "no lead"))]
    status, answer = post("/v1/scores", {"histories": [history("A"), *bad, history("B")]})
    assert status == 200
    assert [score["status"] for score in answer["scores"]] == ["open", *["invalid"] * 4, "open"]
    assert answer["scores"][0] == post("/v1/score", history("A"))[1]
    wrong = answer["scores"][2]
    assert wrong["lead_id"] == "P1"
    assert wrong["error"]["code"] == "invalid"
    assert "events.0.timestamp" in wrong["error"]["detail"]["json"]
    for score in answer["scores"]:
        score_model((7, 30, 90)).model_validate(score)


@pytest.mark.parametrize("histories", [[], [history()] * 501, "x", None, [1]])
def test_histories_that_are_no_list_of_1_to_500_are_422(post, histories: object) -> None:
    assert post("/v1/scores", {"histories": histories})[0] == 422


def test_a_real_lead_posted_scores_as_it_is_stored(post, get, service: Running) -> None:
    """The history of a simulated lead, sent as its tables would be."""
    import orjson

    # one without colleagues, whom a posted history cannot know
    alone = next(lead for lead in service.store.lead_ids(open_only=True) if service.store.history([lead]).n_leads == 1)
    rows = service.store.events([alone]).to_pylist()
    created = next(row for row in rows if row["type"] == "identify")
    traits = orjson.loads(created["properties"])
    lead = {name: traits.pop(name) for name in ("source", "owner", "value", "account_id") if name in traits}
    body = {
        "lead": {**lead, "lead_id": alone, "attributes": traits,
                 "created_at": to_iso(created["occurred_at"])},
        "events": [
            {
                "event_id": row["event_id"], "type": row["type"], "timestamp": to_iso(row["occurred_at"]),
                "recorded_at": to_iso(row["recorded_at"]), "channel": row["channel"], "campaign": row["campaign"],
                "bot": row["bot"], "properties": orjson.loads(row["properties"]),
            }
            for row in rows
            if row is not created
        ],
    }  # fmt: skip
    assert post("/v1/score", body)[1] == get(f"/v1/leads/{alone}/score")[1]


@pytest.mark.parametrize("depth", [40, 255, 900])
@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_deep_nesting_is_refused(service: Running, depth: int, opening: str) -> None:
    """Python, Pydantic and orjson each stop at a depth of their own."""
    deep = opening * depth + "1" + ("]" if opening == "[" else "}") * depth
    one = f'{{"lead":{{"lead_id":"x"}},"events":[{{"type":"a","timestamp":"2026-10-01","properties":{{"p":{deep}}}}}]}}'
    headers = {**service.key, "Content-Type": "application/json"}
    answer = service.client.post("/v1/score", data=one, headers=headers)
    assert answer.status_code == 422
    assert "at most 31 deep" in answer.json["detail"]["json"]["events.0.properties"][0]
    answer = service.client.post("/v1/scores", data=f'{{"histories":[{one}]}}', headers=headers)
    assert answer.json["scores"][0]["status"] == "invalid"
    assert "at most 31 deep" in answer.json["scores"][0]["reason"]


def test_flags_in_json_are_booleans_and_nothing_like_them(post) -> None:
    assert post("/v1/score", {**history(), "curve": 1})[0] == 422
    assert post("/v1/score", history(events=[event(bot="yes")]))[0] == 422


def test_the_scorer_itself_agrees(world: World, service: Running) -> None:
    """The row that a request scores is the one of the batch, to the bit."""
    history_of_all = service.store.history()
    leads = list(history_of_all.lead_ids[:50])
    batch = world.scorer.score(history_of_all, Requests(leads, np.full(len(leads), NOW - 40 * DAY)))
    single = world.scorer.score(service.store.history([leads[7]]), Requests([leads[7]], np.array([NOW - 40 * DAY])))
    assert single.iloc[0].to_dict() == batch.iloc[7].to_dict()
