"""Why an event could not be taken."""

from __future__ import annotations

from typing import Any

import orjson


class Refused(Exception):
    """The event cannot be used. The text says what was expected and what came."""


def shown(value: Any) -> str:
    """A value in a message: JSON, cut."""
    try:
        text = orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return "a value nested too deeply"
    return text if len(text) <= 80 else text[:77] + "..."
