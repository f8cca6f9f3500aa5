"""Values of columns, all rows at once: text, times, and the JSON text of properties."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.errors import InputError
from features.events import parse_time, to_iso

NUMBER = r"^-?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$"
# What counts as a number in a column that is not known to hold numbers: without leading zeros, and short enough
# that nothing is lost. Everything else is an identifier that happens to consist of digits.
_PLAIN_NUMBER = r"^-?((0|[1-9]\d{0,14})(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?$"
_WHOLE = re.compile(r"-?\d{1,15}")
# The spellings of a time that are parsed all at once; whatever else Python reads as ISO 8601 is parsed one by one.
_TIME = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:?\d{2})?)?$"
_DAY_ONLY = r"^\s*\d{4}-\d{2}-\d{2}\s*$"


def flat(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """The column in one piece; text with 32-bit offsets, a dictionary decoded."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_large_string(column.type) or pa.types.is_null(column.type):
        column = column.cast(pa.string())
    return column


def as_text(column: pa.Array | pa.ChunkedArray) -> pa.StringArray:
    """Text as it is, whole numbers and booleans in digits and words."""
    values = flat(column)
    return values if pa.types.is_string(values.type) else values.cast(pa.string())


def parse_times(
    column: pa.Array | pa.ChunkedArray,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Microseconds since 1970 UTC (0 where there are none), in which rows there is a time, and which are wrong."""
    values = flat(column)
    n = len(values)
    if pa.types.is_date(values.type):
        values = values.cast(pa.timestamp("us"))
    if pa.types.is_timestamp(values.type):
        # Text keeps only what a time zone means; the number behind a zoned time stamp is UTC already.
        micros = values.cast(pa.timestamp("us", values.type.tz), safe=False).cast(pa.int64())
        there = pc.is_valid(micros).to_numpy(zero_copy_only=False)
        return pc.fill_null(micros, 0).to_numpy(zero_copy_only=False), there, np.zeros(n, dtype=np.bool_)
    text = pc.utf8_trim_whitespace(values)
    result = np.zeros(n, dtype=np.int64)
    filled = pc.fill_null(pc.not_equal(text, ""), False).to_numpy(zero_copy_only=False)
    usual = pc.fill_null(pc.match_substring_regex(text, _TIME), False).to_numpy(zero_copy_only=False)
    # Times repeat little, days repeat a lot: either way each spelling is parsed once.
    moments = pd.to_datetime(
        pd.Series(text.filter(pa.array(usual)).to_pylist(), dtype=object), format="ISO8601", utc=True, errors="coerce"
    )
    parsed = moments.notna().to_numpy()
    micros = moments.dt.as_unit("us").to_numpy(dtype="datetime64[us]").astype(np.int64)
    places = np.flatnonzero(usual)
    result[places[parsed]] = micros[parsed]
    there = np.zeros(n, dtype=np.bool_)
    there[places[parsed]] = True
    for row in np.flatnonzero(filled & ~there).tolist():
        try:
            result[row] = parse_time(text[row].as_py())
        except InputError:
            continue
        there[row] = True
    return result, there, filled & ~there


def days_only(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    """Which times are a date without a time of day."""
    values = flat(column)
    if pa.types.is_date(values.type):
        return np.ones(len(values), dtype=np.bool_)
    if not pa.types.is_string(values.type):
        return np.zeros(len(values), dtype=np.bool_)
    return np.asarray(pc.fill_null(pc.match_substring_regex(values, _DAY_ONLY), False), dtype=np.bool_)


def column_kind(values: pa.StringArray) -> str | None:
    """What the texts of a column are: ``number``, ``boolean`` or ``text``; None when all are null."""
    distinct = pc.drop_null(pc.unique(values))
    if len(distinct) == 0:
        return None
    if pc.all(pc.match_substring_regex(distinct, _PLAIN_NUMBER)).as_py():
        return "number"
    if pc.all(pc.is_in(pc.utf8_lower(distinct), pa.array(["true", "false"]))).as_py():
        return "boolean"
    return "text"


def properties_json(table: pa.Table, kinds: Mapping[str, str]) -> pa.StringArray:
    """A JSON object for each row: the columns of ``kinds`` by name, nulls left out.

    ``kinds``: ``number``, ``boolean`` or ``text`` for columns of text; ``given``: as the column's own type is. The
    text is that of features.events.dump_properties.
    """
    parts = [_fragments(name, flat(table[name]), kinds[name]) for name in sorted(kinds)]
    if not parts:
        return pa.repeat(pa.scalar("{}"), table.num_rows)
    # Each fragment brings its comma; Arrow's own way to skip nulls loses the rows in which all are null.
    inner = pc.binary_join_element_wise(*parts, "", null_handling="replace", null_replacement="")
    inner = pc.utf8_slice_codeunits(inner, 1)
    return pc.binary_join_element_wise("{", inner, "}", "")


def _fragments(name: str, values: pa.Array, kind: str) -> pa.StringArray:
    """``,"name":value`` for each row, null where there is no value; each distinct value is written once."""
    if kind == "text":
        values = as_text(values)
    nested = pa.types.is_nested(values.type)
    codes = None if nested else values.dictionary_encode()
    distinct = values.to_pylist() if codes is None else codes.dictionary.to_pylist()
    key = f",{orjson.dumps(name).decode()}:"
    texts = [None if (value := _value(raw, kind)) is None else key + _dump(value) for raw in distinct]
    fragments = pa.array(texts, type=pa.string())
    return fragments if codes is None else fragments.take(codes.indices)


def _value(raw: Any, kind: str) -> Any:
    if raw is None or raw == "":
        return None
    if kind == "number" and isinstance(raw, str):
        raw = raw.strip()
        return int(raw) if _WHOLE.fullmatch(raw) else float(raw)
    if kind == "boolean" and isinstance(raw, str):
        return raw.lower() == "true"
    if isinstance(raw, date | time):  # a datetime is a date as well
        return _iso(raw)
    if isinstance(raw, float):
        return raw if np.isfinite(raw) else None
    return raw


def _dump(value: Any) -> str:
    return orjson.dumps(value, default=_plain, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS).decode()


def _plain(value: Any) -> Any:
    """What JSON has no type for: decimals as numbers, the rest as text."""
    return float(value) if isinstance(value, Decimal) else str(value)


def _iso(value: date | time) -> str:
    """A time stamp as ISO 8601 in UTC, a date or a time of day as such."""
    if isinstance(value, datetime):
        return to_iso(parse_time(value if value.tzinfo else value.replace(tzinfo=UTC)))
    return value.isoformat()
