"""Reading exports of CRMs: rows under the CRM's own column names in, events and refused rows out.

A mapping (hubspot.py, salesforce.py) says what one row tells. It sees neither the log nor a clock: what has to be held
against the log is done in admission.py.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from itertools import chain
from typing import Any

from features.errors import InputError
from features.events import DAY, Event
from features.sources.cells import Cells, Moment, keys
from features.tables.csv_records import header_names, slow_chunks
from features.tables.sources import Reject, check_header


@dataclass(frozen=True, slots=True)
class ExportRow:
    """One row. ``line``: of the text file, its header being line 1; in JSON the place in the list, from 1."""

    line: int
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Terms:
    """How an export is read.

    ``now``: microseconds since 1970 UTC. ``zone``: of times that name none. ``as_history``: rows count as recorded when
    they happened, as loaded history does; else now. ``dispositions``: what the CRM's words for the end of a call mean,
    in small letters. ``won``, ``lost``: the stages, in small letters, in which a deal ends so.
    """

    now: int
    zone: tzinfo = UTC
    as_history: bool = True
    dispositions: Mapping[str, str] = field(default_factory=dict)
    won: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()

    def recorded(self, when: Moment) -> int:
        """From when on the row counts as known; of a date without a time, from the end of that day."""
        if not self.as_history:
            return self.now
        return min(when.at + DAY, max(when.at, self.now)) if when.day else when.at


@dataclass(frozen=True, slots=True)
class Candidate:
    """An event that a row tells, before it is held against the log.

    ``day``: only the date is known. ``account``: the event is of every lead of this account; its lead_id is empty.
    """

    line: int
    event: Event
    day: bool = False
    account: str | None = None


@dataclass(frozen=True)
class Found:
    """What came of the rows. ``ignored``: rows that tell nothing, such as a deal that is open."""

    source: str
    read: int
    candidates: list[Candidate]
    rejects: list[Reject]
    ignored: int


Mapped = Iterable[Candidate]
Mapping_ = Callable[[Cells, Terms], Mapped]


def read_rows(source: str, rows: Iterable[ExportRow | Reject], mapping: Mapping_, terms: Terms) -> Found:
    """Every row by itself: what is wrong with one refuses that one."""
    found = Found(source, 0, [], [], 0)
    read = ignored = 0
    for row in rows:
        read += 1
        if isinstance(row, Reject):
            found.rejects.append(row)
            continue
        try:
            told = list(mapping(Cells(row.line, row.values, terms.now, terms.zone), terms))
        except InputError as error:
            found.rejects.append(Reject(source, row.line, error.where, f"expected {error.expected}, got {error.got}"))
            continue
        ignored += not told
        found.candidates.extend(told)
    return Found(source, read, found.candidates, found.rejects, ignored)


def csv_rows(text: bytes, where: str, *, needed: Sequence[str] = ()) -> Iterator[ExportRow | Reject]:
    """The rows of a CSV export: UTF-8, separated by commas. InputError when the header cannot be used.

    ``needed``: names of a column without which no row could be read.
    """
    lines = iter(io.BytesIO(text))
    header = header_names(next(lines, b""), where)
    check_header(header, where)
    if needed and not keys(needed) & keys(header):
        got = ", ".join(header)
        raise InputError(where=where, expected=f"a column named {' or '.join(needed)}", got=got[:200])
    return _csv_rows(lines, where, header)


def _csv_rows(lines: Iterator[bytes], where: str, header: list[str]) -> Iterator[ExportRow | Reject]:
    for chunk in slow_chunks(lines, 2, where, header, header):
        good = (
            ExportRow(line, values) for line, values in zip(chunk.lines.tolist(), chunk.table.to_pylist(), strict=True)
        )
        yield from chain(good, chunk.rejects)


def json_rows(objects: Iterable[Any], where: str) -> Iterator[ExportRow | Reject]:
    """The rows of a JSON list. HubSpot's API puts the columns under ``properties``: they count as the row's own."""
    for line, row in enumerate(objects, 1):
        if not isinstance(row, dict):
            yield Reject(where, line, "", f"expected an object, got {type(row).__name__}")
            continue
        inner = row.get("properties")
        yield ExportRow(line, {**row, **inner} if isinstance(inner, dict) else row)
