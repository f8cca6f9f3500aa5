"""Where the next page begins: an opaque text that only this service writes.

It names a place in an order that appends do not disturb (a position of the log, an id), so a page never repeats or
leaves out what was there when the first one was read.
"""

from __future__ import annotations

from typing import Any

from flask import current_app
from itsdangerous import BadData, URLSafeSerializer

from serving.problems import invalid

LONGEST = 2_000  # characters


def _serializer(kind: str) -> URLSafeSerializer:
    return URLSafeSerializer(str(current_app.secret_key), salt=f"cursor {kind}")


def write(kind: str, question: list[Any], place: list[Any]) -> str:
    """``question``: the filters; the cursor goes on with these alone."""
    text = _serializer(kind).dumps([question, place])
    return text if isinstance(text, str) else text.decode()


def read(kind: str, question: list[Any], cursor: str | None) -> list[Any] | None:
    """The place; None without a cursor. 422 for a text that is none, or one that belongs to another question."""
    if cursor is None:
        return None
    try:
        asked, place = _serializer(kind).loads(cursor)
    except (BadData, ValueError, TypeError):
        got = "expected next_cursor of an earlier answer to this request, got something else"
        raise invalid("query", {"cursor": [f"{got}. Leave cursor out to begin anew"]}) from None
    if asked != question:
        got = "expected a cursor of a request with the same filters, got one of another"
        raise invalid("query", {"cursor": [f"{got}. Leave cursor out to begin anew"]})
    return list(place)
