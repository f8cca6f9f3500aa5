"""Scores of stored leads: as of now, as of a past time, one and many."""

from __future__ import annotations

import pytest
from serving_world import NOW, Running, World

from features.builder import Requests
from features.events import DAY, Event, events_table, to_iso
from serving.answers import score_model

pytest_plugins = ("serving_fixtures",)


def test_a_stored_lead_has_the_scores_of_the_scorer(get, service: Running, world: World) -> None:
    status, answer = get(f"/v1/leads/{world.open_lead}/score")
    assert status == 200
    score_model((7, 30, 90)).model_validate(answer)
    import numpy as np

    frame = world.scorer.score(
        service.store.history(), Requests([world.open_lead], np.array([NOW], dtype=np.int64))
    ).iloc[0]
    assert answer["status"] == "open"
    assert answer["as_of"] == "2026-11-01T00:00:00Z"
    for name in ("readiness", "p_7", "p_30", "p_90", "p_lost_90", "priority", "window_coverage"):
        assert answer[name] == pytest.approx(frame[name], rel=1e-12)
    assert answer["reasons"] == frame["reasons"]
    assert answer["call_on"] == (frame["call_on"].isoformat() if frame["call_on"] else None)
    assert answer["model_version"] == "7"


def test_a_past_score_sees_nothing_that_came_later(own_service: Running, world: World) -> None:
    past = NOW - 30 * DAY
    path = f"/v1/leads/{world.open_lead}/score?as_of={to_iso(past)}"
    before = own_service.client.get(path, headers=own_service.key).json
    later = [
        Event(event_id="late-1", lead_id=world.open_lead, type="page_view", occurred_at=past + 1, recorded_at=past + 1),
        # happened before, but nobody knew of it yet
        Event(event_id="late-2", lead_id=world.open_lead, type="lost", occurred_at=past - 1, recorded_at=past + 1),
    ]
    own_service.store.append(events_table(later))
    assert own_service.client.get(path, headers=own_service.key).json == before
    now = own_service.client.get(f"/v1/leads/{world.open_lead}/score", headers=own_service.key).json
    assert now["status"] == "lost"


def test_an_ended_lead_says_so(get, world: World) -> None:
    status, answer = get(f"/v1/leads/{world.lost_lead}/score")
    assert (status, answer["status"]) == (200, "lost")
    assert "was lost on 2026-" in answer["reason"]
    assert answer["p_30"] is None
    assert answer["reasons"] == []
    score_model((7, 30, 90)).model_validate(answer)


def test_a_lead_before_its_first_event_says_so(get, world: World) -> None:
    status, answer = get(f"/v1/leads/{world.open_lead}/score", as_of="2020-01-01")
    assert (status, answer["status"]) == (200, "not_scorable")
    assert answer["reason"] == "no event of this lead was known at this time"


def test_a_lead_of_bots_only_says_so(own_service: Running) -> None:
    event = Event(event_id="b", lead_id="robot", type="page_view", occurred_at=NOW - DAY, recorded_at=NOW, bot=True)
    own_service.store.append(events_table([event]))
    answer = own_service.client.get("/v1/leads/robot/score", headers=own_service.key)
    assert (answer.status_code, answer.json["status"]) == (200, "not_scorable")
    assert "bots" in answer.json["reason"]


@pytest.mark.parametrize("lead_id", ["nobody", "a/b", "%00", "%F0%9F%92%A1", "x" * 3000])
def test_an_unknown_lead_is_404(get, lead_id: str) -> None:
    status, answer = get(f"/v1/leads/{lead_id}/score")
    assert status == 404
    assert answer["code"] == "unknown_lead"
    assert "send its history first" in answer["message"]


@pytest.mark.parametrize("lead_id", ["a/b", "/a", "a//b", "a/", "ü ö", "50%", "a,b", "?#"])
def test_a_lead_can_have_any_name(own_service: Running, lead_id: str) -> None:
    from urllib.parse import quote

    event = Event(event_id="e", lead_id=lead_id, type="page_view", occurred_at=NOW - DAY, recorded_at=NOW - DAY)
    own_service.store.append(events_table([event]))
    answer = own_service.client.get(f"/v1/leads/{quote(lead_id, safe='')}/score", headers=own_service.key)
    assert answer.status_code == 200
    assert answer.json["lead_id"] == lead_id


@pytest.mark.parametrize(
    ("as_of", "said"),
    [("yesterday", "ISO 8601"), ("1761955200", "ISO 8601"), ("2026-11-02", "has come"), ("9999-12-31", "has come"),
     ("0001-01-01", "1900"), ("", "ISO 8601"), ("2026-02-30", "ISO 8601")],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/v1/leads/{lead}/score", "/v1/scores?lead_ids={lead}", "/v1/call-list"])
def test_a_time_that_cannot_be_used_is_422(service: Running, world: World, path: str, as_of: str, said: str) -> None:
    path = path.format(lead=world.open_lead)
    answer = service.client.get(path + ("&" if "?" in path else "?") + f"as_of={as_of}", headers=service.key)
    assert answer.status_code == 422
    assert answer.json["code"] == "invalid"
    assert said in answer.json["detail"]["query"]["as_of"][0]


def test_the_curve_comes_on_request(get, world: World) -> None:
    _, answer = get(f"/v1/leads/{world.open_lead}/score", curve="true")
    curve = answer["curve"]
    assert curve["days"][0] == 0
    assert curve["days"][-1] >= 90
    assert curve["purchased"] == sorted(curve["purchased"])
    assert max(p + q for p, q in zip(curve["purchased"], curve["lost"], strict=True)) <= 1 + 1e-9
    import numpy as np

    assert np.interp(30, curve["days"], curve["purchased"]) == pytest.approx(answer["p_30"])
    assert "curve" not in get(f"/v1/leads/{world.open_lead}/score")[1]


def test_many_leads_come_in_the_order_asked(get, world: World) -> None:
    wanted = ["nobody", world.lost_lead, world.open_lead, "nobody"]
    status, answer = get("/v1/scores", lead_ids=",".join(wanted))
    assert status == 200
    assert [score["lead_id"] for score in answer["scores"]] == wanted[:3]
    assert [score["status"] for score in answer["scores"]] == ["unknown", "lost", "open"]
    assert answer["scores"][2] == get(f"/v1/leads/{world.open_lead}/score")[1]


@pytest.mark.parametrize("lead_ids", ["", ",", ",".join(f"L{i}" for i in range(501)), "a\x00b"])
def test_lead_ids_that_cannot_be_used_are_422(get, lead_ids: str) -> None:
    status, answer = get("/v1/scores", lead_ids=lead_ids)
    assert status == 422
    assert "lead_ids" in answer["detail"]["query"]
