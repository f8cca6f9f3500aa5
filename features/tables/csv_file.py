"""CSV files, plain or gzip, in chunks of text columns.

Blocks in which each line is a row are parsed by Arrow. Where a quoted field may hold a line end or a quote stands
where none should, and for a block in which something else is odd (a row with too few fields, an empty line, a byte
that is not UTF-8), Python's csv module takes over: it is slower, and it tells the line of each row.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from features.errors import InputError
from features.tables.csv_records import header_names, slow_chunks
from features.tables.sources import Chunk, check_header

_BLOCK = 4 << 20
_LONGEST_LINE = 16 << 20


class CsvFile:
    """One CSV file: separated by commas, quoted by ``"``, UTF-8 with or without a byte order mark."""

    typed = False

    def __init__(self, path: Path, name: str) -> None:
        self._path, self.name, self.size = path, name, path.stat().st_size
        with self._open() as (_, stream):
            self._header = header_names(_line(stream, name), name)
        check_header(self._header, name)
        self.columns = {column: pa.string() for column in self._header}

    @contextmanager
    def _open(self) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        """The file as it is on disk, and its text."""
        with self._path.open("rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            try:
                if not zipped:
                    yield raw, raw
                    return
                with gzip.GzipFile(fileobj=raw) as stream:
                    yield raw, io.BufferedReader(stream, 1 << 20)
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise InputError(
                    where=self.name, expected="a whole gzip file", got=str(error), remedy="Copy or pack the file again"
                ) from None

    def chunks(self, columns: list[str] | None, advance: Callable[[int], object]) -> Iterator[Chunk]:
        names = self._header if columns is None else columns
        with self._open() as (raw, stream):
            told = 0
            for chunk in self._parse(stream, names):
                advance(raw.tell() - told)
                told = raw.tell()
                yield chunk
            advance(self.size - told)

    def _parse(self, stream: IO[bytes], names: list[str]) -> Iterator[Chunk]:
        _line(stream, self.name)
        line = 2
        while block := stream.read(_BLOCK):
            if not block.endswith(b"\n"):
                block += _line(stream, self.name)
            if not _a_row_each_line(block):
                # A quoted field may hold line ends, so that the block may end within one.
                yield from slow_chunks(_lines(block, stream, self.name), line, self.name, self._header, names)
                return
            table = self._fast(block, names)
            if table is None:
                lines = _lines(block, io.BytesIO(), self.name)
                yield from slow_chunks(lines, line, self.name, self._header, names)
                line += block.count(b"\n")
            else:
                yield Chunk(self.name, np.arange(line, line + table.num_rows, dtype=np.int64), table)
                line += table.num_rows

    def _fast(self, block: bytes, names: list[str]) -> pa.Table | None:
        """The block by Arrow; None when a row is odd, so that the lines of rows could not be told."""
        if block.startswith((b"\n", b"\r")) or b"\n\n" in block or b"\n\r" in block:
            return None
        if block.count(b"\r") != block.count(b"\r\n"):
            return None
        try:
            return pacsv.read_csv(
                pa.BufferReader(block),
                read_options=pacsv.ReadOptions(column_names=self._header, block_size=len(block) + 1),
                parse_options=pacsv.ParseOptions(ignore_empty_lines=False),
                convert_options=pacsv.ConvertOptions(
                    column_types=self.columns, include_columns=names, null_values=[""], strings_can_be_null=True
                ),
            )
        except pa.ArrowInvalid:
            return None


_SEPARATORS = np.zeros(256, dtype=np.bool_)
_SEPARATORS[list(b",\r\n")] = True
_ORDINARY = ~_SEPARATORS
_ORDINARY[ord('"')] = False


def _a_row_each_line(block: bytes) -> bool:
    """Whether all quotes in these lines are closed on their line, and begin and end fields or are doubled."""
    if b'"' not in block:
        return True
    text = np.frombuffer(b"\n" + block + b"\n\n", dtype=np.uint8)
    quotes = np.flatnonzero(text == ord('"'))
    line_ends = np.flatnonzero(text == ord("\n"))
    if (np.searchsorted(quotes, line_ends) % 2).any():
        return False
    before, after, then = text[quotes - 1], text[quotes + 1], text[quotes + 2]
    stray = _ORDINARY[before] & _ORDINARY[after]
    text_after_empty = _SEPARATORS[before] & (after == ord('"')) & _ORDINARY[then]
    return not (stray | text_after_empty).any()


def _line(stream: IO[bytes], name: str) -> bytes:
    line = stream.readline(_LONGEST_LINE)
    if len(line) == _LONGEST_LINE:
        raise InputError(where=name, expected="lines of text", got="a line of more than 16 MiB")
    return line


def _lines(start: bytes, stream: IO[bytes], name: str) -> Iterator[bytes]:
    """The lines of ``start``, which ends with one, and then those of the stream."""
    yield from io.BytesIO(start)
    while line := _line(stream, name):
        yield line
