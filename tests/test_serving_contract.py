"""The report on the contract: settings, working hours by the clock of a zone, CSV and pages."""

from __future__ import annotations

import csv
import io

import pytest
from background_world import page_view, process
from measurement_log import HOUR, Log
from serving_world import NOW, Clock, NoModel, Running
from test_serving_pages import sign_in

from features.business_settings import ContractSettings, Salesperson, SalesSettings
from features.errors import InputError
from features.events import DAY, Event, events_table, parse_time
from features.settings import Settings, load_settings
from features.store import Erasures, Store
from model.measurement.hours import CLOCK
from serving.app import create_app
from serving.handoffs.answering import Said, answer
from serving.handoffs.listing import list_handoffs
from serving.keys import Keys
from serving.measurement.agreed import terms, working_hours
from serving.measurement.contract_payloads import ContractQuery
from serving.measurement.inputs import Inputs
from serving.measurement.payloads import PeriodQuery
from serving.measurement.reports import Reports

MONDAY = parse_time("2026-10-19")


def market() -> Log:
    """In the week from Monday on three leads are handed over: one accepted, one sent back, one left alone."""
    log = Log()
    for lead, owner in (("taken", "kim"), ("back", "kim"), ("alone", "=lou")):
        log.add(lead, "page_view", MONDAY - 10 * DAY, "ads")
        log.handoff(lead, MONDAY + 9 * HOUR, owner=owner)
    handed = "2026-10-19T09:00:00Z"
    log.add("taken", "handoff_accepted", MONDAY + 10 * HOUR, handed_over_at=handed, by="kim")
    log.add("back", "handoff_rejected", MONDAY + 33 * HOUR, handed_over_at=handed, by="kim", reason="not_a_buyer")
    return log


@pytest.fixture
def running(sqlite_store: Store) -> Running:
    sqlite_store.append(events_table(market().events))
    settings = Settings(
        database_url=str(sqlite_store.engine.url), contract=ContractSettings(qualified_per_week=3, reaction_hours=8)
    )
    _, text = Keys(sqlite_store).create("test", ["read"], NOW)
    clock = Clock()
    app = create_app(settings, sqlite_store, NoModel(), clock)
    return Running(app, sqlite_store, clock, {"Authorization": f"Bearer {text}"})


def ask(running: Running, **query: str) -> dict:
    found = running.client.get("/v1/reports/contract", query_string=query, headers=running.key)
    assert found.status_code == 200, found.get_data(as_text=True)
    return found.json


def test_both_commitments_with_their_breaches(running: Running) -> None:
    told = ask(running, since="2026-10-19")
    assert (told["qualified_per_week"], told["reaction_hours"], told["hours"]) == (3, 8, "working")
    assert [(row["week"], row["qualified"], row["shortfall"]) for row in told["weeks"]] == [
        ("2026-10-19", 2, 1), ("2026-10-26", 0, None),
    ]  # fmt: skip
    assert (told["marketing_breaches"], told["sales_breaches"]) == (1, 2)
    week, late, overdue = sorted(told["rows"], key=lambda row: (row["side"], str(row["lead_id"] != "back")))
    assert (week["side"], week["since"], week["week"], week["shortfall"]) == (
        "marketing", "2026-10-26T00:00:00Z", "2026-10-19", 1,
    )  # fmt: skip
    assert (late["lead_id"], late["reaction"], late["hours"]) == ("back", "rejected", 10.0)
    assert late["since"] == "2026-10-19T17:00:00Z"
    assert (overdue["lead_id"], overdue["owner"], overdue["reaction"]) == ("alone", "=lou", None)
    kim, lou = sorted(told["salespeople"], key=lambda row: row["owner"], reverse=True)
    assert (kim["in_time"], kim["late"], kim["accepted"], kim["rejected"], kim["kept_share"]) == (1, 1, 1, 1, 0.5)
    assert (lou["overdue"], lou["kept_share"], lou["reaction_hours"]) == (1, 0.0, None)
    assert told["total"]["handed_over"] == 3


def test_each_part_is_csv_and_a_page(running: Running) -> None:
    told, client = ask(running), sign_in(running)
    for part, field in (("breaches", "rows"), ("weeks", "weeks"), ("salespeople", "salespeople")):
        found = running.client.get(f"/v1/reports/contract?format=csv&part={part}", headers=running.key)
        lines = list(csv.DictReader(io.StringIO(found.get_data(as_text=True), newline="")))
        assert [set(line) for line in lines] == [set(row) for row in told[field]]
        page = client.get(f"/reports/contract?part={part}")
        assert page.status_code == 200
        assert client.get(f"/reports/contract?part={part}&format=csv").data == found.data
    assert "'=lou" in found.get_data(as_text=True)
    assert running.client.get("/v1/reports/contract?part=leads", headers=running.key).status_code == 422


def test_who_read_of_which_leads_is_in_the_audit_log(running: Running) -> None:
    ask(running)
    audit = running.app.extensions["leadtime"].audit
    audit.flush()
    ((_, entry),) = audit.read(lead_ids=["alone"])
    assert (entry.action, entry.lead_ids) == ("GET /v1/reports/contract", ["alone", "back"])


def test_an_erased_lead_is_in_no_breach(running: Running) -> None:
    assert {row["lead_id"] for row in ask(running)["rows"]} == {"alone", "back"}
    Erasures(running.store).erase("alone", NOW)
    assert {row["lead_id"] for row in ask(running)["rows"]} == {"back"}


def test_answers_of_the_service_are_read_from_both_databases(store: Store) -> None:
    from features.store.transaction import transaction

    one = process(store)
    one.clock.now = MONDAY + 9 * HOUR
    one.append([page_view(lead, MONDAY - DAY) for lead in "abc"])
    one.models.scorer.call_on |= dict.fromkeys("abc", one.today())
    one.refresh()
    handed = {h["lead_id"]: h["handoff_id"] for _, h in list_handoffs(
        store, after=0, limit=9, since=None, owner=None, lead_id=None)}  # fmt: skip
    for lead, said in (("a", Said("accepted", "kim")), ("b", Said("rejected", "kim", "too_early"))):
        with transaction(store) as log:
            answer(log, handed[lead], said, one.clock.now + HOUR)
    one.clock.now += 2 * HOUR
    one.models.scorer.call_on["c"] = None
    one.append([page_view("c", one.clock.now)])
    one.refresh()
    given = Settings(contract=ContractSettings(qualified_per_week=5))
    told = Reports(Inputs(store, given), given).contract(ContractQuery(), one.clock.now + 30 * DAY)
    total = told["total"]
    assert {name: total[name] for name in ("in_time", "withdrawn", "accepted", "rejected", "overdue")} == {
        "in_time": 2, "withdrawn": 1, "accepted": 1, "rejected": 1, "overdue": 0,
    }  # fmt: skip
    assert told["weeks"][0] | {"shortfall": None} == {
        "week": "2026-10-19", "handed_over": 3, "rejected": 1, "qualified": 2, "promised": 5, "shortfall": None,
    }  # fmt: skip


def test_a_withdrawn_handoff_stays_withdrawn_when_its_lead_is_merged(store: Store) -> None:
    one, given = process(store), Settings()
    one.clock.now = MONDAY + 9 * HOUR
    one.append([page_view("old", MONDAY - DAY)])
    one.models.scorer.call_on["old"] = one.today()
    one.refresh()
    one.clock.now += HOUR
    one.models.scorer.call_on["old"] = one.today(40)
    one.append([page_view("old", one.clock.now)])
    one.refresh()

    def withdrawn() -> tuple[int, int]:
        total = Reports(Inputs(store, given), given).contract(ContractQuery(), one.clock.now + 9 * DAY)["total"]
        return total["withdrawn"], total["overdue"]

    assert withdrawn() == (1, 0)
    one.append([Event(event_id="m", lead_id="new", type="identify", occurred_at=one.clock.now,
                      recorded_at=one.clock.now, properties={"previous_id": "old"})])  # fmt: skip
    assert withdrawn() == (1, 0)


def test_marketing_that_handed_over_nobody_is_in_breach(sqlite_store: Store) -> None:
    log = Log()
    log.add("a", "page_view", MONDAY - 10 * DAY)
    sqlite_store.append(events_table(log.events))
    given = Settings(contract=ContractSettings(qualified_per_week=3))
    told = Reports(Inputs(sqlite_store, given), given).contract(ContractQuery(since="2026-10-19"), NOW)
    assert [(row["week"], row["shortfall"]) for row in told["weeks"]] == [("2026-10-19", 3), ("2026-10-26", None)]
    assert told["marketing_breaches"] == 1


def test_hours_are_those_of_the_zone_also_when_clocks_change() -> None:
    sales = SalesSettings(timezone="Europe/Berlin", country="DE", closed=("2026-10-27",))
    friday, monday = (parse_time(f"2026-10-{day}T00:00:00Z") for day in (23, 26))
    hours = working_hours(sales, friday, monday)
    assert hours.between(friday, friday + DAY) == 10 * HOUR
    assert hours.opens[0] == friday + 6 * HOUR, "summer time"
    assert hours.opens[1] == monday + 7 * HOUR, "winter time"
    assert hours.between(monday + DAY, monday + 2 * DAY) == 0, "closed"
    christmas = parse_time("2026-12-25")
    assert hours.between(christmas, christmas + DAY) == 0, "a holiday"
    whole = working_hours(SalesSettings(timezone="Europe/Berlin", hours=(0, 24), week=(6,)), friday, monday)
    assert (whole.closes - whole.opens)[0] == 25 * HOUR, "the clocks went back in this night"
    assert terms(Settings(contract=ContractSettings(hours="calendar")), friday, monday).hours is CLOCK


def test_a_handoff_is_to_be_reacted_to_within_the_hours_of_its_salesperson(running: Running) -> None:
    people = {"=lou": Salesperson(country="DE-BE", closed=("2026-10-19", "2026-10-20"), timezone="Europe/Berlin")}
    given = Settings(
        contract=ContractSettings(reaction_hours=7), sales=SalesSettings(country="US", hours=(9, 17), people=people)
    )
    told = Reports(Inputs(running.store, given), given).contract(ContractQuery(), parse_time("2026-10-21T20:00:00Z"))
    since = {row["lead_id"]: row["since"] for row in told["rows"] if row["side"] == "sales"}
    assert since == {"back": "2026-10-19T16:00:00Z", "alone": "2026-10-21T14:00:00Z"}
    assert [(row["owner"], row["overdue"]) for row in told["salespeople"]] == [("=lou", 1), ("kim", 0)]
    by_clock = Settings(contract=ContractSettings(hours="calendar"), sales=given.sales)
    assert not terms(by_clock, MONDAY, MONDAY).people


@pytest.mark.parametrize(
    ("name", "value"), [("QUALIFIED_PER_WEEK", "0"), ("REACTION_HOURS", "0"), ("HOURS", "some"), ("WHAT", "1")]
)
def test_settings_that_cannot_be_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"LEADTIME_CONTRACT__{name}", value)
    with pytest.raises(InputError, match=f"contract.{name.lower()}"):
        load_settings()


def test_a_period_without_handoffs(running: Running) -> None:
    told = ask(running, until="2026-10-01")
    assert (told["rows"], told["weeks"], told["salespeople"]) == ([], [], [])
    assert PeriodQuery().listed == "rows"
