"""The cells of one row of an export, by what they mean."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from features.errors import InputError
from features.events import DAY, EARLIEST, parse_time, to_iso
from features.property_values import number_of, text_of
from features.store.schema import MAX_NAME

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_MILLISECONDS = re.compile(r"-?\d{11,14}")  # since 1970: HubSpot's API writes times so; shorter ones are something else
_YES, _NO = frozenset({"true", "1", "yes"}), frozenset({"false", "0", "no"})
_LONGEST_ID = 64

# What says who a person is, and texts in which anything may stand. Timing a call needs none of it, so it is not kept.
_PERSONAL = re.compile(
    r"name$|^name|salutation|e-?mail|phone|mobile|fax\b|birth|address|street|postal|zip|(^|[ _])ip[ _]|linkedin|twitter"
    r"|facebook|description|comment|message|notes?\b",
)


@dataclass(frozen=True, slots=True)
class Moment:
    """``at``: microseconds since 1970 UTC; ``day``: only a date was given, ``at`` is its first moment."""

    at: int
    day: bool


class Cells:
    """Cells are asked for by the names that their column may have: the first that is there and not empty counts.

    Capitals and spaces around a name do not matter. InputError, naming the column, for a cell that cannot be used.
    """

    def __init__(self, line: int, values: Mapping[str, Any], now: int, zone: tzinfo) -> None:
        self.line, self._now, self._zone = line, now, zone
        self._values = {_key(name): (name, value) for name, value in values.items()}

    def _find(self, names: Sequence[str]) -> tuple[str, Any] | None:
        for name in names:
            found = self._values.get(_key(name))
            if found is not None and found[1] is not None and text_of(found[1]) is not None:
                return found
        return None

    def text(self, *names: str) -> str | None:
        """A name, at most MAX_NAME characters."""
        found = self._find(names)
        text = None if found is None else text_of(found[1])
        if found is None or text is None:
            return None
        if len(text) > MAX_NAME or "\x00" in text:
            got = "one with the character NUL" if "\x00" in text else f"{len(text)} characters"
            raise InputError(where=found[0], expected=f"a text of at most {MAX_NAME} characters", got=got)
        return text

    def record(self, *names: str) -> str | None:
        """The id of a record."""
        text = self.text(*names)
        if text is not None and len(text) > _LONGEST_ID:
            raise InputError(where=names[0], expected="the id of a record", got=f"{len(text)} characters")
        return text

    def required(self, *names: str) -> str:
        """The id of the record that the row is."""
        text = self.record(*names)
        if text is None:
            raise InputError(where=names[0], expected=f"an id in the column {' or '.join(names)}", got="none")
        return text

    def records(self, *names: str) -> list[str]:
        """Ids separated by semicolons, each once."""
        found = self._find(names)
        parts = [] if found is None else [part.strip() for part in str(text_of(found[1])).split(";")]
        for part in parts:
            if len(part) > _LONGEST_ID or "\x00" in part:
                raise InputError(where=names[0], expected="ids separated by semicolons", got=repr(part[:80]))
        return list(dict.fromkeys(part for part in parts if part))

    def number(self, *names: str) -> float | None:
        """A number of at least 0."""
        found = self._find(names)
        if found is None:
            return None
        number = number_of(found[1])
        if number is None or isinstance(found[1], bool) or number < 0:
            raise InputError(where=found[0], expected="a number of at least 0 such as 1250.5", got=_show(found[1]))
        return number

    def flag(self, *names: str) -> bool | None:
        found = self._find(names)
        if found is None:
            return None
        word = str(text_of(found[1])).lower()
        if word not in _YES | _NO:
            raise InputError(where=found[0], expected="true or false", got=_show(found[1]))
        return word in _YES

    def moment(self, *names: str) -> Moment | None:
        """A date or a time, from 1900 to a day from now. A time that names no zone is in the export's zone."""
        found = self._find(names)
        if found is None:
            return None
        moment = self._moment(*found)
        if not EARLIEST <= moment.at <= self._now + DAY:
            latest = to_iso(self._now + DAY)[:10]
            raise InputError(where=found[0], expected=f"a time from 1900 to {latest}", got=_show(found[1]))
        return moment

    def _moment(self, column: str, value: Any) -> Moment:
        text = str(text_of(value))
        if _MILLISECONDS.fullmatch(text):
            return Moment(int(text) * 1_000, day=False)
        try:
            moment = datetime.fromisoformat("" if text.isdecimal() else text)  # 20260301 may as well be an id
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=self._zone)
            return Moment(parse_time(moment), day=_DAY.fullmatch(text) is not None)
        except (ValueError, OverflowError):  # an InputError is a ValueError
            expected = "an ISO 8601 date or time such as 2026-03-01 or 2026-03-01T09:30:00Z"
            raise InputError(where=column, expected=expected, got=_show(value)) from None

    def others(self, used: frozenset[str]) -> dict[str, Any]:
        """Traits: the columns that are not used (in small letters) and do not tell who a person is."""
        return {
            name: value
            for key, (name, value) in self._values.items()
            if key not in used
            and not _PERSONAL.search(key)
            and len(name) <= MAX_NAME
            and isinstance(value, str | int | float)
            and 0 < len(str(text_of(value) or "")) <= MAX_NAME
            and "\x00" not in name + str(value)
        }


def _key(name: str) -> str:
    return " ".join(name.split()).lower()


def keys(*groups: Sequence[str]) -> frozenset[str]:
    """The column names of some groups as ``Cells.others`` wants them."""
    return frozenset(_key(name) for group in groups for name in group)


def _show(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else shown[:77] + "..."
