"""An export of leads that is loaded again and again: what changed was learned at the load, what did not is no news."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from features import load
from features.builder import Requests, build
from features.catalogue import Catalogue
from features.events import DAY, Event, events_table, parse_time
from features.feature_spec import FeatureSpec
from features.load import RejectsFile
from features.store import Store
from features.tables import Count

WEEK = 7 * DAY
FIRST = parse_time("2026-03-01T06:00:00Z")  # when the first export is loaded
CREATED = parse_time("2026-01-01")
HEADER = "lead_id,created_at,account_id,owner,value,need_by\n"
ROWS = "ada,2026-01-01,acme,zoe,100,2026-09-01\nben,2026-01-02,acme,zoe,,\n"
SEEN = Catalogue(
    features=(
        FeatureSpec(
            name="owner", aggregation="last", types=("identify",), properties=("owner",),
            levels=("eve", "kim", "max", "zoe"),
        ),
        FeatureSpec(name="value", aggregation="last", types=("identify",), properties=("value",)),
        FeatureSpec(name="colleagues", aggregation="colleagues", scope="account"),
        FeatureSpec(
            name="revisions", aggregation="date_changes", types=("need_declared",), properties=("need_by",)
        ),
        FeatureSpec(name="slip", aggregation="date_drift", types=("need_declared",), properties=("need_by",)),
    )
)  # fmt: skip


class Crm:
    """A folder whose tables are exported anew, and loaded into the log."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.folder = store, folder

    def export(self, text: str, table: str = "leads") -> Crm:
        (self.folder / f"{table}.csv").write_text(text)
        return self

    def load(self, now: int = FIRST) -> dict[str, Count]:
        refused = RejectsFile(self.folder / "refused.txt")
        counts = load.load(self.folder, self.store, now=now, rejects=refused)
        refused.close()
        assert refused.count == 0
        return counts

    def new(self, now: int = FIRST) -> list[tuple[str, str, int, Any]]:
        """Lead, type, time and properties of the events that a load adds."""
        before = self.store.events().num_rows
        self.load(now)
        rows = self.store.events().slice(before).to_pylist()
        assert all(row["occurred_at"] == row["recorded_at"] for row in rows)
        return [(r["lead_id"], r["type"], r["occurred_at"], orjson.loads(r["properties"])) for r in rows]

    def say(self, kind: str, at: int, **properties: object) -> None:
        """An event of another source."""
        one = Event(
            event_id=f"{kind}{at}", lead_id="ada", type=kind, occurred_at=at, recorded_at=at, properties=properties
        )
        self.store.append(events_table([one]))

    def seen(self, at: int, column: str, lead: str = "ada") -> Any:
        """What the feature builder sees of the lead at that time."""
        return build(self.store.history(), Requests([lead], np.array([at])), SEEN)[column].iloc[0]


@pytest.fixture
def crm(store: Store, tmp_path: Path) -> Crm:
    """The folder with its first export."""
    folder = tmp_path / "crm"
    folder.mkdir()
    return Crm(store, folder).export(HEADER + ROWS)


def test_a_first_load_tells_what_the_leads_were_created_with(crm: Crm) -> None:
    assert crm.new() == [
        ("ada", "identify", CREATED, {"account_id": "acme", "owner": "zoe", "value": 100}),
        ("ben", "identify", CREATED + DAY, {"account_id": "acme", "owner": "zoe"}),
        ("ada", "need_declared", CREATED, {"need_by": "2026-09-01"}),
    ]


def test_what_changed_was_learned_at_the_load(crm: Crm) -> None:
    crm.load()
    crm.export((HEADER + ROWS).replace("zoe,100", "max,250"))
    assert crm.new(FIRST + WEEK) == [("ada", "identify", FIRST + WEEK, {"owner": "max", "value": 250})]
    assert [crm.seen(FIRST + WEEK - 1, name) for name in ("owner", "value")] == ["zoe", 100]
    assert [crm.seen(FIRST + WEEK, name) for name in ("owner", "value")] == ["max", 250]
    assert crm.seen(FIRST + WEEK, "colleagues") == 1  # the account is still known


def test_a_need_that_changed_is_a_revision_at_the_load(crm: Crm) -> None:
    crm.load()
    crm.export((HEADER + ROWS).replace("2026-09-01", "2026-10-01"))
    assert crm.new(FIRST + WEEK) == [("ada", "need_declared", FIRST + WEEK, {"need_by": "2026-10-01"})]
    names = ("revisions", "slip")
    assert [crm.seen(FIRST + WEEK - 1, name) for name in names] == [0, 0]
    assert [crm.seen(FIRST + WEEK, name) for name in names] == [1, 30]


def test_loading_twice_changes_nothing(crm: Crm) -> None:
    crm.load()
    again = crm.load(FIRST + WEEK)["leads"]
    assert (again.read, again.new, again.known) == (2, 0, 3)
    crm.export((HEADER + ROWS).replace("zoe,100,2026-09-01", "max,100,2026-10-01"))
    changed = crm.load(FIRST + WEEK)["leads"]
    assert (changed.new, changed.known) == (2, 1)
    for now in (FIRST + WEEK, FIRST + 2 * WEEK):
        assert crm.new(now) == []
    assert crm.load(FIRST + 3 * WEEK)["leads"].known == 3


@pytest.mark.parametrize("step", [WEEK, 0])
def test_there_and_back_ends_where_it_began(crm: Crm, step: int) -> None:
    one, two = HEADER + ROWS, (HEADER + ROWS).replace("zoe,100,2026-09-01", "max,100,2026-10-01")
    found = []
    for i, text in enumerate((one, two, one, two, one)):
        crm.export(text).load(FIRST + i * step)
        found.append(crm.seen(FIRST + i * step + DAY, "owner"))
        assert crm.new(FIRST + i * step) == []
    assert found == ["zoe", "max", "zoe", "max", "zoe"]
    assert crm.seen(FIRST + 5 * WEEK, "revisions") == 4
    assert crm.seen(FIRST + 5 * WEEK, "slip") == 0


def test_a_trait_that_is_added_was_learned_at_the_load(crm: Crm) -> None:
    crm.export("lead_id,created_at\nada,2026-01-01\nben,2026-01-02\n").load()
    crm.export("lead_id,created_at,city,need_by\nada,2026-01-01,Ulm,2026-09-01\nben,2026-01-02,,\n")
    at = FIRST + WEEK
    assert crm.new(at) == [
        ("ada", "identify", at, {"city": "Ulm"}),
        ("ada", "need_declared", at, {"need_by": "2026-09-01"}),
    ]
    assert crm.new(at + WEEK) == []


def test_a_trait_that_vanished_means_nothing(crm: Crm) -> None:
    crm.load()
    crm.export(HEADER + "ada,2026-01-01,acme,,,\nben,2026-01-02,,zoe,,\n")
    assert crm.new(FIRST + WEEK) == []
    crm.export("lead_id,created_at\nada,2026-01-01\n")
    assert crm.new(FIRST + WEEK) == []
    assert crm.export(HEADER + ROWS).new(FIRST + WEEK) == []


def test_leads_that_are_new_in_an_export_are_created_as_it_says(crm: Crm) -> None:
    crm.load()
    crm.export((HEADER + ROWS).replace("zoe,100", "max,100") + "cem,2026-02-01,,max,,\n")
    assert crm.new(FIRST + WEEK) == [
        ("cem", "identify", parse_time("2026-02-01"), {"owner": "max"}),
        ("ada", "identify", FIRST + WEEK, {"owner": "max"}),
    ]


def test_what_other_sources_said_since_is_not_taken_back(crm: Crm) -> None:
    """The export is as it was: it does not contradict what happened after it, in the events or over the API."""
    crm.export(
        "lead_id,type,timestamp,need_by,owner\nada,need_declared,2026-02-01,2026-12-01,\nada,identify,2026-01-01,,eve\n",
        "events",
    ).load()
    assert crm.new() == []
    crm.say("identify", FIRST + DAY, owner="kim")
    assert crm.new(FIRST + WEEK) == []
    assert crm.seen(FIRST + WEEK, "owner") == "kim"
    assert crm.seen(FIRST + WEEK, "revisions") == 1
    crm.export((HEADER + ROWS).replace("zoe,100", "max,100")).load(FIRST + WEEK)
    crm.say("identify", FIRST + WEEK + DAY, owner="kim", city="Ulm")
    assert crm.new(FIRST + 2 * WEEK) == []
    assert crm.seen(FIRST + 2 * WEEK, "owner") == "kim"


def test_a_lead_whose_traits_another_source_told(crm: Crm) -> None:
    crm.say("identify", CREATED + 9 * DAY, owner="kim")
    at = FIRST
    assert crm.new()[-2:] == [
        ("ada", "identify", at, {"account_id": "acme", "owner": "zoe", "value": 100}),
        ("ada", "need_declared", at, {"need_by": "2026-09-01"}),
    ]
    assert crm.new(at + WEEK) == []


def test_a_lead_of_which_only_engagement_is_known_is_created_as_its_row_says(crm: Crm) -> None:
    crm.say("view", CREATED + DAY)
    assert crm.new()[0] == ("ada", "identify", CREATED, {"account_id": "acme", "owner": "zoe", "value": 100})


def test_what_is_dated_ahead_of_the_load_is_overtaken(crm: Crm) -> None:
    ahead = parse_time("2026-03-01T20:00:00Z")
    crm.export("lead_id,created_at,owner\nada,2026-03-01T20:00:00Z,zoe\n").load()
    crm.export("lead_id,created_at,owner\nada,2026-03-01T20:00:00Z,max\n")
    assert crm.new(FIRST + 1) == [("ada", "identify", ahead + 1, {"owner": "max"})]
    assert crm.new(FIRST + 2) == []
    assert crm.seen(ahead + DAY, "owner") == "max"


def test_rows_that_say_when_they_were_recorded_are_taken_at_their_word(crm: Crm) -> None:
    crm.load()
    crm.export(
        "lead_id,created_at,owner,need_by,recorded_at\nada,2026-01-01,max,2026-10-01,2026-02-03\nben,2026-01-02,zoe,,\n"
    ).load(FIRST + WEEK)
    rows = [row for row in crm.store.events().to_pylist() if row["lead_id"] == "ada"][-2:]
    assert [(row["type"], row["occurred_at"], row["recorded_at"]) for row in rows] == [
        ("identify", CREATED, parse_time("2026-02-03")),
        ("need_declared", CREATED, parse_time("2026-02-03")),
    ]
    assert crm.new(FIRST + WEEK) == []
    assert crm.seen(parse_time("2026-02-02"), "owner") == "zoe"
    assert crm.seen(parse_time("2026-02-03"), "owner") == "max"


def test_a_lead_without_created_at(crm: Crm) -> None:
    """Its first load dates it by its first event; a later export without that event is of use as well."""
    crm.export("lead_id,created_at,city\nada,,Ulm\n")
    crm.export("lead_id,type,timestamp,city\nada,view,2026-01-05,\nada,identify,2026-01-07,Rom\n", "events")
    assert ("ada", "identify", CREATED + 4 * DAY, {"city": "Ulm"}) in crm.new()
    assert crm.new() == []
    crm.export("lead_id,created_at,city,owner\nada,,Ulm,max\n")
    crm.export("lead_id,type,timestamp\nada,view,2026-03-05\n", "events")
    at = FIRST + WEEK
    assert crm.new(at) == [
        ("ada", "identify", at, {"owner": "max"}),
        ("ada", "view", parse_time("2026-03-05"), {}),
    ]
    assert crm.new(at) == []


def test_a_column_read_in_another_way_is_no_change(crm: Crm) -> None:
    """One text makes a column of numbers, or of booleans, one of text; a need may be written with a time."""
    header = "lead_id,created_at,size,ok,need_by\n"
    crm.export(header + "ada,2026-01-01,7.0,True,2026-09-01\nben,2026-01-02,8,false,\n").load()
    crm.export(header + "ada,2026-01-01,7,true,2026-09-01T00:00:00Z\nben,2026-01-02,many,?,\n")
    at = FIRST + WEEK
    assert crm.new(at) == [("ben", "identify", at, {"size": "many", "ok": "?"})]
    crm.export(header + "ada,2026-01-01,7,1,\nben,2026-01-02,many,0,\n")
    assert crm.new(at + WEEK)[0] == ("ada", "identify", at + WEEK, {"ok": 1})


def test_a_creation_that_was_corrected_is_no_news(crm: Crm) -> None:
    crm.load()
    crm.export((HEADER + ROWS).replace("2026-01-01", "2026-01-01T09:30:00Z"))
    assert crm.new(FIRST + WEEK) == []


def test_many_leads_over_several_files(crm: Crm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("features.tables.csv_file._BLOCK", 4096)
    header = "lead_id,created_at,owner\n"
    rows = [f"lead{i},2026-01-01,{'zoe' if i % 3 else 'max'}\n" for i in range(600)]
    (crm.folder / "leads.csv").unlink()
    crm.export(header + "".join(rows[:400]), "leads_1").export(header + "".join(rows[400:]), "leads_2").load()
    changed = [row.replace("max", "eve") for row in rows]
    crm.export(header + "".join(changed[:200]), "leads_1").export(header + "".join(changed[200:]), "leads_2")
    found = crm.new(FIRST + WEEK)
    assert {lead for lead, *_ in found} == {f"lead{i}" for i in range(0, 600, 3)}
    assert {tuple(said.items()) for *_, said in found} == {(("owner", "eve"),)}
    assert crm.new(FIRST + WEEK) == []


def test_an_ending_with_more_is_added_once_and_ends_the_lead_once(crm: Crm) -> None:
    header = "lead_id,outcome,at,value,satisfaction\n"
    crm.export(header + "ada,purchased,2026-02-01,100,\n", "outcomes").load()
    crm.export(header + "ada,purchased,2026-02-01,100,9\n", "outcomes")
    at = parse_time("2026-02-01")
    assert crm.new(FIRST + WEEK) == [("ada", "purchased", at, {"value": 100, "satisfaction": 9})]
    assert crm.new(FIRST + WEEK) == []
    assert crm.store.lead_facts(["ada"])["ada"].ending == ("purchased", at)
    assert crm.store.lead_ids(open_only=True) == ["ben"]
