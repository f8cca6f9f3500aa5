"""Salespeople of one team who work at other times: settings, and the call plan that follows them."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_serving_call_plan import MONDAY, planned
from test_serving_call_plan_calls import alike, call, event
from test_serving_pages import sign_in

from features.business_settings import Salesperson, SalesSettings, WorkingTime
from features.errors import InputError
from features.events import DAY, events_table, parse_time
from features.settings import load_settings
from features.store import Store

pytest_plugins = ("serving_fixtures",)

# In 2026 Thanksgiving is Thursday, 26 November; the day after it is a holiday in California.
TEAM = SalesSettings(
    capacity_per_day=2,
    country="DE",
    timezone="Europe/Berlin",
    people={
        "kim": Salesperson(country="US-CA", timezone="America/Los_Angeles", hours=(9, 17)),
        "lou": Salesperson(week=(1, 2, 3), capacity_per_day=1),
    },
)


def test_what_is_not_given_for_one_is_as_for_all() -> None:
    assert TEAM.of("lou") == WorkingTime(capacity_per_day=1, country="DE", timezone="Europe/Berlin", week=(1, 2, 3))
    assert TEAM.of("kim") == WorkingTime(
        capacity_per_day=2, country="US-CA", timezone="America/Los_Angeles", hours=(9, 17)
    )
    for owner in (None, "max"):
        assert TEAM.of(owner) == WorkingTime(capacity_per_day=2, country="DE", timezone="Europe/Berlin")


def test_nobody_is_planned_on_a_day_that_is_not_worked(sqlite_store: Store) -> None:
    service = alike(sqlite_store, [f"K{i}" for i in range(9)], owner="kim", sales=TEAM)
    for owner in ("lou", "max"):
        leads = [f"{owner}{i}" for i in range(9)]
        sqlite_store.append(events_table(
            event(lead, kind, MONDAY - 19 * DAY, **({"owner": owner} if kind == "identify" else {}))
            for lead in leads for kind in ("identify", "page_view")
        ))  # fmt: skip
    service.clock.now = parse_time("2026-11-25T20:00:00Z")  # a Wednesday
    plan = planned(service, days=4)
    assert plan["days"] == ["2026-11-25", "2026-11-26", "2026-11-27", "2026-11-30"]
    taken = {
        name: [
            sum((lead["owner"], lead["planned_on"]) == (name, day) for lead in plan["leads"]) for day in plan["days"]
        ]
        for name in ("kim", "lou", "max")
    }
    assert taken == {"kim": [2, 0, 0, 2], "lou": [1, 1, 0, 0], "max": [2, 2, 2, 2]}
    assert plan["capacities"] == {"kim": 2, "lou": 1, "max": 2}
    reach = {lead["owner"]: (lead["timezone"], 9 <= lead["best_hour"] < 17) for lead in plan["leads"]}
    assert reach["kim"] == ("America/Los_Angeles", True)
    assert {lead["best_weekday"] for lead in plan["leads"] if lead["owner"] == "lou"} <= {1, 2, 3}
    assert planned(service, days=4, owner="lou")["days"] == ["2026-11-25", "2026-11-26", "2026-12-01", "2026-12-02"]
    page = sign_in(service, "/call-plan").get("/call-plan").get_data(as_text=True)
    assert "of each salesperson, in America/Los_Angeles and Europe/Berlin" in page
    service.store.close()


def test_a_day_begins_by_the_clock_of_the_salesperson(sqlite_store: Store) -> None:
    service = alike(sqlite_store, [f"K{i}" for i in range(4)], owner="kim", sales=TEAM)
    call(service, "K0", parse_time("2026-11-10T02:00:00Z"), "no_answer", owner="kim")  # there it is still Monday
    for hour, first, left in ((6, "2026-11-09", 1), (9, "2026-11-10", 2)):
        service.clock.now = parse_time(f"2026-11-10T{hour:02}:00:00Z")
        plan = planned(service)
        assert plan["days"][0] == first
        assert sum(lead["planned_on"] == first for lead in plan["leads"]) == left
    service.store.close()


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ('week = [7]', r'sales\.people\.Kim Lee\.week: .*expected days of the week'),
        ('hours = [18, 8]', r'sales\.people\.Kim Lee\.hours: .*expected hours such as \[8, 18\]'),
        ('timezone = "Mars"', r'sales\.people\.Kim Lee\.timezone: .*such as Europe/Berlin'),
        ('country = "Germany"', r'sales\.people\.Kim Lee\.country'),
        ('capacity_per_day = -1', r'sales\.people\.Kim Lee\.capacity_per_day'),
        ('color = "red"', r'sales\.people\.Kim Lee\.color'),
        ('[sales.people.""]', r'expected the name of a salesperson'),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, wrong: str) -> None:
    (tmp_path / "leadtime.toml").write_text(f'[sales.people."Kim Lee"]\n{line}\n')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=wrong):
        load_settings()


def test_a_country_of_one_salesperson_that_is_not_known_stops_the_start(sqlite_store: Store) -> None:
    sales = SalesSettings(people={"kim": Salesperson(country="XX")})
    with pytest.raises(InputError, match=r'sales\.people\."kim"\.country: expected a country'):
        alike(sqlite_store, [], sales=sales)
