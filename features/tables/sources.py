"""Which files of a folder hold which table, and what a file gives: its rows, in chunks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.errors import InputError

TABLES = ("leads", "events", "outcomes", "spend")
_SUFFIX = r"\.(csv|csv\.gz|parquet)"
_FILE = re.compile(rf"(?P<table>{'|'.join(TABLES)})([-_].*|\d+)?{_SUFFIX}", re.IGNORECASE)
_ANY_FILE = re.compile(rf"[^._].*{_SUFFIX}", re.IGNORECASE)


@dataclass(frozen=True)
class Reject:
    """A row that was refused. ``line``: of the text file (the header is line 1); in Parquet the row, from 1."""

    file: str
    line: int
    column: str
    reason: str


@dataclass(frozen=True)
class Chunk:
    """Some rows of one file, with the line of each. Columns of a CSV file are text; what is empty is null."""

    file: str
    lines: npt.NDArray[np.int64]
    table: pa.Table
    rejects: list[Reject] = field(default_factory=list)  # rows that could not be read at all


class Source(Protocol):
    """One file of a table."""

    name: str
    size: int  # bytes
    typed: bool  # whether columns have types of their own; else all are text
    columns: dict[str, pa.DataType]

    def chunks(self, columns: list[str] | None, advance: Callable[[int], object]) -> Iterator[Chunk]:
        """The rows in the order of the file; ``columns``: only these. ``advance`` hears of bytes as they are read."""


def table_files(folder: Path) -> dict[str, list[Path]]:
    """The files of each table: ``events.csv``, ``events-0001.parquet``, ``events_2.csv.gz``, or ``events/*``.

    Raises InputError when there is no such file at all.
    """
    if not folder.is_dir():
        raise InputError(where=str(folder), expected="a folder with interchange tables", got="no folder")
    found: dict[str, list[Path]] = {table: [] for table in TABLES}
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name in found:
            found[path.name] += sorted(
                part for part in path.rglob("*") if part.is_file() and _ANY_FILE.fullmatch(part.name)
            )
        elif path.is_file() and (match := _FILE.fullmatch(path.name)):
            found[match["table"].lower()].append(path)
    if not any(found.values()):
        raise InputError(
            where=str(folder),
            expected="at least one of leads, events, outcomes and spend as .csv, .csv.gz or .parquet",
            got="none of them",
            remedy="The tables and their columns are described in the README",
        )
    return found


def check_header(names: list[str], where: str) -> None:
    """InputError for a column without a name, or one that is there twice."""
    if any(not name for name in names):
        raise InputError(where=where, expected="a name for each column", got=f"none for column {names.index('') + 1}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(where=where, expected="each column once", got=f"{twice[0]!r} twice")
