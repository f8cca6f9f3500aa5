"""Checking the rows of a chunk, column by column; a row is refused for the first thing that is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.errors import InputError
from features.events import DAY, EARLIEST, to_iso
from features.store.schema import MAX_NAME
from features.tables.sources import Chunk, Reject
from features.tables.values import NUMBER, as_text, flat, parse_times

Mask = npt.NDArray[np.bool_]
Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]

_FLAGS = {"true": True, "1": True, "yes": True, "t": True, "false": False, "0": False, "no": False, "f": False}


class Rows:
    """The rows of a chunk, each good until something is found wrong with it.

    ``ok``: which are good so far. Columns are given for all rows; what they hold in refused rows means nothing.
    """

    def __init__(self, chunk: Chunk, *, now: int) -> None:
        self.file, self.lines, self.table = chunk.file, chunk.lines, chunk.table
        self.n = chunk.table.num_rows
        self.ok: Mask = np.ones(self.n, dtype=np.bool_)
        self._rejects: list[Reject] = list(chunk.rejects)
        self.read = self.n + len(chunk.rejects)
        self._latest = now + DAY

    @property
    def rejects(self) -> list[Reject]:
        """The rows refused so far, in the order of the file."""
        return sorted(self._rejects, key=lambda reject: reject.line)

    def has(self, column: str) -> bool:
        return column in self.table.column_names

    def refuse(self, wrong: Mask, column: str, reason: Callable[[int], str]) -> None:
        """Refuse the rows of the mask that are still good; ``reason`` gets the number of a row."""
        for row in np.flatnonzero(wrong & self.ok).tolist():
            self.refuse_row(row, column, reason(row))

    def refuse_row(self, row: int, column: str, reason: str) -> None:
        self.ok[row] = False
        self._rejects.append(Reject(self.file, int(self.lines[row]), column, reason))

    def text(self, column: str, *, required: bool = False) -> pa.StringArray:
        """A name or identifier, without spaces around it; null where it is empty. At most MAX_NAME characters."""
        if not self.has(column):
            return pa.nulls(self.n, pa.string())
        raw = as_text(self.table[column])
        values = pc.utf8_trim_whitespace(raw)
        empty = pc.equal(values, "")
        if pc.any(empty).as_py():
            values = pc.if_else(empty, pa.scalar(None, pa.string()), values)
        if required:
            self.refuse(mask(pc.is_null(values)), column, lambda _: "expected a value, got an empty one")
        self._check_name(column, values)
        return values

    def _check_name(self, column: str, values: pa.StringArray) -> None:
        if (pc.max(pc.binary_length(values)).as_py() or 0) > MAX_NAME:
            length = pc.utf8_length(values)
            self.refuse(
                mask(pc.greater(length, MAX_NAME)),
                column,
                lambda row: f"expected at most {MAX_NAME} characters, got {length[row]}",
            )
        nul = pc.match_substring(values, "\x00")
        if pc.any(nul).as_py():
            self.refuse(mask(nul), column, lambda _: "expected text, got one with the character NUL")

    def time(self, column: str, *, required: bool = False, latest: int | None = None) -> tuple[Int64, Mask]:
        """Microseconds since 1970 UTC, and in which rows there is one; the others hold 0.

        ``latest``: times after it are refused; a day after now unless given.
        """
        if not self.has(column):
            return np.zeros(self.n, dtype=np.int64), np.zeros(self.n, dtype=np.bool_)
        values = self.table[column]
        micros, there, wrong = parse_times(values)
        self.refuse(
            wrong,
            column,
            lambda row: "expected an ISO 8601 date or time such as 2026-03-01T09:30:00Z, got " + _show(values[row]),
        )
        if required:
            self.refuse(~there & ~wrong, column, lambda _: "expected a time, got an empty one")
        latest = self._latest if latest is None else latest
        self.refuse(
            there & ((micros > latest) | (micros < EARLIEST)),
            column,
            lambda row: f"expected a time from 1900 to {to_iso(latest)[:10]}, got {_show(values[row])}",
        )
        return micros, there

    def times(self, column: str) -> tuple[Int64, Int64]:
        """When it occurred (``column``, required) and was recorded (``recorded_at``, else when it occurred)."""
        occurred, _ = self.time(column, required=True)
        recorded, known = self.time("recorded_at")
        return occurred, np.where(known, recorded, occurred)

    def number(
        self, column: str, *, required: bool = False, highest: float = np.inf, where: Mask | None = None
    ) -> Float64:
        """A number from 0 to ``highest``; NaN where there is none. ``where``: only these rows are checked."""
        if not self.has(column):
            return np.full(self.n, np.nan)
        raw = flat(self.table[column])
        where = np.ones(self.n, dtype=np.bool_) if where is None else where
        numbers, wrong = parse_numbers(raw)
        low, high = "0", "" if np.isinf(highest) else f" to {highest:g}"
        expected = f"a number from {low}{high}" if high else "a number of at least 0"
        wrong = where & (wrong | np.isinf(numbers) | (numbers < 0) | (numbers > highest))
        self.refuse(wrong, column, lambda row: f"expected {expected}, got {_show(raw[row])}")
        if required:
            self.refuse(np.isnan(numbers) & where, column, lambda _: f"expected {expected}, got an empty one")
        return numbers

    def finite(self, columns: Iterable[str]) -> None:
        """Refuse infinite numbers in these columns."""
        for column in columns:
            values = flat(self.table[column])
            if pa.types.is_floating(values.type):
                self.refuse(mask(pc.is_inf(values)), column, lambda _: "expected a finite number, got an infinite one")

    def flag(self, column: str) -> Mask:
        """True or false; false where there is none."""
        if not self.has(column):
            return np.zeros(self.n, dtype=np.bool_)
        raw = flat(self.table[column])
        if pa.types.is_boolean(raw.type):
            return mask(pc.fill_null(raw, False))
        words = pc.utf8_lower(pc.utf8_trim_whitespace(as_text(raw))).dictionary_encode()
        known = [_FLAGS.get(word) for word in words.dictionary.to_pylist()]
        lookup = np.array([*(flag is True for flag in known), False], dtype=np.bool_)
        unknown = np.array([*(flag is None for flag in known), False], dtype=np.bool_)
        codes = pc.fill_null(words.indices, len(known)).to_numpy(zero_copy_only=False)
        self.refuse(unknown[codes], column, lambda row: f"expected true or false, got {_show(raw[row])}")
        flags: Mask = lookup[codes]
        return flags


def mask(values: pa.Array | pa.ChunkedArray) -> Mask:
    """A boolean array as numpy; null counts as false."""
    result: Mask = flat(pc.fill_null(values, False)).to_numpy(zero_copy_only=False)
    return result


def parse_numbers(values: pa.Array) -> tuple[Float64, Mask]:
    """The numbers, NaN where there is none, and which values are no number."""
    if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
        if pa.types.is_boolean(values.type):
            return np.full(len(values), np.nan), mask(pc.is_valid(values))
        # NaN in a Parquet file is how pandas writes a missing number.
        numbers = pc.fill_null(values.cast(pa.float64()), np.nan).to_numpy(zero_copy_only=False)
        return numbers, np.zeros(len(values), dtype=np.bool_)
    text = pc.utf8_trim_whitespace(values)
    good = pc.match_substring_regex(text, NUMBER)
    numbers = pc.if_else(good, text, pa.scalar(None, pa.string())).cast(pa.float64())
    wrong = mask(pc.and_(pc.invert(good), pc.not_equal(text, "")))
    return pc.fill_null(numbers, np.nan).to_numpy(zero_copy_only=False), wrong


def _show(value: pa.Scalar) -> str:
    shown = repr(value.as_py())
    return shown if len(shown) <= 80 else shown[:77] + "..."


def check_type(column: str, kind: pa.DataType, what: str, where: str) -> None:
    """InputError when a Parquet column of this type cannot hold ``what``: name, time, number or flag."""
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)
    if pa.types.is_dictionary(kind):
        return check_type(column, kind.value_type, what, where)
    whole, number = pa.types.is_integer(kind), pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    fits = {
        "name": text or whole,
        "time": text or pa.types.is_timestamp(kind) or pa.types.is_date(kind),
        "number": text or whole or number,
        "flag": text or whole or pa.types.is_boolean(kind),
        "any": not (pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind)),
    }
    if not fits[what]:
        words = {"name": "text", "time": "a time stamp, a date or ISO 8601 text", "number": "a number",
                 "flag": "true or false", "any": "text, numbers, times or booleans"}  # fmt: skip
        remedy = "Whether a number means seconds, milliseconds or a year cannot be told" if what == "time" else ""
        raise InputError(where=f"{where}, column {column}", expected=words[what], got=f"the type {kind}", remedy=remedy)
    return None
