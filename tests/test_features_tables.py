"""Interchange tables become events and spend; rows that cannot are refused one by one."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.errors import InputError
from features.events import DAY, EVENT_SCHEMA, parse_time
from features.store.schema import SPEND_SCHEMA
from features.tables import Reject, Tables, read_requests, read_tables

NOW = parse_time("2026-03-01T12:00:00Z")


class Tree:
    """A folder of tables."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, name: str, text: str | bytes) -> Tree:
        (self.path / name).parent.mkdir(parents=True, exist_ok=True)
        (self.path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return self

    def parquet(self, name: str, columns: dict[str, Any]) -> Tree:
        pq.write_table(pa.table(columns), self.path / name)
        return self

    def read(self) -> Tables:
        return read_tables(self.path, now=NOW)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def events(tables: Tables) -> list[dict[str, Any]]:
    rows = tables.events.to_pylist()
    return [{**row, "properties": orjson.loads(row["properties"])} for row in rows]


def only_reject(tables: Tables) -> Reject:
    (reject,) = tables.rejects
    return reject


def test_each_table_becomes_events(tree: Tree) -> None:
    leads = "lead_id,created_at,account_id,source,value,need_by,city\nada,2026-01-01,007,web,250,2026-06-30,Ulm\n"
    views = (
        "event_id,lead_id,type,timestamp,channel,campaign,content\nx1,ada,view,2026-01-02T10:00Z,web,spring,/pricing\n"
    )
    tree.add("leads.csv", leads).add("events.csv", views)
    tree.add("outcomes.csv", "lead_id,outcome,at,value,satisfaction\nada,purchased,2026-02-01T00:00:00Z,300,9.5\n")
    tree.add("spend.csv", "channel,date,amount,campaign\nweb,2026-01-05,12.5,\n")
    tables = tree.read()
    assert tables.events.schema.equals(EVENT_SCHEMA)
    assert tables.spend.schema.equals(SPEND_SCHEMA)
    assert not tables.rejects
    identify, need, view, purchased = events(tables)
    at = parse_time("2026-01-01")
    assert (identify["type"], identify["occurred_at"], identify["recorded_at"]) == ("identify", at, at)
    assert identify["properties"] == {"account_id": "007", "source": "web", "value": 250, "city": "Ulm"}
    assert (need["type"], need["occurred_at"], need["properties"]) == ("need_declared", at, {"need_by": "2026-06-30"})
    assert view == {
        "event_id": "x1", "lead_id": "ada", "type": "view", "occurred_at": parse_time("2026-01-02T10:00:00Z"),
        "recorded_at": parse_time("2026-01-02T10:00:00Z"), "channel": "web", "campaign": "spring", "bot": False,
        "properties": {"content": "/pricing"},
    }  # fmt: skip
    assert (purchased["type"], purchased["properties"]) == ("purchased", {"value": 300, "satisfaction": 9.5})
    assert purchased["occurred_at"] == parse_time("2026-02-01")
    (cost,) = tables.spend.to_pylist()
    assert (cost["channel"], cost["campaign"], cost["amount"]) == ("web", None, 12.5)
    assert str(cost["date"]) == "2026-01-05"
    assert {name: (c.read, c.new, c.rejected) for name, c in tables.counts.items()} == {
        "leads": (1, 2, 0), "events": (1, 1, 0), "outcomes": (1, 1, 0), "spend": (1, 1, 0)
    }  # fmt: skip


def test_recorded_at_is_when_it_happened_unless_it_is_given(tree: Tree) -> None:
    tree.add("events.csv", "lead_id,type,timestamp,recorded_at\nada,a,2026-01-01,2026-01-05\nada,b,2026-01-02,\n")
    tree.add("leads.csv", "lead_id,created_at,need_by,recorded_at\nada,2026-01-01,2026-05-01,2026-01-03\n")
    tree.add("outcomes.csv", "lead_id,outcome,at,recorded_at\nada,lost,2026-02-01,2026-02-07\n")
    recorded = {row["type"]: row["recorded_at"] for row in events(tree.read())}
    days = {kind: pd.Timestamp(at, unit="us").strftime("%m-%d") for kind, at in recorded.items()}
    assert days == {"identify": "01-03", "need_declared": "01-03", "a": "01-05", "b": "01-02", "lost": "02-07"}


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-01-02", "2026-01-02T00:00:00Z"),
        ("2026-01-02T10:00:00", "2026-01-02T10:00:00Z"),
        ("2026-01-02 10:00:00.123456+01:00", "2026-01-02T09:00:00.123456Z"),
        ("2026-01-02T10:00:00.123+02:00", "2026-01-02T08:00:00.123Z"),
        ("2026-01-02T10:00-0530", "2026-01-02T15:30:00Z"),
        ("20260102T100000Z", "2026-01-02T10:00:00Z"),
        (" 2026-01-02T10:00:00Z ", "2026-01-02T10:00:00Z"),
    ],
)
def test_times_of_any_zone_and_precision(tree: Tree, text: str, utc: str) -> None:
    # Beside rows of other spellings: one column may mix them.
    tree.add("events.csv", f"lead_id,type,timestamp\nada,a,{text}\nada,b,2026-01-02T10:00:00+01:00\nada,c,2025-07-01\n")
    tables = tree.read()
    assert not tables.rejects
    assert tables.events["occurred_at"][0].as_py() == parse_time(utc)


@pytest.mark.parametrize(
    ("extra", "row", "column", "reason"),
    [
        ("", ",view,2026-01-01", "lead_id", "expected a value, got an empty one"),
        ("", "  ,view,2026-01-01", "lead_id", "expected a value, got an empty one"),
        ("", "ada,,2026-01-01", "type", "expected a value, got an empty one"),
        ("", "ada,view,", "timestamp", "expected a time, got an empty one"),
        ("", "ada,view,soon", "timestamp", "expected an ISO 8601 date or time .* got 'soon'"),
        ("", "ada,view,1767225600", "timestamp", "expected an ISO 8601 .* got '1767225600'"),
        ("", "ada,view,20260101", "timestamp", "expected an ISO 8601 .* got '20260101'"),
        ("", "ada,view,2026-02-30", "timestamp", "expected an ISO 8601 .* got '2026-02-30'"),
        ("", "ada,view,01/02/2026", "timestamp", "expected an ISO 8601 .* got '01/02/2026'"),
        ("", "ada,view,2026-03-03", "timestamp", "time from 1900 to 2026-03-02, got '2026-03-03'"),
        ("", "ada,view,0026-03-03", "timestamp", "time from 1900 to 2026-03-02, got '0026-03-03'"),
        ("recorded_at", "ada,view,2026-01-01,2027-01-01", "recorded_at", "expected a time from"),
        ("bot", "ada,view,2026-01-01,perhaps", "bot", "expected true or false, got 'perhaps'"),
        ("minutes", "ada,sales_call,2026-01-01,-1", "minutes", "a number of at least 0, got '-1'"),
        ("minutes", "ada,sales_call,2026-01-01,ten", "minutes", "a number of at least 0, got 'ten'"),
        ("minutes", "ada,sales_call,2026-01-01,nan", "minutes", "a number of at least 0, got 'nan'"),
        ("minutes", "ada,sales_call,2026-01-01,inf", "minutes", "a number of at least 0, got 'inf'"),
        ("minutes", "ada,sales_call,2026-01-01,1e999", "minutes", "a number of at least 0"),
        ("need_by", "ada,need_declared,2026-01-01,", "need_by", "expected the date of the declared"),
        ("", "ada,need_declared,2026-01-01", "need_by", "expected the date of the declared need"),
        ("need_by", "ada,need_declared,2026-01-01,2126-01-01", "need_by", "expected a time from"),
        ("need_by", "ada,need_declared,2026-01-01,spring", "need_by", "expected an ISO 8601"),
        ("value", "ada,purchased,2026-01-01,-5", "value", "a number of at least 0, got '-5'"),
        ("event_id", "ada,view,2026-01-01," + "x" * 256, "event_id", "at most 255 characters, got 256"),
        ("channel", "ada,b,2026-01-01,a\x00b", "channel", "one with the character NUL"),
    ],
)  # fmt: skip
def test_an_event_that_cannot_be_used_is_refused_alone(
    tree: Tree, extra: str, row: str, column: str, reason: str
) -> None:
    header, good = "lead_id,type,timestamp", "ben,view,2026-01-01"
    if extra:
        header, good = f"{header},{extra}", f"{good},"
    tables = tree.add("events.csv", f"{header}\n{good}\n{row}\n{good}\n").read()
    reject = only_reject(tables)
    assert (reject.file, reject.line, reject.column) == ("events.csv", 3, column)
    assert pd.Series([reject.reason]).str.contains(reason).all(), reject.reason
    assert [event["lead_id"] for event in events(tables)] == ["ben", "ben"]
    assert tables.counts["events"].read == 3
    assert tables.counts["events"].rejected == 1


@pytest.mark.parametrize(
    ("columns", "row", "column", "reason"),
    [
        ("created_at,value", "2026-01-01,-1", "value", "a number of at least 0, got '-1'"),
        ("created_at,value", "2026-01-01,much", "value", "a number of at least 0, got 'much'"),
        ("created_at,value", "never,1", "created_at", "expected an ISO 8601"),
        ("created_at,value", "2027-01-01,1", "created_at", "expected a time from"),
        ("created_at,value", ",1", "created_at", "expected a time or an event of the lead, got neither"),
        ("created_at,need_by", "2026-01-01,2126-01-01", "need_by", "expected a time from 1900 to 2076"),
        ("created_at,account_id", "2026-01-01," + "x" * 300, "account_id", "at most 255 characters"),
    ],
)
def test_a_lead_that_cannot_be_used_is_refused_alone(
    tree: Tree, columns: str, row: str, column: str, reason: str
) -> None:
    tables = tree.add("leads.csv", f"lead_id,{columns}\nada,{row}\nben,2026-01-01,\n").read()
    reject = only_reject(tables)
    assert (reject.line, reject.column) == (2, column)
    assert reason in reject.reason
    assert [event["lead_id"] for event in events(tables)] == ["ben"]


def test_a_second_row_for_a_lead_is_refused(tree: Tree) -> None:
    tree.add("leads-1.csv", "lead_id,created_at\nada,2026-01-01\nada,2026-01-01\n")
    tree.add("leads-2.csv", "lead_id,created_at\nben,2026-01-01\nada,2026-01-02\n")
    tables = tree.read()
    assert [(r.file, r.line, r.column) for r in tables.rejects] == [
        ("leads-1.csv", 3, "lead_id"),
        ("leads-2.csv", 3, "lead_id"),
    ]
    assert "expected one row for each lead, got another for 'ada'" in tables.rejects[0].reason
    assert sorted(event["lead_id"] for event in events(tables)) == ["ada", "ben"]


def test_a_lead_without_created_at_was_created_with_its_first_event(tree: Tree) -> None:
    tree.add("leads.csv", "lead_id,created_at,city\nada,,Ulm\nben,,Bonn\ncem,2026-01-05,\n")
    tree.add("events.csv", "lead_id,type,timestamp\nada,a,2026-01-09\nada,b,2026-01-07\ncem,c,2026-01-01\n")
    tree.add("outcomes.csv", "lead_id,outcome,at\nada,lost,2026-01-06T23:00:00Z\n")
    tables = tree.read()
    created = {event["lead_id"]: event["occurred_at"] for event in events(tables) if event["type"] == "identify"}
    assert created == {"ada": parse_time("2026-01-07"), "cem": parse_time("2026-01-05")}
    assert [(r.file, r.line) for r in tables.rejects] == [("leads.csv", 3), ("outcomes.csv", 2)]
    assert tables.counts["leads"].read == 3


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        ("ada,bought,2026-02-01,,", "outcome", "expected purchased or lost, got 'bought'"),
        ("ada,,2026-02-01,,", "outcome", "expected a value, got an empty one"),
        (",lost,2026-02-01,,", "lead_id", "expected a value, got an empty one"),
        ("ada,lost,,,", "at", "expected a time, got an empty one"),
        ("ada,lost,2026-03-09,,", "at", "expected a time from"),
        ("ada,lost,2025-12-31,,", "at", "before the lead's creation at 2026-01-01T09:00:00Z"),
        ("ada,lost,2026-01-01T08:59:59Z,,", "at", "before the lead's creation"),
        ("ada,purchased,2026-02-01,-1,", "value", "a number of at least 0, got '-1'"),
        ("ada,purchased,2026-02-01,,10.5", "satisfaction", "expected a number from 0 to 10, got '10.5'"),
        ("ada,purchased,2026-02-01,,-1", "satisfaction", "expected a number from 0 to 10, got '-1'"),
        ("ada,purchased,2026-02-01,,good", "satisfaction", "expected a number from 0 to 10, got 'good'"),
    ],
)
def test_an_outcome_that_cannot_be_used_is_refused_alone(tree: Tree, row: str, column: str, reason: str) -> None:
    tree.add("leads.csv", "lead_id,created_at\nada,2026-01-01T09:00:00Z\n")
    tree.add("outcomes.csv", f"lead_id,outcome,at,value,satisfaction\n{row}\nben,lost,2026-01-01,,\n")
    tables = tree.read()
    reject = only_reject(tables)
    assert (reject.file, reject.line, reject.column) == ("outcomes.csv", 2, column)
    assert reason in reject.reason
    assert [event["lead_id"] for event in events(tables)] == ["ada", "ben"]


def test_an_outcome_dated_on_the_day_of_creation_is_no_earlier_than_it(tree: Tree) -> None:
    tree.add("leads.csv", "lead_id,created_at\nada,2026-01-01T09:00:00Z\n")
    tree.add("outcomes.csv", "lead_id,outcome,at\nada,lost,2026-01-01\n")
    tables = tree.read()
    assert not tables.rejects
    assert events(tables)[-1]["occurred_at"] == parse_time("2026-01-01T09:00:00Z")


def test_a_second_ending_is_refused(tree: Tree) -> None:
    rows = "ada,purchased,2026-01-05\nada,lost,2026-01-09\nada,view,2026-01-10\n"
    tree.add("events.csv", "lead_id,type,timestamp\n" + rows)
    rows = "ada,purchased,2026-01-06\nben,lost,2026-01-06\nben,purchased,2026-01-06\n"
    tree.add("outcomes.csv", "lead_id,outcome,at\n" + rows)
    tables = tree.read()
    assert [(r.file, r.line) for r in tables.rejects] == [("events.csv", 3), ("outcomes.csv", 2), ("outcomes.csv", 4)]
    assert tables.rejects[0].reason == (
        "expected one ending for lead 'ada', got a second: lost at 2026-01-09T00:00:00Z, "
        "after purchased at 2026-01-05T00:00:00Z"
    )
    assert [event["type"] for event in events(tables)] == ["purchased", "view", "lost"]


def test_the_same_ending_again_may_bring_more(tree: Tree) -> None:
    header, row = "lead_id,outcome,at,satisfaction\n", "ada,purchased,2026-01-05,"
    tree.add("outcomes-1.csv", f"{header}{row}\n{row}\n").add("outcomes-2.csv", f"{header}{row}9\n")
    tables = tree.read()
    assert not tables.rejects
    assert [event["properties"] for event in events(tables)] == [{}, {"satisfaction": 9}]
    assert tables.counts["outcomes"].known == 1


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        (",2026-01-01,5", "channel", "expected a value"),
        ("web,,5", "date", "expected a time, got an empty one"),
        ("web,2027-01-01,5", "date", "expected a time from"),
        ("web,2026-01-01,", "amount", "expected a number of at least 0, got an empty one"),
        ("web,2026-01-01,-5", "amount", "expected a number of at least 0, got '-5'"),
        ("web,2026-01-01,5 EUR", "amount", "expected a number of at least 0, got '5 EUR'"),
        ("mail,2026-01-01,7", "amount", "expected one amount for a channel, campaign and date, got another"),
    ],
)
def test_spend_that_cannot_be_used_is_refused_alone(tree: Tree, row: str, column: str, reason: str) -> None:
    tables = tree.add("spend.csv", f"channel,date,amount\nmail,2026-01-01,5\n{row}\nmail,2026-01-02,5\n").read()
    reject = only_reject(tables)
    assert (reject.line, reject.column) == (3, column)
    assert reason in reject.reason
    assert tables.spend["amount"].to_pylist() == [5, 5]


def test_an_event_makes_a_lead_and_any_channel_is_fine(tree: Tree) -> None:
    tree.add("leads.csv", "lead_id,created_at\nada,2026-01-01\n")
    tables = tree.add("events.csv", "lead_id,type,timestamp,channel\nben,new thing,2026-01-01,billboard\n").read()
    assert not tables.rejects
    assert tables.events["lead_id"].to_pylist() == ["ada", "ben"]


def test_a_column_of_text_is_of_one_kind_in_all_of_its_rows_and_files(tree: Tree) -> None:
    header = "lead_id,type,timestamp,n,id,zip,flag,mixed,long,owner,content,empty\n"
    tree.add("events-1.csv", header + "ada,a,2026-01-01,1,7,01234,true,3,12345678901234567,5,6,\n")
    tree.add("events-2.csv", header + "ada,b,2026-01-01,-2.50,x,99999,FALSE,,1,5,6,\n")
    tree.add("events-3.csv", header + "ada,c,2026-01-01,1e3,8,99999,,true,1,5,6,\n")
    one, two, three = (event["properties"] for event in events(tree.read()))
    assert one == {"n": 1, "id": "7", "zip": "01234", "flag": True, "mixed": "3", "long": "12345678901234567",
                   "owner": "5", "content": "6"}  # fmt: skip
    assert two == {"n": -2.5, "id": "x", "zip": "99999", "flag": False, "long": "1", "owner": "5", "content": "6"}
    assert three["n"] == 1000
    assert three["mixed"] == "true"
    assert isinstance(one["n"], int)


def test_bots_are_told_by_a_column(tree: Tree) -> None:
    rows = "".join(f"ada,view,2026-01-01,{bot}\n" for bot in ("true", "", "0", "Yes"))
    tables = tree.add("events.csv", "lead_id,type,timestamp,bot\n" + rows).read()
    assert tables.events["bot"].to_pylist() == [True, False, False, True]
    assert tables.events["properties"].to_pylist() == ["{}"] * 4


def test_equal_rows_without_an_id_stay_distinct_within_a_file(tree: Tree) -> None:
    row = "ada,view,2026-01-01T10:00:00Z,/a\n"
    tree.add("events-1.csv", "lead_id,type,timestamp,content\n" + row * 3 + row.replace("/a", "/b"))
    tree.add("events-2.csv", "lead_id,type,timestamp,content\n" + row * 2)  # an export that overlaps
    first = tree.read()
    assert first.events.num_rows == 4
    assert first.counts["events"].known == 2
    again = tree.read()
    assert again.events.equals(first.events)
    tree.add("events-3.csv", "lead_id,type,timestamp,content\nada,view,2026-01-01,7\nada,view,2026-01-01,x\n")
    assert set(first.events["event_id"].to_pylist()) < set(tree.read().events["event_id"].to_pylist())


def test_ids_do_not_depend_on_what_other_files_say_about_a_column(tree: Tree) -> None:
    tree.add("events-1.csv", "lead_id,type,timestamp,page\nada,view,2026-01-01,7\n")
    (alone,) = events(tree.read())
    tree.add("events-2.csv", "lead_id,type,timestamp,page\nada,view,2026-01-01,x\n")
    beside = events(tree.read())
    assert alone["properties"] == {"page": 7}
    assert beside[0]["properties"] == {"page": "7"}
    assert beside[0]["event_id"] == alone["event_id"]


def test_equal_rows_are_counted_across_blocks(tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [f"ada,view,2026-01-0{1 + i % 7}T10:00:00Z\n" for i in range(500)]
    tree.add("events.csv", "lead_id,type,timestamp\n" + "".join(rows))
    whole = tree.read()
    monkeypatch.setattr("features.tables.csv_file._BLOCK", 256)
    assert tree.read().events.equals(whole.events)
    assert whole.events.num_rows == 500


def test_event_ids_that_are_given_count_once(tree: Tree) -> None:
    rows = "x,ada,a,2026-01-01\nx,ada,b,2026-01-01\n,ada,c,2026-01-01\n"
    tree.add("events.csv", "event_id,lead_id,type,timestamp\n" + rows)
    tables = tree.read()
    assert tables.events["type"].to_pylist() == ["a", "c"]
    assert (tables.counts["events"].new, tables.counts["events"].known) == (2, 1)


def test_gzip_and_parts_and_folders(tree: Tree) -> None:
    header = "lead_id,type,timestamp\n"
    tree.add("events_2.csv.gz", gzip.compress((header + "a,t,2026-01-01\n").encode()))
    tree.add("events/part-0.csv", header + "b,t,2026-01-01\n")
    tree.add("events/_SUCCESS", "").add("events/.part-0.csv.crc", "x")
    tree.parquet("events-0001.parquet", {"lead_id": ["c"], "type": ["t"], "timestamp": ["2026-01-01"]})
    tree.add("EVENTS3.CSV", header + "d,t,2026-01-01\n")
    tree.add("eventsource.csv", "no,table\n").add("rejects.csv", "file,line\n").add("requests.csv", "lead_id,as_of\n")
    tree.add("truth.parquet", "no table").add("notes.txt", "x")
    assert sorted(tree.read().events["lead_id"].to_pylist()) == ["a", "b", "c", "d"]


def test_parquet_with_types_of_its_own(tree: Tree) -> None:
    moment = pd.Timestamp("2026-01-02T10:00:00.5+01:00")
    tree.parquet(
        "events.parquet",
        {
            "lead_id": pa.array([12, 13]),
            "type": pa.array(["view", "view"]).dictionary_encode(),
            "timestamp": pa.array([moment, moment], pa.timestamp("ns", "Europe/Berlin")),
            "bot": pa.array([None, True]),
            "minutes": pa.array([np.nan, 2.5]),
            "n": pa.array([1, None], pa.int32()),
            "score": pa.array([np.nan, 0.1]),
            "ok": pa.array([True, None]),
            "when": pa.array([moment, None], pa.timestamp("ms", "UTC")),
            "day": pa.array([moment.date(), None], pa.date32()),
            "tags": pa.array([["a", None], None]),
            "nothing": pa.nulls(2),
            "owner": pa.array([7, 8]),
            "big": pa.array(["x", "y"], pa.large_string()),
        },
    )
    tables = tree.read()
    assert not tables.rejects
    one, two = events(tables)
    assert (one["lead_id"], one["occurred_at"]) == ("12", parse_time("2026-01-02T09:00:00.5Z"))
    assert one["properties"] == {"n": 1, "ok": True, "when": "2026-01-02T09:00:00.500000Z", "day": "2026-01-02",
                                 "tags": ["a", None], "owner": "7", "big": "x"}  # fmt: skip
    assert two["properties"] == {"minutes": 2.5, "score": 0.1, "owner": "8", "big": "y"}
    assert [one["bot"], two["bot"]] == [False, True]


def test_rows_of_parquet_are_counted_from_one(tree: Tree) -> None:
    day = parse_time("2026-01-01")
    tree.parquet(
        "events.parquet",
        {
            "lead_id": ["a", None, "b", "c"],
            "type": ["t"] * 4,
            "timestamp": pa.array([day, day, day + 900 * DAY, None], pa.timestamp("us")),
            "x": [1.0, 2.0, 3.0, np.inf],
        },
    )
    rejects = tree.read().rejects
    assert sorted((r.line, r.column) for r in rejects) == [(2, "lead_id"), (3, "timestamp"), (4, "timestamp")]


def test_an_infinite_property_is_refused(tree: Tree) -> None:
    tree.parquet("leads.parquet", {"lead_id": ["a", "b"], "created_at": ["2026-01-01"] * 2, "x": [1.0, -np.inf]})
    reject = only_reject(tree.read())
    assert (reject.line, reject.column, reject.reason) == (2, "x", "expected a finite number, got an infinite one")


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("timestamp", pa.array([1_767_225_600]), "expected a time stamp, a date or ISO 8601 text, got the type int64"),
        ("lead_id", pa.array([1.0]), "expected text, got the type double"),
        ("minutes", pa.array([True]), "expected a number, got the type bool"),
        ("bot", pa.array([0.5]), "expected true or false, got the type double"),
        ("raw", pa.array([b"x"]), "expected text, numbers, times or booleans, got the type binary"),
    ],
)
def test_a_parquet_column_of_the_wrong_type_is_an_error(
    tree: Tree, column: str, values: pa.Array, expected: str
) -> None:
    columns = {"lead_id": pa.array(["a"]), "type": pa.array(["t"]), "timestamp": pa.array(["2026-01-01"])}
    tree.parquet("events.parquet", {**columns, column: values})
    with pytest.raises(InputError, match=rf"events.parquet, column {column}: {expected}"):
        tree.read()


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("leads", "lead_id,created_at"),
        ("events", "lead_id,type,timestamp"),
        ("outcomes", "lead_id,outcome,at"),
        ("spend", "channel,date,amount"),
    ],
)
def test_a_missing_column_is_an_error(tree: Tree, table: str, columns: str) -> None:
    for missing in columns.split(","):
        left = [name for name in columns.split(",") if name != missing]
        tree.add(f"{table}.csv", ",".join(left) + "\n")
        with pytest.raises(InputError, match=f"{table}.csv: expected the columns .* got no {missing} among"):
            tree.read()
    assert tree.add(f"{table}.csv", columns + "\n").read().counts[table].read == 0  # no rows is no error


def test_what_concerns_a_whole_file_is_an_error(tree: Tree) -> None:
    good = "lead_id,type,timestamp\nada,view,2026-01-01\n"
    for content, message in [
        ("", "events.csv: expected a table with a line of column names, got an empty file"),
        ("\n" + good, "events.csv:1: expected a line of column names, got an empty line"),
        (good.encode("utf-16"), "events.csv:1: expected UTF-8, got UTF-16 or binary data"),
        ("lead_id,type,größe\n".encode("latin-1"), "events.csv:1: expected UTF-8, got the byte 0xF6 in column 16"),
        (good.replace(",", ";"), "no lead_id and no type and no timestamp among lead_id;type;timestamp"),
        ("lead_id,type,timestamp,type\n", "events.csv: expected each column once, got 'type' twice"),
        ("lead_id,,timestamp,type\n", "events.csv: expected a name for each column, got none for column 2"),
        (good.replace("\n", "\r"), "expected lines that end with LF or CRLF, got CR alone"),
        ('lead_id,"type,timestamp\n', "events.csv:1: expected a line of column names, got unexpected end of data"),
        (gzip.compress(good.encode() * 99)[:-20], "events.csv: expected a whole gzip file"),
    ]:  # fmt: skip
        tree.add("events.csv", content)
        with pytest.raises(InputError) as told:
            tree.read()
        assert message in str(told.value)
    tree.add("events.csv", good).add("leads.parquet", "no parquet")
    with pytest.raises(InputError, match=r"leads\.parquet: expected a Parquet file"):
        tree.read()


def test_a_folder_without_tables(tree: Tree) -> None:
    with pytest.raises(InputError, match="expected at least one of leads, events, outcomes and spend"):
        tree.add("notes.txt", "x").read()
    with pytest.raises(InputError, match="expected a folder with interchange tables"):
        read_tables(tree.path / "none", now=NOW)


def test_requests(tree: Tree) -> None:
    tree.add("requests.csv", "lead_id,as_of,note\nada,2026-01-01T10:00:00+01:00,x\nben,2026-02-01,y\nada,2030-01-01,\n")
    leads, as_of = read_requests(tree.path / "requests.csv")
    assert leads == ["ada", "ben", "ada"]
    assert as_of.dtype == np.int64
    assert as_of.tolist() == [parse_time(t) for t in ("2026-01-01T09:00:00Z", "2026-02-01", "2030-01-01")]
    tree.parquet("r.parquet", {"lead_id": [5], "as_of": pa.array([parse_time("2026-01-01")], pa.timestamp("us"))})
    assert read_requests(tree.path / "r.parquet")[0] == ["5"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lead_id,as_of\nada,2026-01-01\nada,never\n", "requests.csv:3, column as_of: expected an ISO 8601"),
        ("lead_id,as_of\n,2026-01-01\n", "requests.csv:2, column lead_id: expected a value, got an empty one"),
        ("lead_id,as_of\na,2026-01-01,x\n", "requests.csv:2: expected 2 fields, got 3"),
        ("lead_id\na\n", "requests.csv: expected the columns lead_id, as_of, got no as_of among lead_id"),
        ("", "requests.csv: expected a table with a line of column names, got an empty file"),
    ],
)
def test_requests_that_cannot_be_used_are_an_error(tree: Tree, text: str, message: str) -> None:
    tree.add("requests.csv", text)
    with pytest.raises(InputError) as told:
        read_requests(tree.path / "requests.csv")
    assert message in str(told.value)


def test_progress_is_told_in_bytes(tree: Tree) -> None:
    told: dict[str, list[int]] = {}

    class Bar:
        def __init__(self, what: str, size: int) -> None:
            self.told = told.setdefault(what, [size, 0, 0])

        def update(self, n: int) -> None:
            self.told[1] += n

        def close(self) -> None:
            self.told[2] += 1

    tree.add("events.csv", "lead_id,type,timestamp,x\n" + "ada,view,2026-01-01,1\n" * 500)
    tree.parquet("leads.parquet", {"lead_id": ["a"], "created_at": ["2026-01-01"]})
    read_tables(tree.path, now=NOW, progress=Bar)
    assert set(told) == {"checking", "loading"}
    for size, done, closed in told.values():
        assert size == done > 0
        assert closed == 1
