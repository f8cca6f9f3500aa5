"""`python -m features.load DIR` puts interchange tables into the log, and says what it did."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path

import pytest

from features import load
from features.events import Event, events_table, parse_time
from features.load import RejectsFile
from features.store import Store
from features.tables import read_tables

NOW = parse_time("2026-03-01")
LEADS = "lead_id,created_at,account_id,need_by\nada,2026-01-01,acme,2026-09-01\nben,2026-01-02,acme,\n"
EVENTS = "lead_id,type,timestamp,channel\nada,view,2026-01-03,web\nada,view,2026-01-03,web\nben,view,2026-01-04,\n"
OUTCOMES = "lead_id,outcome,at,value\nada,purchased,2026-02-01,100\n"
SPEND = "channel,date,amount\nweb,2026-01-01,20\nmail,2026-01-01,5\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one table of each kind."""
    path = tmp_path / "tables"
    path.mkdir()
    for name, text in (("leads", LEADS), ("events", EVENTS), ("outcomes", OUTCOMES), ("spend", SPEND)):
        (path / f"{name}.csv").write_text(text)
    return path


def rejects(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def loaded(store: Store, folder: Path, tmp_path: Path) -> tuple[int, int, int]:
    """New, known and refused after loading the folder."""
    refused = RejectsFile(tmp_path / "refused.csv")
    counts = load.load(folder, store, now=NOW, rejects=refused).values()
    refused.close()
    return sum(c.new for c in counts), sum(c.known for c in counts), refused.count


def test_the_log_holds_what_the_tables_say(store: Store, folder: Path, tmp_path: Path) -> None:
    assert loaded(store, folder, tmp_path) == (9, 0, 0)
    assert store.events().equals(read_tables(folder, now=NOW).events)
    assert store.spend().num_rows == 2
    assert store.history(["ben"]).lead_ids == ("ada", "ben")
    assert store.lead_ids(open_only=True) == ["ben"]


def test_loading_again_changes_nothing(store: Store, folder: Path, tmp_path: Path) -> None:
    loaded(store, folder, tmp_path)
    events, spend, position = store.events(), store.spend(), store.position()
    assert loaded(store, folder, tmp_path) == (0, 9, 0)
    assert store.events().equals(events)
    assert store.spend().equals(spend)
    assert store.position() == position


def test_a_load_that_was_cut_short_is_finished_by_loading_again(store: Store, folder: Path, tmp_path: Path) -> None:
    (folder / "outcomes.csv").rename(tmp_path / "outcomes.csv")
    loaded(store, folder, tmp_path)
    (tmp_path / "outcomes.csv").rename(folder / "outcomes.csv")
    assert loaded(store, folder, tmp_path) == (1, 8, 0)
    assert set(store.events()["event_id"].to_pylist()) == set(
        read_tables(folder, now=NOW).events["event_id"].to_pylist()
    )


def test_a_second_ending_is_refused_when_the_first_is_in_the_log(store: Store, folder: Path, tmp_path: Path) -> None:
    loaded(store, folder, tmp_path)
    (folder / "outcomes.csv").write_text("lead_id,outcome,at\nada,lost,2026-02-01\nben,lost,2026-02-02\n")
    assert loaded(store, folder, tmp_path) == (1, 8, 1)
    (reject,) = rejects(tmp_path / "refused.csv")
    assert reject["reason"].endswith(
        "got a second: lost at 2026-02-01T00:00:00Z, after purchased at 2026-02-01T00:00:00Z"
    )


def test_an_ending_before_a_lead_known_to_the_log_is_refused(store: Store, tmp_path: Path) -> None:
    first = parse_time("2026-01-05T08:00:00Z")
    store.append(events_table([Event(event_id="e", lead_id="ada", type="view", occurred_at=first, recorded_at=first)]))
    (tmp_path / "outcomes.csv").write_text("lead_id,outcome,at\nada,lost,2026-01-04\n")
    assert loaded(store, tmp_path, tmp_path) == (0, 0, 1)
    (tmp_path / "outcomes.csv").write_text("lead_id,outcome,at\nada,lost,2026-01-05\n")
    assert loaded(store, tmp_path, tmp_path) == (1, 0, 0)
    assert loaded(store, tmp_path, tmp_path) == (0, 1, 0)


def test_the_command(folder: Path, database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with (folder / "events.csv").open("a") as stream:
        stream.write("ben,view,soon,web\nben\n")
    assert load.main([str(folder), "--database", database_url]) == 0
    told = capsys.readouterr().out
    assert f"2 rows were refused; {folder / 'rejects.csv'} says which and why" in told
    assert rejects(folder / "rejects.csv") == [
        {
            "file": "events.csv",
            "line": "5",
            "column": "timestamp",
            "reason": "expected an ISO 8601 date or time such as 2026-03-01T09:30:00Z, got 'soon'",
        },
        {"file": "events.csv", "line": "6", "column": "", "reason": "expected 4 fields, got 1"},
    ]
    assert load.main([str(folder), "--database", database_url]) == 0
    with Store.open(database_url) as store:
        assert store.events().num_rows == 7


def test_the_rejects_of_an_earlier_load_do_not_stay(folder: Path, database_url: str) -> None:
    good = (folder / "events.csv").read_text()
    (folder / "events.csv").write_text(good + "x\n")
    load.main([str(folder), "--database", database_url])
    assert (folder / "rejects.csv").exists()
    (folder / "events.csv").write_text(good)
    load.main([str(folder), "--database", database_url])
    assert not (folder / "rejects.csv").exists()


def test_rejects_go_where_they_are_wanted(folder: Path, tmp_path: Path, database_url: str) -> None:
    (folder / "events.csv").write_text(EVENTS + "x\n")
    assert load.main([str(folder), "--database", database_url, "--rejects", str(tmp_path / "bad.csv")]) == 0
    assert len(rejects(tmp_path / "bad.csv")) == 1
    assert not (folder / "rejects.csv").exists()


def test_a_folder_that_takes_no_file_is_no_hindrance(
    folder: Path, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "events.csv").write_text(EVENTS + "x\n")
    # Not by its mode: root may write everywhere.
    monkeypatch.setattr(os, "access", lambda path, _: Path(path) != folder)
    monkeypatch.chdir(tmp_path)
    assert load.main([str(folder), "--database", database_url]) == 0
    assert "rejects.csv says which and why" in capsys.readouterr().out
    assert len(rejects(tmp_path / "rejects.csv")) == 1
    assert load.main([str(folder), "--database", database_url, "--rejects", str(folder / "bad.csv")]) == 2
    assert "expected a folder to write to" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lead_id,type\na,b\n", "events.csv: expected the columns lead_id, type, timestamp, got no timestamp among"),
        ("", "events.csv: expected a table with a line of column names, got an empty file"),
        ("lead_id,type,timestamp\n", "nothing was loaded"),
        ("lead_id,type,timestamp\na,b,never\n", "nothing was loaded"),
    ],
)
def test_when_nothing_can_be_loaded_it_fails_in_one_line(
    tmp_path: Path, database_url: str, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    (tmp_path / "events.csv").write_text(text)
    (tmp_path / "leads.csv").write_text("lead_id,created_at\n")
    assert load.main([str(tmp_path), "--database", database_url]) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    with Store.open(database_url) as store:
        assert store.position() == 0


@pytest.mark.parametrize("url", ["mysql://x/y", "postgresql://me:s3cret@127.0.0.1:1/none"])
def test_a_database_that_cannot_be_used(folder: Path, capsys: pytest.CaptureFixture[str], url: str) -> None:
    assert load.main([str(folder), "--database", url]) == 2
    told = capsys.readouterr().err
    assert len(told.splitlines()) == 1
    assert "s3cret" not in told


def test_the_database_of_the_settings_is_made(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADTIME_DATABASE_URL", f"sqlite:///{tmp_path}/new/log.db")
    assert load.main([str(folder)]) == 0
    with Store.open(f"sqlite:///{tmp_path}/new/log.db") as store:
        assert store.events().num_rows == 7


def test_it_runs_as_a_module_and_shows_progress(folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "features.load", str(folder), "--database", f"sqlite:///{tmp_path}/log.db"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert "loading: 100%" in done.stderr
    assert done.stdout.splitlines()[0].split() == ["table", "rows", "refused", "new", "events", "known"]
    assert done.stdout.splitlines()[2].split() == ["events", "3", "0", "3", "0"]


def test_it_says_what_to_type_next(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LEADTIME_DATABASE_URL", f"sqlite:///{tmp_path}/log.db")
    assert load.main([str(folder)]) == 0
    assert capsys.readouterr().out.endswith("Next:\n  python -m training.train\n")
    assert load.main([str(folder), "--no-hints"]) == 0
    assert "Next" not in capsys.readouterr().out


def test_ctrl_c_ends_in_one_line(
    folder: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(load, "load", interrupted)
    assert load.main([str(folder), "--database", database_url]) == 130
    assert "load again" in capsys.readouterr().err
