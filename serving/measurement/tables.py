"""Rows as CSV (RFC 4180), safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from flask import Response

# A cell that begins so is a formula to a spreadsheet, or hides one behind white space.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)  # as in E.164: to a spreadsheet a number, and no more


def to_csv(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """A header and a line for each row; nothing is written for None."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([[cell(row[name]) for name in columns] for row in rows])
    return text.getvalue()


def csv_answer(name: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Response:
    """The rows as a file to download; ``name``: without its ending."""
    response = Response(to_csv(columns, rows), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Lists of texts in one cell, and objects as JSON."""
    return {name: _flat(value) for name, value in row.items()}


def _flat(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return "; ".join(value)
    return orjson.dumps(value).decode() if isinstance(value, list | dict) else value


def cell(value: Any) -> Any:
    """Numbers as they are, also those of phones; a text that a spreadsheet would take for a formula gets an apostrophe
    before it.
    """
    if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA) and not _PHONE.fullmatch(value):
        return f"'{value}"
    return value
