"""Events: their times, their texts and their ids."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import InputError
from features.events import (
    DAY,
    EVENT_SCHEMA,
    SECOND,
    Event,
    content_id,
    dump_properties,
    events_table,
    parse_time,
    to_datetime,
    to_iso,
)

offsets = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(
    lambda offset: timezone(timedelta(minutes=round(offset.total_seconds() / 60)))
)
moments = st.datetimes(datetime(2, 1, 2), datetime(9998, 12, 30), timezones=offsets)  # noqa: DTZ001 - zones are drawn


@given(moments)
def test_a_moment_is_the_same_in_every_zone_and_spelling(moment: datetime) -> None:
    micros = parse_time(moment)
    assert parse_time(moment.isoformat()) == micros
    assert parse_time(f" {moment.isoformat(' ')} ") == micros
    assert parse_time(moment.astimezone(UTC).replace(tzinfo=None)) == micros
    assert to_datetime(micros) == moment
    assert parse_time(to_iso(micros)) == micros


@given(st.dates(date(1, 1, 1)))
def test_a_date_is_its_midnight_in_utc(day: date) -> None:
    assert parse_time(day) == parse_time(day.isoformat()) == (day - date(1970, 1, 1)).days * DAY


def test_time_is_written_as_iso() -> None:
    assert to_iso(0) == "1970-01-01T00:00:00Z"
    assert to_iso(-1) == "1969-12-31T23:59:59.999999Z"
    assert to_iso(1_767_258_000 * SECOND + 500_000) == "2026-01-01T09:00:00.500000Z"


@pytest.mark.parametrize(
    "value",
    [0, 1_767_225_600, 1.5, True, None, "", "soon", "1767225600", "20260101", "2026", "2026-13-01", "2026-02-30", b"x"],
)
def test_what_is_no_time_is_refused(value: object) -> None:
    with pytest.raises(InputError, match=r"as_of: expected an ISO 8601 date or time .* got"):
        parse_time(value, where="as_of")


def test_a_time_outside_the_calendar_is_refused() -> None:
    with pytest.raises(InputError, match="expected a time in the years 2 to 9998"):
        parse_time("0001-01-01T00:00:00+01:00")


def test_events_become_columns() -> None:
    first = Event(event_id="a", lead_id="l", type="t", occurred_at=1, recorded_at=2)
    second = Event(
        event_id="b", lead_id="l", type="t", occurred_at=-1, recorded_at=0, channel="c", campaign="d", bot=True,
        properties={"z": 1, "a": {"y": None, "x": "é"}},
    )  # fmt: skip
    table = events_table([first, second])
    assert table.schema.equals(EVENT_SCHEMA)
    assert table.to_pylist()[0] == {
        "event_id": "a", "lead_id": "l", "type": "t", "occurred_at": 1, "recorded_at": 2, "channel": None,
        "campaign": None, "bot": False, "properties": "{}",
    }  # fmt: skip
    assert table["properties"][1].as_py() == '{"a":{"x":"é","y":null},"z":1}'
    assert events_table([]).equals(EVENT_SCHEMA.empty_table())


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.text("abcé", max_size=3), values, max_size=4))
def test_equal_properties_have_one_text(properties: dict[str, object]) -> None:
    text = dump_properties(properties)
    assert orjson.loads(text) == properties
    assert dump_properties(dict(reversed(properties.items()))) == text
    assert dump_properties(orjson.loads(text)) == text


parts = st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=4), max_size=4)


@given(parts, parts)
def test_ids_differ_when_the_content_does(one: list[str | None], other: list[str | None]) -> None:
    assert (content_id(*one) == content_id(*other)) == (one == other)
    assert len(content_id(*one)) == 32


def test_ids_stay() -> None:
    """An id that changed would load every table without ids a second time."""
    assert content_id("outcomes", None, 1) == "76d16fc78be5e387818b10fa07faeeb6"
