"""The reports as JSON, as CSV and as pages: what they are made of, what they refuse, what they never show."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from background_world import page_view, process
from measurement_log import HOUR, Log
from serving_world import NOW, NoModel, Running, run
from test_serving_pages import sign_in

from features.events import DAY, Event, events_table, to_datetime
from features.settings import Settings
from features.store import Erasures, Store
from features.store.schema import SPEND_SCHEMA
from model.measurement.attribution import MODELS
from model.measurement.period import Period
from serving.measurement.columns import MODEL_NAMES
from serving.measurement.inputs import REUSED, Inputs
from serving.measurement.pages import PAGES
from serving.measurement.payloads import PeriodQuery, SplitQuery
from serving.measurement.reports import Reports
from serving.measurement.tables import cell, to_csv

START = NOW - 120 * DAY
FILLED = sorted(set(PAGES) - {"satisfied", "lift"})  # which need more: test_serving_feedback.py, test_serving_lift.py
Ask = Callable[..., Any]


def market() -> Log:
    """Three purchases: through ads and handed over ripe, called by sales first, and by itself; and one lead lost."""
    log = Log()
    log.add("ripe", "form_submitted", START, "ads", "spring")
    log.add("ripe", "identify", START, industry="=1+1", account_id="A", owner="kim")
    log.add("ripe", "page_view", START + 5 * DAY, "webinar")
    log.handoff("ripe", START + 10 * DAY)
    log.add("ripe", "sales_call", START + 10 * DAY + 6 * HOUR, "phone", minutes=20, owner="kim")
    log.add("ripe", "purchased", START + 15 * DAY, value=1000.1, satisfaction=10)
    log.add("called", "sales_call", START, "phone", minutes=5, owner="@lee")
    log.add("called", "page_view", START + DAY, "direct")
    log.add("called", "page_view", START + 2 * DAY, "ads", "spring")
    log.handoff("called", START + 3 * DAY, owner="@lee")
    log.add("called", "purchased", START + 40 * DAY, value=500)
    log.add("alone", "page_view", START, "direct")
    log.add("alone", "purchased", START + 50 * DAY)
    log.add("lost", "page_view", START, "webinar")
    log.add("lost", "lost", START + 50 * DAY)
    return log


def spend(*rows: tuple[str, str | None, int, float]) -> pa.Table:
    names = ("channel", "campaign", "date", "amount", "recorded_at", "properties")
    given = [(channel, campaign, to_datetime(at).date(), amount, at, "{}") for channel, campaign, at, amount in rows]
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in given], schema=SPEND_SCHEMA)


@pytest.fixture
def empty_service(sqlite_store: Store) -> Iterator[Running]:
    """Reports need no model."""
    running = run(str(sqlite_store.engine.url), NoModel())
    yield running
    running.store.close()


@pytest.fixture
def filled(empty_service: Running) -> Running:
    empty_service.store.append(events_table(market().events))
    empty_service.store.append_spend(spend(("ads", "spring", START, 100.1), ("ads", None, START + 40 * DAY, 50),
                                           ("radio", None, START, 30)))  # fmt: skip
    return empty_service


@pytest.fixture
def ask(filled: Running) -> Ask:
    return asker(filled)


def asker(running: Running) -> Ask:
    def get(name: str, **query: object) -> Any:
        answer = running.client.get(f"/v1/reports/{name}", query_string=query, headers=running.key)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.json if answer.mimetype == "application/json" else answer.get_data(as_text=True)

    return get


def test_what_came_through_marketing(ask: Ask) -> None:
    answer = ask("sourced")
    assert answer["total"] == {
        "wins": 3, "value": 1500.1, "wins_without_value": 1, "sourced_wins": 1, "sourced_value": 1000.1,
        "influenced_wins": 2, "influenced_value": 1500.1, "ripe_wins": 1, "ripe_value": 1000.1,
    }  # fmt: skip
    assert (answer["handed_over"], answer["ripe_leads"]) == (2, 1)
    assert [row["month"] for row in answer["rows"]] == ["2026-07", "2026-08"]
    assert {row["channel"]: row["wins"] for row in ask("sources")["rows"]} == {"ads": 1, "webinar": 0, None: 2}


def test_each_model_credits_all_there_is(ask: Ask) -> None:
    for by in ("channel", "campaign"):
        answer = ask("attribution", by=by)
        assert (answer["wins"], answer["value"]) == (3, 1500.1)
        for model in MODELS:
            rows = [row for row in answer["rows"] if row["model"] == model]
            assert sum(Decimal(str(row["wins"])) for row in rows) == 3
            assert sum(Decimal(str(row["value"])) for row in rows) == Decimal("1500.1")
    (first, *_) = ask("attribution", model="first", by="campaign")["rows"]
    assert (first["channel"], first["campaign"], first["wins"]) == ("ads", "spring", 2)
    assert {row["model"] for row in ask("attribution", model="markov")["rows"]} == {"markov"}


def test_costs_and_returns_by_channel_and_month(ask: Ask) -> None:
    answer = ask("returns", model="first")
    assert (answer["spend"], answer["ripe_leads"], answer["value"]) == (180.1, 1, 1500.1)
    rows = {(row["channel"], row["month"]): row for row in answer["rows"]}
    ads = rows["ads", None]
    assert (ads["spend"], ads["ripe_leads"], ads["cost_per_ripe_lead"]) == (150.1, 1, 150.1)
    assert ads["return_on_spend"] == pytest.approx(1500.1 / 150.1, abs=1e-4)
    assert rows["ads", "2026-07"]["spend"] == 100.1
    assert rows["radio", None]["return_on_spend"] == 0
    by_campaign = ask("returns", model="first", by="campaign")["rows"]
    assert {(row["campaign"], row["spend"]) for row in by_campaign if row["channel"] == "ads" and not row["month"]} == {
        ("spring", 100.1), (None, 50.0),
    }  # fmt: skip


def test_salespeople(ask: Ask) -> None:
    answer = ask("salespeople")
    kim, lee = sorted(answer["rows"], key=lambda row: row["owner"], reverse=True)
    assert (kim["owner"], kim["wins"], kim["expected_wins"], kim["ratio"]) == ("kim", 1, 0.5, 2.0)
    assert kim["shrunk_ratio_low"] < 1 < kim["shrunk_ratio"] < 2
    assert (kim["reaction_hours"], kim["minutes"]) == (6.0, 20.0)
    assert (lee["reaction_hours"], lee["called_within_day"]) == (None, 0.0)
    assert (answer["leads"], answer["expected_wins"], answer["without_score"]) == (2, 1.0, 0)


def test_windows_and_probabilities(ask: Ask) -> None:
    total = ask("windows")["total"]
    assert (total["handoffs"], total["kept"], total["late"], total["open"]) == (2, 1, 1, 0)
    assert total["kept_share_low"] < 0.5 < total["kept_share_high"]
    assert [row["group"] for row in ask("windows", by="segment")["rows"]] == ["=1+1", None]
    assert ask("windows", by="segment", trait="account_id")["trait"] == "account_id"
    found = ask("calibration", by="channel")
    assert {row["horizon"] for row in found["total"]} == {7, 30, 90}
    assert [row["group"] for row in found["rows"] if row["horizon"] == 90] == ["ads", None]
    rates = ask("base-rates")["rows"]
    assert [(row["horizon"], row["rate"]) for row in rates] == [(7, 0.0), (30, 0.25), (90, 0.75)]


def test_a_period(ask: Ask) -> None:
    since, until = to_datetime(START + 15 * DAY).isoformat(), to_datetime(START + 40 * DAY).isoformat()
    answer = ask("sourced", since=since, until=until)
    assert answer["total"]["wins"] == 1, "what happened at until is not in it"
    assert answer["since"].startswith("2026-07-19")
    assert ask("returns", since=since)["spend"] == 50
    assert ask("salespeople", since=since)["leads"] == 0
    assert ask("sourced", until="2090-01-01")["total"]["wins"] == 3


@pytest.mark.parametrize(
    ("name", "query", "said"),
    [
        ("sourced", {"since": "2026-05-01", "until": "2026-04-01"}, "until: expected a time after since"),
        ("sourced", {"since": "may"}, "since: "),
        ("sourced", {"by": "channel"}, "by: unknown field"),
        ("attribution", {"model": "magic"}, "model: "),
        ("returns", {"by": "month"}, "by: "),
        ("windows", {"format": "xlsx"}, "format: "),
    ],
)
def test_what_cannot_be_asked_is_refused(filled: Running, name: str, query: dict[str, str], said: str) -> None:
    answer = filled.client.get(f"/v1/reports/{name}", query_string=query, headers=filled.key)
    assert answer.status_code == 422
    assert answer.json["message"].startswith(said)


@pytest.mark.parametrize("name", FILLED)
def test_every_report_is_csv_too_with_the_fields_of_its_rows(filled: Running, name: str) -> None:
    query = {"by": "segment"} if name in ("windows", "calibration") else {}
    rows = asker(filled)(name, **query)["rows"]
    answer = filled.client.get(f"/v1/reports/{name}", query_string={"format": "csv", **query}, headers=filled.key)
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}.csv"'
    read = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True), newline="")))
    assert len(read) == len(rows) > 0
    PAGES[name].answer.model_validate(asker(filled)(name, **query))
    for line, row in zip(read, rows, strict=True):
        assert set(line) == set(row)
        for field, text in line.items():
            assert text == str(cell("" if row[field] is None else row[field]))


def test_a_cell_is_never_a_formula(ask: Ask) -> None:
    assert ",'@lee," in "," + ask("salespeople", format="csv").replace("\r\n", ",")
    assert "'=1+1" in ask("windows", by="segment", format="csv")
    for text in ("=1", "+1", "-1", "@x", "\tx", "\rx", " =1", "\uff1d1", "+4930123456*2", "+49 30"):
        assert cell(text) == f"'{text}"
    for plain in ("a=1", "", "1-2", -1.5, 0, None, True, "+49301234567"):
        assert cell(plain) == plain
    assert to_csv(["a"], [{"a": 'say "x",\r\ny'}]) == 'a\r\n"say ""x"",\r\ny"\r\n'


@pytest.mark.parametrize("name", sorted(PAGES))
def test_an_empty_log_gives_empty_reports(empty_service: Running, name: str) -> None:
    assert asker(empty_service)(name)["rows"] == []
    page = sign_in(empty_service).get(f"/reports/{name}")
    assert page.status_code == 200
    assert "Nothing in this period" in page.get_data(as_text=True)


@pytest.mark.parametrize("name", FILLED)
def test_every_report_is_a_page(filled: Running, name: str) -> None:
    client = sign_in(filled)
    text = client.get(f"/reports/{name}?since=2026-01-01&until=").get_data(as_text=True)
    assert "<script" not in text
    assert "style=" not in text
    assert 'value="2026-01-01"' in text
    link = re.search(r'href="(/reports/[^"]+format=csv[^"]*)"', text)[1].replace("&amp;", "&")
    answer = client.get(link)
    assert (answer.status_code, answer.mimetype) == (200, "text/csv")
    assert client.get("/").get_data(as_text=True).count('href="/reports"') == 1


def test_pages_of_each_choice(filled: Running) -> None:
    client = sign_in(filled)
    for name, page in PAGES.items():
        for field, options in page.choices.items():
            for value in options:
                assert client.get(f"/reports/{name}", query_string={field: value}).status_code == 200
    assert client.get("/reports").location == "/reports/sourced"
    assert client.get("/reports/nothing").status_code == 404
    wrong = client.get("/reports/sourced?since=may", headers={"Accept": "text/html"})
    assert wrong.status_code == 422
    assert "since: " in wrong.get_data(as_text=True)


def test_the_funnel_shows_every_salesperson_and_escapes_names(empty_service: Running) -> None:
    log = market()
    log.handoff("other", START, owner="<b>&")
    empty_service.store.append(events_table(log.events))
    text = sign_in(empty_service).get("/reports/salespeople").get_data(as_text=True)
    assert text.count("<circle") == 3
    assert "&lt;b&gt;&amp;" in text
    assert "<b>&" not in text


def test_the_document_tells_of_json_and_csv_and_of_every_error(filled: Running) -> None:
    paths = filled.client.get("/openapi.json").json["paths"]
    assert {path for path in paths if "/reports/" in path} == {f"/v1/reports/{name}" for name in PAGES}
    for name in PAGES:
        answers = paths[f"/v1/reports/{name}"]["get"]["responses"]
        assert set(answers["200"]["content"]) == {"application/json", "text/csv"}
        assert set(answers) == {"200", "401", "403", "422", "429", "503"}


def test_a_segment_is_any_trait(filled: Running) -> None:
    text = sign_in(filled).get("/reports/windows?by=segment&trait=account_id").get_data(as_text=True)
    assert '<input id="trait" name="trait" value="account_id"' in text
    assert ">A<" in text


def test_models_have_names_on_the_pages() -> None:
    assert list(MODEL_NAMES) == list(MODELS)


def test_reports_follow_the_log_within_half_a_minute(filled: Running, ask: Ask) -> None:
    assert ask("sourced")["total"]["wins"] == 3
    later = [Event(event_id="new", lead_id="new", type="purchased", occurred_at=NOW, recorded_at=NOW)]
    filled.store.append(events_table(later))
    assert ask("sourced")["total"]["wins"] == 3, "the log is not read anew for each request"
    filled.clock.now = NOW + REUSED
    assert ask("sourced")["total"]["wins"] == 4


def test_an_erased_lead_is_in_no_report_at_once(filled: Running, ask: Ask) -> None:
    assert ask("sourced")["total"]["wins"] == 3
    Erasures(filled.store).erase("ripe", NOW)
    assert ask("sourced")["total"]["wins"] == 2


def test_a_lead_that_the_service_itself_handed_over_is_ripe_and_has_a_score(sqlite_store: Store) -> None:
    one = process(sqlite_store)
    one.append([page_view("a", one.clock.now - DAY)])
    one.models.scorer.call_on["a"] = one.today()
    one.refresh()
    one.clock.now += HOUR
    called = {"type": "sales_call", "occurred_at": one.clock.now, "recorded_at": one.clock.now}
    one.append([Event(event_id="call", lead_id="a", properties={"owner": "kim", "minutes": 12}, **called)])
    reports = Reports(Inputs(sqlite_store, Settings()), Settings())
    now = one.clock.now + 2 * HOUR
    assert reports.sourced(PeriodQuery(), now)["ripe_leads"] == 1
    (kim,) = reports.salespeople(PeriodQuery(), now)["rows"]
    assert (kim["owner"], kim["leads"], kim["wins"], kim["reaction_hours"]) == ("kim", 1, 0, 1.0)
    assert 0 < kim["expected_wins"] < 0.001, "three hours of the 7 days for which the score says 0.007"
    total = reports.windows(SplitQuery(), now)["total"]
    assert (total["handoffs"], total["open"], total["promised"]) == (1, 1, 0.8)


def test_the_same_is_assembled_from_both_databases(store: Store) -> None:
    store.append(events_table(market().events))
    store.append_spend(spend(("ads", None, START, 100.1), ("ads", None, START, 100.1), ("radio", "", START, 1)))
    inputs = Inputs(store, Settings())
    data = inputs.journeys(NOW)
    assert data is inputs.journeys(NOW + REUSED - 1)
    assert data.won.sum() == 3
    paid = inputs.spend(Period(START, NOW), NOW)
    assert sorted(zip(paid.channel, paid.campaign, paid.amount.tolist(), strict=True)) == [
        ("ads", None, 10_010), ("radio", None, 100),
    ]  # fmt: skip
    assert inputs.spend(Period(START + DAY, NOW), NOW).channel == ()
