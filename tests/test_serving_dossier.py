"""The dossier: everything known about a lead, and nothing that was not known at its moment."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from serving_world import NOW, FixedModel, Running, World, run

from features.errors import ModelUnavailable
from features.events import DAY, Event, events_table, to_iso
from features.store import Erasures
from model.decision import CallCosts
from serving.addresses import dossier_path
from serving.dossier.assemble import Dossiers, named
from serving.keys import Keys
from serving.registry import Served
from serving.sign_in import SignIn, signing_secret

pytest_plugins = ("serving_fixtures",)

HOUR = DAY // 24


def ask(service: Running, lead: str, **query: str) -> dict[str, Any]:
    answer = service.client.get(f"/v1/leads/{quote(lead, safe='')}/dossier", query_string=query, headers=service.key)
    assert answer.status_code == 200, answer.text
    return answer.get_json()  # type: ignore[no-any-return]


def put(service: Running, *events: Event) -> None:
    service.store.append(events_table(events))


def event(lead: str, kind: str, at: int, *, recorded: int | None = None, **said: Any) -> Event:
    return Event(
        event_id=f"{lead}-{kind}-{at}",
        lead_id=lead,
        type=kind,
        occurred_at=at,
        recorded_at=at if recorded is None else recorded,
        channel=said.pop("channel", None),
        campaign=said.pop("campaign", None),
        bot=said.pop("bot", False),
        properties=said,
    )


def first_with(service: Running, *parts: str) -> dict[str, Any]:
    """The dossier of an open lead that has colleagues, comparable deals."""
    rows = {"colleagues": "leads", "comparable": "deals"}
    dossiers = (ask(service, lead) for lead in service.store.lead_ids(open_only=True))
    return next(answer for answer in dossiers if all(answer[part][rows[part]] for part in parts))


def test_the_score_is_that_of_the_score_endpoint(service: Running, world: World) -> None:
    then = to_iso(NOW - 20 * DAY)
    for lead in (world.open_lead, world.lost_lead):
        score = service.client.get(f"/v1/leads/{lead}/score", query_string={"as_of": then}, headers=service.key)
        assert ask(service, lead, as_of=then)["score"] == score.get_json()


def test_the_answer_is_as_documented(service: Running) -> None:
    from pydantic import TypeAdapter

    from serving.answers import score_model
    from serving.dossier.payloads import dossier_model

    adapter = TypeAdapter(dossier_model(score_model((7, 30, 90))))
    for lead in service.store.lead_ids()[:40]:
        answer = ask(service, lead)
        adapter.validate_python(answer)
        assert set(answer) == set(adapter.json_schema()["properties"])


def test_what_was_read_asked_declared_and_called(own_service: Running) -> None:
    start = NOW - 30 * DAY
    long = "Can we start in January? " * 30
    put(
        own_service,
        event("a", "identify", start, account_id="acme", owner="kim", source="fair"),
        event("a", "page_view", start + HOUR, channel="search_ads", campaign="autumn", path="/pricing", seconds=90),
        event("a", "page_view", start + HOUR + 60_000_000, channel="search_ads", campaign="autumn", path="/pricing"),
        event("a", "page_view", start + 8 * DAY, channel="website", path="/docs/2", minutes=3),
        event("a", "page_view", start + 9 * DAY, channel="website", path="/docs/2", bot=True),
        event("a", "mail_sent", start + 9 * DAY, channel="email", content="mail-1"),
        event("a", "question_asked", start + 10 * DAY, channel="website", form="contact", question=long),
        event("a", "need_declared", start + 11 * DAY, channel="website", need_by="2027-01-10"),
        event("a", "need_declared", start + 12 * DAY, channel="phone", need_by="2027-02-10"),
        event("a", "need_declared", start + 13 * DAY, need_by="soon"),
        event("a", "sales_call", start + 14 * DAY, disposition="too_early", minutes=4, owner="kim", note="after it"),
        event("b", "identify", start, account_id="acme", owner="lee"),
        event("b", "page_view", start + 5 * DAY, path="/security"),
        event("c", "identify", start, account_id="other"),
    )  # fmt: skip
    answer = ask(own_service, "a")
    read = {row["content"]: row for row in answer["read"]}
    assert set(read) == {"/pricing", "/docs/2"}
    assert (read["/pricing"]["times"], read["/pricing"]["minutes"], read["/pricing"]["section"]) == (2, 1.5, "pricing")
    assert (read["/docs/2"]["times"], read["/docs/2"]["minutes"]) == (1, 3)
    (asked,) = answer["asked"]
    assert (asked["form"], asked["channel"]) == ("contact", "website")
    assert 270 < len(asked["text"]) <= 280
    deadline = answer["deadline"]
    assert [(row["need_by"], row["moved_days"], row["source"]) for row in deadline["declared"]] == [
        ("2027-01-10", None, "website"),
        ("2027-02-10", 31, "phone"),
    ]
    assert (deadline["need_by"], deadline["revisions"]) == ("2027-02-10", 1)
    (call,) = answer["calls"]
    assert (call["disposition"], call["minutes"], call["owner"], call["note"]) == (
        "too_early", 4, "kim", "after it",
    )  # fmt: skip
    journey = answer["journey"]
    assert journey["first_touch"]["campaign"] == "autumn"
    assert journey["visits"] == 3, "two page views in a minute are one visit, and what was sent is none"
    assert sum(week["visits"] for week in journey["weeks"]) == 3
    assert {row["channel"]: row["visits"] for row in journey["touches"]} == {"search_ads": 1, "website": 2}
    said = [row["text"] for row in journey["events"]]
    assert said[0] == "Sales call: too early, 4 min, by kim"
    assert "Said it needs the product by 2027-02-10" in said
    assert "Was sent mail-1" in said
    colleagues = answer["colleagues"]
    assert (colleagues["account_id"], colleagues["total"]) == ("acme", 1)
    (colleague,) = colleagues["leads"]
    assert (colleague["lead_id"], colleague["status"], colleague["owner"]) == ("b", "open", "lee")
    assert colleague["read"] == ["/security"]
    assert colleague["last_activity"] == to_iso(start + 5 * DAY)


def test_a_deadline_outside_the_window_is_said_to_contradict_it(service: Running) -> None:
    told = [ask(service, lead) for lead in service.store.lead_ids(open_only=True)[:120]]
    against = [answer for answer in told if answer["deadline"]["contradiction"]]
    assert any(answer["score"]["call_on"] for answer in against)
    for answer in against:
        assert answer["deadline"]["contradiction"] in answer["score"]["reasons"]
        assert answer["deadline"]["need_by"] in answer["deadline"]["contradiction"]


def test_a_deadline_of_a_lead_that_no_call_is_worth_is_told_without_a_window(world: World) -> None:
    dear = replace(world.scorer, costs=CallCosts(wasted_call=1e6))
    service = run(world.url, FixedModel(Served(dear, "7")))
    told = [ask(service, lead) for lead in service.store.lead_ids(open_only=True)[:120]]
    against = [answer for answer in told if answer["deadline"]["contradiction"]]
    assert against
    for answer in against:
        assert answer["score"]["window_start"] is None
        need_by, said = answer["deadline"]["need_by"], answer["deadline"]["contradiction"]
        assert said.startswith(f"Declared deadline {need_by}, but no purchase is expected within 90 days")
        assert said == answer["score"]["reasons"][-1]
    service.store.close()


def test_the_latest_handoff_with_its_number(own_service: Running, world: World) -> None:
    opened = NOW - 3 * DAY
    put(own_service, event(world.open_lead, "handoff", opened, number=9, readiness=71.5, call_on="2026-10-29",
                           owner="kim", held_out=True))  # fmt: skip
    handoff = ask(own_service, world.open_lead)["handoff"]
    assert (handoff["number"], handoff["opened_at"]) == (9, to_iso(opened))
    assert (handoff["readiness"], handoff["call_on"], handoff["owner"], handoff["held_out"]) == (
        71.5, "2026-10-29", "kim", True,
    )  # fmt: skip
    before = ask(own_service, world.open_lead, as_of=to_iso(opened - 1))["handoff"]
    assert before is None or before["number"] != 9


LATER = ("identify", "page_view", "question_asked", "need_declared", "sales_call", "handoff", "lost")


@pytest.mark.parametrize("kind", LATER)
def test_nothing_recorded_later_is_in_it(own_service: Running, world: World, kind: str) -> None:
    """What happened long ago but was recorded after the moment asked about changes no letter of the answer."""
    as_of, lead = NOW - 5 * DAY, world.open_lead
    account = ask(own_service, lead)["colleagues"]["account_id"]
    before = ask(own_service, lead, as_of=to_iso(as_of))
    said = {"question": "now?", "need_by": "2027-03-03", "path": "/new", "disposition": "on_time", "number": 5}
    own = {"previous_id": "visitor", "owner": "new"} if kind == "identify" else said
    put(
        own_service,
        event(lead, kind, as_of - DAY, recorded=as_of + 1, channel="fair", campaign="new", **own),
        event(lead, kind, as_of + 1, **own),
        event("visitor", "page_view", as_of - DAY, path="/visited"),
        event("late colleague", "identify", as_of - DAY, recorded=as_of + 1, account_id=account),
        event("late colleague", "page_view", as_of - DAY, path="/new"),
    )
    assert ask(own_service, lead, as_of=to_iso(as_of)) == before
    assert ask(own_service, lead) != before


def test_no_deal_is_compared_with_that_was_not_won_and_recorded(own_service: Running) -> None:
    answer = first_with(own_service, "comparable")
    for row in answer["comparable"]["deals"]:
        assert row["won_at"] < answer["as_of"]
        assert row["days_from_here"] >= 0
        assert 0.95 <= row["nearer_than"] <= 1
        assert 0 < row["likeness"] <= 1
        assert len(row["read_last"]) <= 3
    lead = answer["lead_id"]
    assert lead not in {row["lead_id"] for row in answer["comparable"]["deals"]}
    for days in (10, 20, 40, 80):
        then = to_iso(NOW - days * DAY)
        if own_service.store.events([lead], known_by=NOW - days * DAY).num_rows:
            assert all(row["won_at"] <= then for row in ask(own_service, lead, as_of=then)["comparable"]["deals"])


def test_purchases_recorded_later_are_not_compared_with(own_service: Running, world: World) -> None:
    """The same log, all of whose purchases were recorded a day too late: there is nothing to compare with."""
    table = own_service.store.events()
    rows = table.to_pylist()
    late = [
        Event(**{**row, "recorded_at": NOW + 1 if row["type"] == "purchased" else row["recorded_at"],
                 "properties": {}, "bot": row["bot"]})
        for row in rows
    ]  # fmt: skip
    other = run(_fresh(own_service), FixedModel(Served(world.scorer, "7")))
    other.store.append(events_table(late))
    lead = first_with(own_service, "comparable")["lead_id"]
    answer = ask(other, lead)
    assert answer["comparable"]["deals"] == []
    assert "no won deal" in answer["comparable"]["reason"]
    other.store.close()


def _fresh(service: Running) -> str:
    return service.store.engine.url.render_as_string().replace("leadtime.db", "late.db")


def test_an_erased_deal_and_an_erased_colleague_are_gone(own_service: Running) -> None:
    answer = first_with(own_service, "comparable")
    deal = answer["comparable"]["deals"][0]["lead_id"]
    Erasures(own_service.store).erase(deal, NOW)
    assert deal not in str(ask(own_service, answer["lead_id"]))
    one = first_with(own_service, "colleagues")
    gone = one["colleagues"]["leads"][0]["lead_id"]
    Erasures(own_service.store).erase(gone, NOW)
    after = ask(own_service, one["lead_id"])
    assert after["colleagues"]["total"] == one["colleagues"]["total"] - 1
    assert gone not in str(after)
    answer = own_service.client.get(f"/v1/leads/{gone}/dossier", headers=own_service.key)
    assert (answer.status_code, answer.get_json()["code"]) == (410, "erased_lead")


def test_a_purchase_loaded_later_for_a_past_day_is_compared_with(own_service: Running, world: World) -> None:
    """What was laid out before a history was loaded is not used after it."""
    dossiers = Dossiers(own_service.store, own_service.app.extensions["leadtime"].settings)
    served = Served(world.scorer, "7")
    first = dossiers.of(world.open_lead, NOW, served)["comparable"]["compared_with"]
    put(
        own_service,
        event("old deal", "page_view", NOW - 290 * DAY),
        event("old deal", "purchased", NOW - 2 * DAY, value=5),
    )
    assert dossiers.of(world.open_lead, NOW, served)["comparable"]["compared_with"] == first + 1


def test_an_alias_has_the_dossier_of_its_lead(own_service: Running, world: World) -> None:
    put(own_service, event(world.open_lead, "identify", NOW - DAY, previous_id="visitor"))
    mine, its = ask(own_service, "visitor"), ask(own_service, world.open_lead)
    assert mine["lead_id"] == world.open_lead
    assert mine["score"]["merged_into"] == world.open_lead
    assert {k: v for k, v in mine.items() if k != "score"} == {k: v for k, v in its.items() if k != "score"}


def test_leads_that_cannot_be_scored_have_one_too(own_service: Running, world: World) -> None:
    put(
        own_service,
        event("only bots", "page_view", NOW - DAY, bot=True),
        event("named", "identify", NOW - DAY, owner="kim"),
    )
    for lead, status in (("only bots", "not_scorable"), ("named", "not_scorable"), (world.lost_lead, "lost")):
        answer = ask(own_service, lead)
        assert answer["score"]["status"] == status
        assert answer["comparable"]["deals"] == []
        assert answer["comparable"]["reason"]
    for unknown in ("nobody", "\x00"):
        answer = own_service.client.get(f"/v1/leads/{quote(unknown)}/dossier", headers=own_service.key)
        assert (answer.status_code, answer.get_json()["code"]) == (404, "unknown_lead")


def test_the_etag_holds_while_nothing_changes(own_service: Running, world: World) -> None:
    path = f"/v1/leads/{world.open_lead}/dossier"
    first = own_service.client.get(path, headers=own_service.key)
    again = {**own_service.key, "If-None-Match": first.headers["ETag"]}
    own_service.clock.now += 1_000_000
    assert own_service.client.get(path, headers=again).status_code == 304
    put(own_service, event(world.open_lead, "page_view", own_service.clock.now, path="/new"))
    assert own_service.client.get(path, headers=again).status_code == 200
    ahead = own_service.client.get(path, query_string={"as_of": "2090-01-01"}, headers=own_service.key)
    assert ahead.status_code == 422


def test_the_audit_log_names_colleagues_and_deals(own_service: Running) -> None:
    answer = first_with(own_service, "colleagues", "comparable")
    service = own_service.app.extensions["leadtime"]
    service.audit.flush()
    assert set(named(answer)) == {
        answer["lead_id"],
        *(row["lead_id"] for row in answer["colleagues"]["leads"]),
        *(row["lead_id"] for row in answer["comparable"]["deals"]),
    }
    noted = [one for _, one in service.audit.read(lead_ids=[answer["lead_id"]], limit=500)]
    assert any(set(named(answer)) <= set(one.lead_ids) for one in noted)


def test_without_a_model_the_rest_is_there(own_service: Running, world: World) -> None:
    answer = Dossiers(own_service.store, own_service.app.extensions["leadtime"].settings).of(world.open_lead, NOW, None)
    assert answer["score"] is None
    assert answer["journey"]["n_events"] > 0
    assert answer["comparable"]["deals"] == []


class _NoModel:
    def current(self) -> Served:
        raise ModelUnavailable("no model was trained yet")

    def refresh(self) -> None:
        """There is never one."""


def test_the_api_needs_a_model(world: World, tmp_path: Any) -> None:
    running = run(f"sqlite:///{tmp_path}/none.db", _NoModel())
    put(running, event("x", "page_view", NOW - DAY))
    assert running.client.get("/v1/leads/x/dossier", headers=running.key).status_code == 503
    running.store.close()


def test_the_page_shows_what_the_api_answers(own_service: Running) -> None:
    from html import unescape

    put(own_service, event("x y", "question_asked", NOW - DAY, question="<b>Now?</b>", form="contact"))
    lead = first_with(own_service, "colleagues", "comparable")["lead_id"]
    answer = ask(own_service, lead)
    text = unescape(_page(own_service, lead))
    assert "Expected cost of a call today" in text
    for row in (*answer["colleagues"]["leads"][:8], *answer["comparable"]["deals"]):
        assert f'<a href="/leads/{row["lead_id"]}">' in text
    for row in answer["read"][:8]:
        assert row["content"] in text
    asked = _page(own_service, "x y")
    assert "&lt;b&gt;Now?" in asked
    assert "<script" not in asked
    assert "style=" not in asked


def _page(service: Running, lead: str) -> str:
    key, _ = Keys(service.store).create("person", ["read"], NOW)
    token = SignIn(signing_secret(service.store, NOW)).token(key.key_id, NOW + HOUR)
    client = service.client
    client.get("/login", query_string={"token": token})
    answer = client.get(f"/leads/{quote(lead, safe='')}")
    assert answer.status_code == 200
    return str(answer.get_data(as_text=True))


def test_the_link_of_a_handoff_leads_to_the_dossier_of_that_moment(own_service: Running) -> None:
    for lead in ("plain", "a/b c?d=1&e#f", "é+%"):
        put(own_service, event(lead, "page_view", NOW - DAY, path="/pricing"))
        answer = own_service.client.get(dossier_path(lead, NOW - HOUR), headers=own_service.key)
        assert answer.status_code == 200
        assert (answer.get_json()["lead_id"], answer.get_json()["as_of"]) == (lead, to_iso(NOW - HOUR))


def test_both_databases_answer_the_same(service: Running, world: World, database_url: str) -> None:
    other = run(database_url, FixedModel(Served(world.scorer, "7")))
    other.store.append(service.store.events())
    lead = first_with(service, "colleagues", "comparable")["lead_id"]
    assert ask(other, lead) == ask(service, lead)
    other.store.close()
