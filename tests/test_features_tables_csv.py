"""No CSV file, however broken, costs a good row or ends in anything but an InputError."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from features.errors import InputError
from features.events import dump_properties, parse_time
from features.tables import Tables, read_tables

NOW = parse_time("2026-03-01T12:00:00Z")
HEADER = "lead_id,type,timestamp,note\n"


def read(folder: Path, content: str | bytes, name: str = "events.csv") -> Tables:
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_tables(folder, now=NOW)


def notes(tables: Tables) -> list[str | None]:
    return [orjson.loads(text).get("note") for text in tables.events["properties"].to_pylist()]


@pytest.mark.parametrize(
    ("rows", "good", "refused"),
    [
        ("a,t,2026-01-01,x\nb,t\nc,t,2026-01-01,y\n", ["x", "y"], {3: "expected 4 fields, got 2"}),
        ("a,t,2026-01-01,x\nb,t,2026-01-01,x,y\nc,t,2026-01-01,y", ["x", "y"], {3: "expected 4 fields, got 5"}),
        ("\na,t,2026-01-01,x\n\n\r\nb,t\n", ["x"], {6: "expected 4 fields, got 2"}),
        ('a,t,2026-01-01,"x, ""y""\nz"\nb,t\nc,t,2026-01-01,"y"\n', ['x, "y"\nz', "y"], {4: "expected 4 fields"}),
        ('a,t,2026-01-01,5" pipe\nb,t,2026-01-01,y\n', ['5" pipe', "y"], {}),
        ('a,t,2026-01-01,"x\nb,t,2026-01-01,y\nc,t,2026-01-01,z\n', ["y", "z"], {2: "text that is not CSV"}),
        ('a,t,2026-01-01,"x"y\nb,t,2026-01-01,z\n', ["z"], {2: "text that is not CSV"}),
        ('a,t,2026-01-01,""y\nb,t,2026-01-01,z\n', ["z"], {2: "text that is not CSV"}),
        ("a,t,2026-01-01,x\rb,t,2026-01-01,y\nc,t,2026-01-01,z\n", ["z"], {2: "text that is not CSV"}),
        ('"a","t","2026-01-01",""\n"b","t","2026-01-01","""q"""\n', [None, '"q"'], {}),
    ],
)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_rows_that_are_not_csv_are_refused_with_their_line(
    tmp_path: Path, rows: str, good: list[str | None], refused: dict[int, str], ends: str
) -> None:
    text = (HEADER + rows).replace("\r\n", "\n").replace("\n", ends)
    tables = read(tmp_path, text)
    assert notes(tables) == [note and note.replace("\n", ends) for note in good]
    assert [reject.line for reject in tables.rejects] == list(refused)
    for reject, reason in zip(tables.rejects, refused.values(), strict=True):
        assert reason in reject.reason


def test_rows_that_are_not_utf8_are_refused_with_their_byte(tmp_path: Path) -> None:
    tables = read(
        tmp_path, HEADER.encode() + "a,t,2026-01-01,ä\nb,t,2026-01-01,x".encode() + b"\xe4\nc,t,2026-01-01,z\n"
    )
    assert notes(tables) == ["ä", "z"]
    (reject,) = tables.rejects
    assert (reject.line, reject.column) == (3, "note")
    assert reject.reason == "expected UTF-8, got the byte 0xE4 as character 2"


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbf" + HEADER.encode() + b"a,t,2026-01-01,x\n").counts["events"].new == 1


def test_a_quote_that_is_never_closed_costs_its_own_row_only(tmp_path: Path) -> None:
    rows = [f"a,t,2026-01-01,{i}\n" for i in range(3_000)]
    rows[5] = 'a,t,2026-01-01,"open\n'
    tables = read(tmp_path, HEADER + "".join(rows))
    assert [reject.line for reject in tables.rejects] == [7]
    assert tables.events.num_rows == 2_999


def test_a_line_without_end_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("features.tables.csv_file._LONGEST_LINE", 100)
    monkeypatch.setattr("features.tables.csv_file._BLOCK", 16)
    with pytest.raises(InputError, match="expected lines of text, got a line of more than"):
        read(tmp_path, HEADER + "x" * 200)


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\r"), max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.tuples(cells, cells), max_size=30),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    block=st.sampled_from([8, 64, 4096]),
    zipped=st.booleans(),
)
def test_what_a_csv_writer_writes_is_read(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    rows: list[tuple[str, str]],
    quoting: int,
    block: int,
    zipped: bool,
) -> None:
    monkeypatch.setattr("features.tables.csv_file._BLOCK", block)
    text = io.StringIO()
    writer = csv.writer(text, quoting=quoting, lineterminator="\n")
    writer.writerow(["lead_id", "type", "timestamp", "owner", "reason"])
    writer.writerows(("a", "t", "2026-01-01", *row) for row in rows)
    content = text.getvalue().encode()
    (tmp_path / "events.csv").unlink(missing_ok=True)
    (tmp_path / "events.csv.gz").unlink(missing_ok=True)
    name = "events.csv.gz" if zipped else "events.csv"
    tables = read(tmp_path, gzip.compress(content) if zipped else content, name)
    assert not tables.rejects
    expected = [{key: cell for key, cell in zip(("owner", "reason"), row, strict=True) if cell} for row in rows]
    assert tables.events["properties"].to_pylist() == [dump_properties(properties) for properties in expected]


junk = st.binary(max_size=40) | st.text('",\n\r;ab', max_size=40).map(str.encode)
good = st.integers(0, 99).map(lambda i: f"good{i},t,2026-01-01,{i}".encode())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.lists(good | junk.filter(lambda line: b'"' not in line), max_size=12), st.sampled_from([16, 4096]))
@example([b"good1,t,2026-01-01,1", b"\x00", b"good2,t,2026-01-01,2"], 4096)
def test_junk_between_good_rows_costs_none_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[bytes], block: int
) -> None:
    monkeypatch.setattr("features.tables.csv_file._BLOCK", block)
    tables = read(tmp_path, HEADER.encode() + b"\n".join(lines))
    wanted = [line.split(b",")[0].decode() for line in lines if line.startswith(b"good")]
    assert [lead for lead in tables.events["lead_id"].to_pylist() if lead.startswith("good")] == wanted
    count = tables.counts["events"]
    assert count.read == count.new + count.known + count.rejected


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.lists(good | junk, max_size=12), st.sampled_from([16, 4096]))
def test_a_stray_quote_is_never_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[bytes], block: int
) -> None:
    """With quotes in the junk what is a good row depends on how one reads it; that all is read does not."""
    monkeypatch.setattr("features.tables.csv_file._BLOCK", block)
    tables = read(tmp_path, HEADER.encode() + b"\n".join(lines))
    count = tables.counts["events"]
    assert count.read == count.new + count.known + count.rejected
    assert [reject.line for reject in tables.rejects] == sorted(reject.line for reject in tables.rejects)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(st.binary(max_size=200) | st.text('lead_id,typms"\n\r\t;x1-\ufeff', max_size=200).map(str.encode))
def test_any_bytes_are_a_table_or_an_input_error(tmp_path: Path, content: bytes) -> None:
    for name in ("events.csv", "leads.parquet", "spend.csv.gz"):
        for other in tmp_path.iterdir():
            other.unlink()
        with contextlib.suppress(InputError):
            read(tmp_path, content, name)
