"""What a value of a JSON property means as a number, as a text, as a date, as a section of what was read.

A value that is null, a list or an object means nothing; so does an empty text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from features.errors import InputError
from features.events import parse_time
from features.feature_spec import SECTION, Condition

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*")
_LANGUAGE = re.compile(r"[a-z]{2}([-_][a-z]{2})?")
_PAGE_FILE = re.compile(r"\.(html?|php|aspx?|jsp)$")
_COUNTED = re.compile(r"[\s_#.-]*\d+$", re.ASCII)
_HOME = "home"
_WHOLE = 1e15  # below it a float that is whole is written like the integer


def number_of(value: Any) -> float | None:
    """A finite number; true and false are 1 and 0; a text counts if it is a number and nothing else."""
    if isinstance(value, str):
        value = value.strip()
        if not _NUMBER.fullmatch(value):
            return None
    elif not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def text_of(value: Any) -> str | None:
    """The text by which values are told apart: 5, 5.0 and " 5 " are all "5"."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return str(int(value)) if value.is_integer() and abs(value) < _WHOLE else repr(value)
    return str(value) if isinstance(value, int) else None


def date_of(value: Any) -> int | None:
    """Microseconds since 1970 UTC of an ISO 8601 text; a date is its first moment."""
    if not isinstance(value, str):
        return None
    try:
        return parse_time(value)
    except InputError:
        return None


def section_of(value: Any) -> str | None:
    """To which part of what can be read a path, an address or a name belongs.

    Of a path or an address the first segment, in small letters, without a language before it, the ending of a file
    and a number at the end: ``/pricing``, ``/blog/7?x=1``, ``https://host/en/docs-3`` are pricing, blog, docs; ``/`` is
    home. Of other texts the text without a number at its end: ``mail-17`` is mail. What has no letters stays as it is.
    """
    text = text_of(value)
    return None if text is None else _section(text)


@lru_cache(maxsize=65_536)
def _section(text: str) -> str | None:
    scheme = _SCHEME.match(text)
    if scheme is None and not text.startswith("/"):
        return _uncounted(text)
    path = text[scheme.end() :] if scheme else text
    segments = [part for part in re.split(r"[?#]", path, maxsplit=1)[0].lower().split("/") if part.strip()]
    if len(segments) > 1 and _LANGUAGE.fullmatch(segments[0]) and not segments[1].isdecimal():
        segments = segments[1:]
    name = _PAGE_FILE.sub("", segments[0].strip()) if segments else ""
    return _HOME if name in ("", "index") else _uncounted(name)


def _uncounted(text: str) -> str:
    """The text without the number at its end, if a word is left."""
    short = _COUNTED.sub("", text)
    return short if any(map(str.isalpha, short)) else text


def first_given(properties: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The value of the first of these properties that is there and not null; its section where that is asked for."""
    for name in names:
        derived = name.startswith(SECTION)
        value = section_of(properties.get(name[len(SECTION) :])) if derived else properties.get(name)
        if value is not None:
            return value
    return None


def meets(properties: Mapping[str, Any], conditions: Sequence[Condition]) -> bool:
    """Whether the properties meet all conditions."""
    return all(_meets(first_given(properties, condition.properties), condition) for condition in conditions)


def _meets(value: Any, condition: Condition) -> bool:
    text = text_of(value)
    if text is None or (condition.one_of and text not in condition.one_of) or text in condition.none_of:
        return False
    if condition.at_least is None and condition.at_most is None:
        return True
    number = number_of(value)
    return (
        number is not None
        and (condition.at_least is None or number >= condition.at_least)
        and (condition.at_most is None or number <= condition.at_most)
    )
