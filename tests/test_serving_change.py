"""What changed about a lead: parts that add up."""

from __future__ import annotations

import shutil
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from serving_world import NOW, FixedModel, Running, World, run

from features.events import DAY, Event, events_table, to_iso
from model.readiness import Readiness
from serving.keys import Keys
from serving.registry import Served
from serving.sign_in import SignIn, signing_secret

pytest_plugins = ("serving_fixtures",)


def ask(service: Running, lead: str, **query: str) -> dict[str, Any]:
    answer = service.client.get(f"/v1/leads/{lead}/change", query_string=query, headers=service.key)
    assert answer.status_code == 200, answer.text
    return answer.get_json()  # type: ignore[no-any-return]


def add_up(answer: dict[str, Any]) -> None:
    exact = [Decimal(str(part["readiness"])) for part in answer["parts"]]
    assert sum(exact) == Decimal(str(answer["change"]["readiness"]))
    assert Decimal(str(answer["now"]["readiness"])) - Decimal(str(answer["before"]["readiness"])) == sum(exact)
    assert sum(part["days"] for part in answer["parts"]) == answer["change"]["days"]


@pytest.mark.parametrize("days", [1, 7, 45])
def test_the_parts_add_up_for_every_lead(service: Running, world: World, days: int) -> None:
    leads = service.store.lead_ids(open_only=True)[:40]
    compared = [ask(service, lead, since=to_iso(NOW - days * DAY)) for lead in leads]
    good = [answer for answer in compared if answer["comparable"]]
    assert good
    for answer in good:
        add_up(answer)
        assert [part["part"] for part in answer["parts"]] == ["time", "events", "model"]
        assert answer["parts"][2]["readiness"] == 0
        if not answer["new_events"] and "colleagues" not in answer["parts"][1]["text"]:
            assert (answer["parts"][1]["readiness"], answer["parts"][1]["days"]) == (0, 0)


def test_both_ends_are_the_scores_of_their_moments(service: Running, world: World) -> None:
    then = to_iso(NOW - 10 * DAY)
    answer = ask(service, world.open_lead, since=then)
    for end, query in (("before", {"as_of": then}), ("now", {})):
        score = service.client.get(
            f"/v1/leads/{world.open_lead}/score", query_string=query, headers=service.key
        ).get_json()
        assert answer[end]["readiness"] == pytest.approx(score["readiness"], abs=0.0051)
        assert answer[end]["call_on"] == score["call_on"]


def test_new_events_are_told_and_move_their_part_alone(own_service: Running) -> None:
    since = own_service.clock.now
    own_service.clock.now += 1
    leads = own_service.store.lead_ids(open_only=True)[:20]
    events = [
        Event(event_id=f"{lead}-{i}", lead_id=lead, type="trial_started", occurred_at=since + 1, recorded_at=since + 1,
              properties={"content": "trial"})
        for lead in leads for i in range(6)
    ]  # fmt: skip
    own_service.store.append(events_table(events))
    answers = [ask(own_service, lead, since=to_iso(since)) for lead in leads]
    good = [answer for answer in answers if answer["comparable"]]
    for answer in good:
        add_up(answer)
        assert answer["new_events"] == 6
        assert answer["parts"][1]["text"].startswith("6 new events: 6 trial started")
    assert any(answer["parts"][1]["readiness"] != 0 for answer in good)


class TwoModels(FixedModel):
    """A model that came after another, which is still at hand."""

    before: Served | None = None


def test_a_new_model_is_a_part_of_its_own(world: World, tmp_path: Path) -> None:
    flat = replace(world.scorer, version="8", readiness=Readiness((0.0, 1.0), (10.0, 10.0)))
    models = TwoModels(Served(flat, "8", NOW - DAY // 2))
    object.__setattr__(models, "before", Served(world.scorer, "7", NOW - 30 * DAY))
    service = run(f"sqlite:///{shutil.copy(world.file, tmp_path)}", models)
    answer = ask(service, world.open_lead)
    add_up(answer)
    assert (answer["before"]["model_version"], answer["now"]["model_version"]) == ("7", "8")
    assert answer["now"]["readiness"] == 10
    assert "version 8 in place of 7" in answer["parts"][2]["text"]
    assert answer["parts"][2]["readiness"] != 0
    object.__setattr__(models, "before", None)
    gone = ask(service, world.open_lead)
    add_up(gone)
    assert "not at hand" in gone["parts"][2]["text"]
    assert gone["before"]["model_version"] == "8"
    service.store.close()


def test_a_lead_without_a_score_then_or_now_says_why(service: Running, world: World) -> None:
    ended = ask(service, world.lost_lead)
    assert not ended["comparable"]
    assert "was lost" in ended["reason"]
    unseen = ask(service, world.open_lead, since="2001-01-01")
    assert "no event" in unseen["reason"]
    assert unseen["parts"] == []


def test_a_time_to_come_and_an_unknown_lead_are_refused(service: Running, world: World) -> None:
    later = service.client.get(
        f"/v1/leads/{world.open_lead}/change", query_string={"since": "2099-01-01"}, headers=service.key
    )
    assert later.status_code == 422
    assert "before now" in later.text
    assert service.client.get("/v1/leads/nobody/change", headers=service.key).status_code == 404


def test_the_page_of_a_lead_tells_what_changed_since_yesterday(own_service: Running, world: World) -> None:
    key, text = Keys(own_service.store).create("person", ["read"], NOW)
    client = own_service.client
    token = SignIn(signing_secret(own_service.store, NOW)).token(key.key_id, NOW + DAY)
    client.get("/login", query_string={"token": token})
    page = client.get(f"/leads/{world.open_lead}").get_data(as_text=True)
    assert text not in page
    assert "Since yesterday" in page
    assert "1 day passed: readiness" in page
    assert "The same model: readiness +0.0, best day the same" in page


def test_no_time_passed_is_no_change(own_service: Running) -> None:
    """Deadlines and landmarks lie at midnight, as the refresh of scores does: nothing jumps there within a moment."""
    since = own_service.clock.now
    assert since % DAY == 0
    own_service.clock.now += 1
    answers = [ask(own_service, lead, since=to_iso(since)) for lead in own_service.store.lead_ids(open_only=True)[:120]]
    moved = [answer["parts"][0]["readiness"] for answer in answers if answer["comparable"]]
    assert len(moved) > 60
    assert max(map(abs, moved)) <= 0.1
