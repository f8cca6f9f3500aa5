"""CSV rows one by one, with the line of each: for what the fast parser cannot tell."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import pyarrow as pa

from features.errors import InputError
from features.tables.sources import Chunk, Reject

_ROWS = 20_000
# A quote that is never closed would swallow the rest of the file: a row ends after so many lines.
_MOST_LINES = 1_000


def header_names(line: bytes, where: str) -> list[str]:
    """The column names in the first line of a file; InputError when it is not comma-separated UTF-8."""
    if line.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in line:
        raise InputError(
            where=f"{where}:1", expected="UTF-8", got="UTF-16 or binary data", remedy="Save the file as CSV in UTF-8"
        )
    try:
        text = line.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError as error:
        got = f"the byte 0x{line[error.start]:02X} in column {error.start + 1} of the line"
        raise InputError(where=f"{where}:1", expected="UTF-8", got=got, remedy="Save the file as UTF-8") from None
    if "\r" in text:
        raise InputError(
            where=f"{where}:1", expected="lines that end with LF or CRLF", got="CR alone", remedy="Save the file anew"
        )
    if not text.strip():
        raise InputError(where=f"{where}:1", expected="a line of column names", got="an empty line")
    try:
        names = next(csv.reader([text], strict=True))
    except csv.Error as error:
        raise InputError(where=f"{where}:1", expected="a line of column names", got=str(error)) from None
    return [name.strip() for name in names]


def slow_chunks(
    lines: Iterator[bytes], first: int, where: str, header: Sequence[str], names: Sequence[str]
) -> Iterator[Chunk]:
    """The rows of these lines, of which the first has number ``first``; columns ``names`` of those in ``header``."""
    records = _records(lines, first, where, len(header))
    while batch := list(islice(records, _ROWS)):
        rows, at = [], []
        rejects = []
        for record in batch:
            if isinstance(record, Reject):
                rejects.append(record)
            else:
                at.append(record[0])
                rows.append(record[1])
        yield _chunk(rows, at, rejects, where=where, header=header, names=names)


def _chunk(
    rows: list[list[str]],
    at: list[int],
    rejects: list[Reject],
    *,
    where: str,
    header: Sequence[str],
    names: Sequence[str],
) -> Chunk:
    places = [header.index(name) for name in names]
    try:
        columns = [pa.array([row[place] or None for row in rows], type=pa.string()) for place in places]
    except UnicodeEncodeError:
        good = []
        for row, line in zip(rows, at, strict=True):
            problem = _not_utf8(row, line, where, header)
            if problem is None:
                good.append((row, line))
            else:
                rejects.append(problem)
        return _chunk(
            [row for row, _ in good], [line for _, line in good], rejects, where=where, header=header, names=names
        )
    return Chunk(where, np.array(at, dtype=np.int64), pa.Table.from_arrays(columns, names=list(names)), rejects)


def _not_utf8(row: list[str], line: int, where: str, header: Sequence[str]) -> Reject | None:
    for name, cell in zip(header, row, strict=True):
        for place, character in enumerate(cell):
            if "\udc80" <= character <= "\udcff":
                reason = f"expected UTF-8, got the byte 0x{ord(character) - 0xDC00:02X} as character {place + 1}"
                return Reject(where, line, name, reason)
    return None


def _records(lines: Iterator[bytes], first: int, where: str, width: int) -> Iterator[tuple[int, list[str]] | Reject]:
    """Each row with the line on which it begins. Bytes that are not UTF-8 become lone surrogates.

    A row that cannot be read is refused up to the end of its first line, and reading goes on with the next line.
    """
    waiting: deque[bytes] = deque()
    taken: list[bytes] = []

    def feed() -> Iterator[str]:
        while len(taken) < _MOST_LINES:
            line = waiting.popleft() if waiting else next(lines, b"")
            if not line:
                return
            taken.append(line)
            yield line.decode("utf-8", "surrogateescape")

    at = first
    reader = csv.reader(feed(), strict=True)
    while True:
        taken.clear()
        try:
            row = next(reader)
            reason = "" if len(row) == width else f"expected {width} fields, got {len(row)}"
        except StopIteration:
            return
        except csv.Error as error:
            row, reason = [], f"expected a row of {width} fields, got text that is not CSV: {error}"
        if not reason:
            yield at, row
        elif row or len(taken) > 1 or taken[0].strip():
            yield Reject(where, at, "", reason)
            if len(taken) > 1 or not row:
                # What was taken for the inside of a quoted field may be good rows.
                waiting.extendleft(reversed(taken[1:]))
                del taken[1:]
                reader = csv.reader(feed(), strict=True)
        at += len(taken)
