"""What can be wrong with a posted history beyond its fields: the rules that the loader has for tables."""

from __future__ import annotations

import math

from pydantic import JsonValue

from features.errors import InputError
from features.events import DAY, EARLIEST, ENDINGS, FARTHEST_NEED, NEED_DECLARED, parse_time, to_iso
from serving.payloads import PostedEvent, PostedHistory

Faults = dict[str, list[str]]  # by the dotted path of the field

FUTURE_TOLERANCE = DAY  # how far ahead of our clock a time may lie: clocks and zones of senders are off


def faults(history: PostedHistory, now: int) -> Faults:
    """What is wrong with it, seen from ``now`` (microseconds since 1970 UTC); empty when nothing is."""
    found: Faults = {}
    _check_time(found, "lead.created_at", history.lead.created_at, now)
    _check_need(found, "lead.need_by", history.lead.need_by, now)
    for i, event in enumerate(history.events):
        place = f"events.{i}"
        _check_time(found, f"{place}.timestamp", event.timestamp, now)
        _check_time(found, f"{place}.recorded_at", event.recorded_at, now)
        _check_number(found, f"{place}.properties.minutes", event.properties.get("minutes"), math.inf)
        if event.type in ENDINGS and not event.bot:
            _check_number(found, f"{place}.properties.value", event.properties.get("value"), math.inf)
            _check_number(found, f"{place}.properties.satisfaction", event.properties.get("satisfaction"), 10.0)
        if event.type == NEED_DECLARED:
            try:
                need_by = parse_time(event.properties.get("need_by"), where="")
                _check_need(found, f"{place}.properties.need_by", need_by, now)
            except InputError as error:
                found[f"{place}.properties.need_by"] = [str(error)]
    _check_endings(found, history)
    return found


def _check_time(found: Faults, place: str, time: int | None, now: int) -> None:
    if time is not None and time > now + FUTURE_TOLERANCE:
        found[place] = [f"expected a time that has come, got {to_iso(time)}; it is now {to_iso(now)}"]


def _check_need(found: Faults, place: str, time: int | None, now: int) -> None:
    if time is not None and not EARLIEST <= time <= now + FARTHEST_NEED:
        got = f"got {to_iso(time)}; it is now {to_iso(now)}"
        found[place] = [f"expected a date from 1900 on and at most 50 years ahead, {got}"]


def _check_number(found: Faults, place: str, value: JsonValue, highest: float) -> None:
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= highest
    if value is not None and not good:
        expected = "a number of at least 0" if math.isinf(highest) else f"a number from 0 to {highest:g}"
        found[place] = [f"expected {expected}, got {value!r}"]


def _check_endings(found: Faults, history: PostedHistory) -> None:
    """One ending, not before the creation. The same ending again is no second one."""
    created = history.lead.created_at
    first: PostedEvent | None = None
    for i, event in enumerate(history.events):
        if event.type not in ENDINGS or event.bot:
            continue
        if first is not None and (event.type, event.timestamp) != (first.type, first.timestamp):
            got = f"{event.type} at {to_iso(event.timestamp)} after {first.type} at {to_iso(first.timestamp)}"
            found.setdefault(f"events.{i}.type", []).append(f"expected one ending, got a second: {got}")
        first = first or event
        if created is not None and event.timestamp < created:
            found.setdefault(f"events.{i}.timestamp", []).append(
                f"expected an ending after the lead's creation at {to_iso(created)}, got {to_iso(event.timestamp)}"
            )
