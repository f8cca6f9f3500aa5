"""The simulator writes valid interchange tables, the same ones every time, in whatever chunks."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from features import simulate as command
from features.errors import InputError
from features.sources.simulator import WORLDS, Simulation, simulate
from features.sources.simulator.dynamics import Span
from features.sources.simulator.stream import write_simulation
from features.tables import read_tables

END = date(2026, 11, 1)
END_AT = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return simulate(leads=2500, seed=5, end=END)


def concat(folder: Path, name: str) -> pa.Table:
    return pa.concat_tables([pq.read_table(path) for path in sorted(folder.glob(f"{name}*.parquet"))])


def test_same_seed_gives_same_tables_and_another_seed_others() -> None:
    first, again, other = (simulate(leads=60, seed=seed, end=END) for seed in (1, 1, 2))
    assert first.tables == again.tables
    assert first.tables["events"] != other.tables["events"]


def test_a_lead_does_not_depend_on_how_many_there_are() -> None:
    few, many = simulate(leads=101, seed=3, end=END).tables, simulate(leads=400, seed=3, end=END).tables
    for name in ("leads", "events", "outcomes"):
        first = many[name].filter(pc.less_equal(many[name]["lead_id"], "L00000100"))
        assert few[name].combine_chunks() == first.combine_chunks()


@pytest.mark.parametrize("chunk", [8, 100, 1000])
def test_chunks_written_are_the_tables_in_memory(tmp_path: Path, chunk: int) -> None:
    write_simulation(tmp_path, leads=300, seed=4, world=WORLDS["rich"], span=Span(END, 540), chunk=chunk)
    tables = simulate(leads=300, seed=4, end=END).tables
    for name, table in tables.items():
        assert concat(tmp_path, name).combine_chunks() == table.combine_chunks()


def test_every_row_is_accepted_by_the_reader_of_interchange_tables(tmp_path: Path) -> None:
    write_simulation(tmp_path, leads=200, seed=4, world=WORLDS["slipping"], span=Span(END, 540))
    tables = read_tables(tmp_path, now=Span(END, 540).end_micros)
    assert tables.rejects == []
    distinct = pc.count_distinct(pq.read_table(tmp_path / "events.parquet")["event_id"]).as_py()
    assert pc.count_distinct(tables.events["event_id"]).as_py() > distinct  # leads and outcomes are events too


def test_tables_have_these_columns_and_nothing_of_the_truth(simulation: Simulation) -> None:
    columns = {name: table.column_names for name, table in simulation.tables.items()}
    assert columns == {
        "leads": [
            *("lead_id", "created_at", "account_id", "source", "owner", "value", "need_by"),
            *("industry", "company_size", "country", "product", "role"),
        ],
        "events": [
            *("event_id", "lead_id", "type", "timestamp", "recorded_at", "channel", "campaign", "content", "bot"),
            *("disposition", "minutes", "owner", "need_by", "value"),
        ],
        "outcomes": ["lead_id", "outcome", "at", "value", "reason", "owner", "satisfaction"],
        "spend": ["channel", "date", "amount", "campaign"],
    }


def test_nothing_before_creation_after_the_ending_or_after_the_end(simulation: Simulation) -> None:
    tables = simulation.tables
    assert pc.max(tables["events"]["recorded_at"]).as_py() < END_AT
    assert pc.max(tables["leads"]["created_at"]).as_py() < END_AT
    assert pc.max(tables["outcomes"]["at"]).as_py() < END_AT
    events = tables["events"].join(tables["leads"].select(["lead_id", "created_at"]), "lead_id")
    assert pc.all(pc.greater_equal(events["timestamp"], events["created_at"])).as_py()
    assert pc.all(pc.greater_equal(events["recorded_at"], events["timestamp"])).as_py()
    ended = tables["events"].join(tables["outcomes"].select(["lead_id", "at"]), "lead_id", join_type="inner")
    assert pc.all(pc.less(ended["timestamp"], ended["at"])).as_py()


def test_one_ending_at_most_and_every_lead_has_an_event(simulation: Simulation) -> None:
    outcomes, events = simulation.tables["outcomes"], simulation.tables["events"]
    assert pc.count_distinct(outcomes["lead_id"]).as_py() == outcomes.num_rows
    assert pc.count_distinct(events["lead_id"]).as_py() == simulation.tables["leads"].num_rows


@pytest.mark.parametrize("world", sorted(WORLDS))
def test_base_rates_are_those_of_a_plausible_market(world: str) -> None:
    tables = simulate(leads=2000, seed=6, end=END, world=world).tables
    purchased = pc.sum(pc.equal(tables["outcomes"]["outcome"], "purchased")).as_py()
    assert 0.15 < purchased / 2000 < 0.28
    assert 0.45 < (tables["outcomes"].num_rows - purchased) / 2000 < 0.62
    per_lead = tables["events"].num_rows / 2000
    assert 5 < per_lead < 15 if world == "sparse" else 35 < per_lead < 65


def test_some_events_are_bots_some_come_twice_some_late(simulation: Simulation) -> None:
    events = simulation.tables["events"]
    n = events.num_rows
    assert 0.01 < pc.sum(events["bot"]).as_py() / n < 0.06
    late = pc.greater(events["recorded_at"], events["timestamp"])
    assert 0.02 < pc.sum(late).as_py() / n < 0.10
    distinct = pc.count_distinct(events["event_id"]).as_py()
    assert 0.005 < (n - distinct) / n < 0.02
    # delivered twice means the same row twice
    assert len(events.to_pandas().drop_duplicates()) == distinct


def test_accounts_have_colleagues_who_share_what_belongs_to_the_account(simulation: Simulation) -> None:
    leads = simulation.tables["leads"].to_pandas()
    accounts = leads.groupby("account_id")
    assert 1.2 < accounts.size().mean() < 2.0
    shared = ["source", "owner", "industry", "company_size", "country", "product"]
    assert (accounts[shared].nunique() == 1).all(axis=None)


def test_spend_covers_the_calendar_of_the_paid_channels_and_grows_with_leads() -> None:
    few, many = (simulate(leads=n, seed=1, end=END, days=60).tables["spend"] for n in (50, 500))
    assert set(few["channel"].to_pylist()) >= {"search_ads", "social_ads", "event", "outbound"}
    assert pc.count_distinct(few["date"]).as_py() == 60
    assert pc.sum(many["amount"]).as_py() == pytest.approx(10 * pc.sum(few["amount"]).as_py(), rel=0.01)


def test_command_writes_csv_and_replaces_its_own_tables_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new"
    assert command.main([str(out), "--leads", "30", "--format", "csv"]) == 0
    assert command.main([str(out), "--leads", "20"]) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        *("events.parquet", "leads.parquet", "outcomes.parquet", "simulation.json", "spend.parquet")
    ]
    assert "20 leads" in capsys.readouterr().out
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "leads.csv").write_text("lead_id,created_at\n")
    assert command.main([str(foreign)]) == 2
    assert "leads.csv of other origin" in capsys.readouterr().err
    assert (foreign / "leads.csv").exists()


@pytest.mark.parametrize("wrong", [["--leads", "0"], ["--end", "1.11.2026"], ["--days", "3"], ["--end", "0001-02-01"]])
def test_command_refuses_bad_input_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: list[str]
) -> None:
    assert command.main([str(tmp_path / "out"), *wrong]) == 2
    assert "expected" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_csv_and_parquet_hold_the_same(tmp_path: Path) -> None:
    for name in ("csv", "parquet"):
        write_simulation(tmp_path / name, leads=40, seed=2, world=WORLDS["rich"], span=Span(END, 200), file_format=name)
    read = pa.csv.read_csv(
        tmp_path / "csv" / "events.csv", convert_options=pa.csv.ConvertOptions(strings_can_be_null=True)
    )
    written = pq.read_table(tmp_path / "parquet" / "events.parquet")
    assert read["event_id"].to_pylist() == written["event_id"].to_pylist()
    assert read["content"].to_pylist() == written["content"].to_pylist()
    assert read["timestamp"].cast(pa.timestamp("us", tz="UTC")).to_pylist() == written["timestamp"].to_pylist()


def test_unknown_world_and_no_leads_are_refused() -> None:
    with pytest.raises(InputError, match="rich"):
        simulate(leads=10, seed=1, end=END, world="flat")
    with pytest.raises(InputError, match="at least one lead"):
        simulate(leads=0, seed=1, end=END)
