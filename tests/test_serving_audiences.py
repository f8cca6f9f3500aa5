"""Audiences: who is in them, what is given out, to whom, and what never is."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from background_world import process
from flask.testing import FlaskClient
from measurement_log import Log
from serving_world import NOW, NoModel, Running, run

from features.events import DAY, Event, events_table
from features.store import Erasures, Store
from serving.audiences import pages
from serving.keys import Keys
from serving.sign_in import SignIn, signing_secret


def market() -> Log:
    log, start = Log(), NOW - 100 * DAY
    traits: dict[str, Any] = {"email": "Kim@Example.com ", "phone": "+49301234567", "company": "=HYPERLINK(1)"}
    for lead in ("happy", "happy2", "refuses", "grumbles", "silent"):
        log.add(lead, "identify", start, owner="lee", **traits)
        told = {"satisfaction": 3 if lead == "grumbles" else 9} if lead != "silent" else {}
        log.add(lead, "purchased", start + 5 * DAY, **told)
    log.add("refuses", "identify", start + DAY, unsubscribed="True")
    for lead in ("back", "back then lost", "back then again"):
        log.handoff(lead, start)
        log.add(lead, "handoff_rejected", start + DAY, reason="no budget")
    log.add("back then lost", "lost", start + 9 * DAY)
    log.handoff("back then again", start + 30 * DAY, days=90)
    log.handoff("held", start, held_out=True)
    log.handoff("running", NOW - DAY)
    for lead, words in {
        "early": ["too_early", "no_answer"],
        "later fine": ["too_early", "on_time"],
        "called off": ["too_early", "not_a_buyer"],
        "early, handed over": ["too_early"],
    }.items():
        for n, word in enumerate(words):
            log.add(lead, "sales_call", start + n * DAY, "phone", disposition=word)
    log.handoff("early, handed over", NOW - 2 * DAY)
    return log  # fmt: skip


@pytest.fixture
def filled(sqlite_store: Store) -> Iterator[Running]:
    running = run(str(sqlite_store.engine.url), NoModel())
    running.store.append(events_table(market().events))
    yield running
    running.store.close()


def admin_of(running: Running) -> dict[str, str]:
    return {"Authorization": f"Bearer {Keys(running.store).create('ads', ['admin'], NOW)[1]}"}


def ask(running: Running, path: str, **query: object) -> Any:
    answer = running.client.get(f"/v1/audiences{path}", query_string=query, headers=admin_of(running))
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer


def ids(running: Running, name: str, **query: object) -> list[str]:
    return [lead["lead_id"] for lead in ask(running, f"/{name}", **query).json["leads"]]


def test_who_is_in_which_audience(filled: Running) -> None:
    assert ids(filled, "satisfied") == ["happy", "happy2"], "who refuses is in none"
    assert ids(filled, "rejected") == ["back"], "open, and not handed over since"
    assert ids(filled, "lapsed") == ["back", "held"]
    assert ids(filled, "not_now") == ["early"], "the last call that reached the buyer, not handed over since"
    sizes = {one["name"]: one["size"] for one in ask(filled, "").json["audiences"]}
    assert sizes == {"ripening": None, "rejected": 1, "lapsed": 2, "satisfied": 2, "not_now": 1}


def test_what_is_given_out_of_a_lead(filled: Running) -> None:
    lead = ask(filled, "/satisfied").json["leads"][0]
    assert lead["traits"] == {"email": "Kim@Example.com ", "phone": "+49301234567", "firstName": None, "lastName": None,
                              "company": "=HYPERLINK(1)", "country": None}  # fmt: skip
    assert (lead["owner"], lead["readiness"], lead["call_on"]) == ("lee", None, None)
    hashed = ask(filled, "/satisfied", hashed="true").json["leads"][0]["traits"]
    assert hashed["email"] == hashlib.sha256(b"kim@example.com").hexdigest()
    assert hashed["phone"] == hashlib.sha256(b"+49301234567").hexdigest()
    assert (hashed["firstName"], hashed["company"]) == (None, "=HYPERLINK(1)")


def test_a_file_for_ad_platforms_and_mail_tools(filled: Running) -> None:
    answer = ask(filled, "/satisfied", format="csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="satisfied.csv"'
    text = answer.get_data(as_text=True)
    assert text.splitlines()[0] == (
        "lead_id,email,phone,firstName,lastName,company,country,owner,source,account_id,value,"
        "readiness,call_on,window_start,window_end"
    )
    row = next(csv.DictReader(io.StringIO(text, newline="")))
    assert (row["company"], row["phone"], row["email"]) == ("'=HYPERLINK(1)", "+49301234567", "Kim@Example.com")


def test_pages_go_on_where_the_one_before_ended(filled: Running) -> None:
    first = ask(filled, "/satisfied", limit=1)
    assert (first.json["size"], [lead["lead_id"] for lead in first.json["leads"]]) == (2, ["happy"])
    cursor = first.json["next_cursor"]
    second = ask(filled, "/satisfied", limit=1, cursor=cursor).json
    assert ([lead["lead_id"] for lead in second["leads"]], second["next_cursor"]) == (["happy2"], None)
    assert ask(filled, "/satisfied", limit=1, format="csv").headers["X-Next-Cursor"] == cursor
    other = filled.client.get(f"/v1/audiences/lapsed?cursor={cursor}", headers=admin_of(filled))
    assert other.status_code == 422


def test_every_lead_given_out_is_in_the_audit_log(filled: Running) -> None:
    ask(filled, "/satisfied", format="csv")
    found = filled.client.get("/v1/audit?lead_id=happy2", headers=admin_of(filled)).json["entries"]
    assert [(one["action"], one["lead_ids"]) for one in found] == [
        ("GET /v1/audiences/{audience}", ["happy", "happy2"])
    ]


def test_an_erased_lead_is_in_no_audience_at_once(filled: Running) -> None:
    assert ids(filled, "satisfied") == ["happy", "happy2"]
    Erasures(filled.store).erase("happy", NOW)
    assert ids(filled, "satisfied") == ["happy2"]


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/everybody", 404, "expected an audience (ripening, rejected,"),
        ("/satisfied?days=3", 422, "days: expected only for the audience ripening"),
        ("/ripening?days=0", 422, "days: "),
        ("/lapsed?limit=1001", 422, "limit: "),
        ("/lapsed?owner=kim", 422, "owner: unknown field"),
        ("/lapsed?cursor=x", 422, "cursor: "),
        ("/ripening", 503, "expected scores of the open leads"),
    ],
)
def test_what_cannot_be_asked_is_refused(filled: Running, path: str, status: int, said: str) -> None:
    answer = filled.client.get(f"/v1/audiences{path}", headers=admin_of(filled))
    assert (answer.status_code, set(answer.json)) == (status, {"code", "message", "detail"})
    assert answer.json["message"].startswith(said)


def test_a_key_that_may_read_may_not_take_an_audience(filled: Running) -> None:
    for path in ("", "/satisfied"):
        assert filled.client.get(f"/v1/audiences{path}", headers=filled.key).status_code == 403
        assert filled.client.get(f"/v1/audiences{path}").status_code == 401


def browser(running: Running, scope: str) -> FlaskClient:
    """Signed in with a key of this scope."""
    client = running.app.test_client()
    key, _ = Keys(running.store).create("person", [scope], NOW)
    token = SignIn(signing_secret(running.store, NOW)).token(key.key_id, running.clock() + DAY)
    client.get("/login", query_string={"token": token, "next": "/"})
    return client


def test_the_page_shows_sizes_to_all_and_gives_files_to_admins(filled: Running, monkeypatch: Any) -> None:
    reader = browser(filled, "read")
    text = reader.get("/audiences").get_data(as_text=True)
    assert "no scores yet" in text
    assert "/audiences/satisfied" not in text
    assert reader.get("/audiences/satisfied").status_code == 403
    assert filled.app.test_client().get("/audiences/satisfied").status_code == 302
    monkeypatch.setattr(pages, "MAX_NAMED", 1)
    admin = browser(filled, "admin")
    text = admin.get("/audiences").get_data(as_text=True)
    links = [link.replace("&amp;", "&") for link in re.findall(r'href="(/audiences/satisfied[^"]*)"', text)]
    given = [admin.get(link, query_string=None).get_data(as_text=True).splitlines()[1:] for link in links]
    assert [[line.split(",")[0] for line in lines] for lines in given] == [["happy", "happy2"], ["happy2"]]
    assert admin.get("/audiences/satisfied?format=xlsx").status_code == 422
    assert admin.get("/audiences/nobody").status_code == 404
    entries = filled.client.get("/v1/audit?lead_id=happy2", headers=admin_of(filled)).json["entries"]
    assert {(one["via"], one["action"]) for one in entries} == {("session", "GET /audiences/{audience}")}


def test_ripening_are_those_whose_window_opens_soon(store: Store) -> None:
    one = process(store)
    now, today = one.clock.now, one.today()
    seen = {"type": "page_view", "occurred_at": now - DAY, "recorded_at": now - DAY}
    when = {"today": 0, "soon": 5, "later": 29, "far": 31, "lost": 5, "never": None}
    one.append([Event(event_id=lead, lead_id=lead, **seen) for lead in when])
    for lead, days in when.items():
        one.models.scorer.call_on[lead] = None if days is None else type(today).fromordinal(today.toordinal() + days)
    one.refresh()
    running = run(store.engine.url.render_as_string(hide_password=False), NoModel())
    running.clock.now = now
    store.append(events_table([Event(event_id="end", lead_id="lost", **{**seen, "type": "lost"})]))
    assert ids(running, "ripening") == ["later", "soon"]
    assert ids(running, "ripening", days=5) == ["soon"]
    assert ids(running, "ripening", days=31) == ["far", "later", "soon"]
    lead = ask(running, "/ripening", days=5).json["leads"][0]
    assert (lead["readiness"], lead["call_on"]) == (50.0, type(today).fromordinal(today.toordinal() + 5).isoformat())
    assert ask(running, "").json["audiences"][0]["size"] == 2
    running.store.close()


def test_which_traits_are_given_out_is_a_setting(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"AUDIENCE_TRAITS": '["mail", "owner"]', "AUDIENCE_REFUSALS": "[]", "SATISFIED_FROM": "3"}
    for name, value in given.items():
        monkeypatch.setenv(f"LEADTIME_MEASUREMENT__{name}", value)
    running = run(str(sqlite_store.engine.url), NoModel())
    running.store.append(events_table(market().events))
    assert ids(running, "satisfied") == ["grumbles", "happy", "happy2", "refuses"]
    header = ask(running, "/satisfied", format="csv").get_data(as_text=True).splitlines()[0]
    assert header.startswith("lead_id,mail,owner,source,")
    running.store.close()
