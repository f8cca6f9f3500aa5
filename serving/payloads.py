"""What a request may carry: query parameters and posted histories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, JsonValue

from features.events import (
    EARLIEST,
    IDENTIFY,
    NEED_DECLARED,
    Event,
    content_id,
    dump_properties,
    parse_time,
    to_iso,
)
from features.store.schema import MAX_NAME

MAX_EVENTS = 10_000  # of one posted history
MAX_HISTORIES = 500  # of one request
MAX_LEAD_IDS = 500
MAX_DEPTH = 32  # of lists and objects within properties and attributes
MAX_LIMIT = 1_000  # rows of the call list in one answer


def _time_text(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError(f"expected an ISO 8601 date or time such as 2026-03-01T09:30:00Z, got {value!r}")
    micros = parse_time(value, where="")
    if micros < EARLIEST:
        raise ValueError(f"expected a time from 1900 on, got {value!r}")
    return micros


def _no_control_characters(value: str) -> str:
    if any(ord(character) < 32 or ord(character) == 127 for character in value):
        raise ValueError("expected text without control characters")
    return value


def _some_events(value: Any) -> Any:
    if value == []:
        raise ValueError("expected at least one event, got none: there is nothing to score")
    return value


def _not_deep(value: Any) -> Any:
    """Refuse what could not be written as JSON again."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level if isinstance(outer, (dict, list)) for inner in _inside(outer)]
        if not level:
            return value
    raise ValueError(f"expected objects and lists nested at most {MAX_DEPTH - 1} deep")


def _inside(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


_TIME_SCHEMA = {"type": "string", "examples": ["2026-03-01T09:30:00Z"]}

_TEXT_SCHEMA: dict[str, JsonValue] = {"pattern": r"^[^\u0000-\u001f\u007f]*$"}

Name = Annotated[
    str,
    Field(min_length=1, max_length=MAX_NAME, json_schema_extra=_TEXT_SCHEMA),
    AfterValidator(_no_control_characters),
]
Properties = Annotated[dict[Name, JsonValue], BeforeValidator(_not_deep)]
Time = Annotated[
    int,
    BeforeValidator(_time_text),
    Field(description="ISO 8601; no zone means UTC", json_schema_extra=_TIME_SCHEMA),
]


def _row_number(value: Any) -> Any:
    if not isinstance(value, str) or not value.isascii() or not value.isdecimal() or len(value) > 18:
        raise ValueError("expected a cursor that an earlier answer gave")
    return int(value)


Cursor = Annotated[int, BeforeValidator(_row_number, json_schema_input_type=str)]


class Strict(BaseModel):
    """Unknown fields are refused, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ScoreQuery(Strict):
    as_of: Time | None = Field(None, description="score as of this time, with what was recorded by then; now if absent")
    curve: bool = Field(False, description="also answer the whole purchase curve")


class ScoresQuery(ScoreQuery):
    lead_ids: Annotated[str, AfterValidator(_no_control_characters)] = Field(
        min_length=1,
        json_schema_extra=_TEXT_SCHEMA,
        description=f"at most {MAX_LEAD_IDS} lead ids, separated by commas",
        examples=["L1,L2"],
    )


class CallListQuery(Strict):
    as_of: Time | None = Field(None, description="the list as of this time; now if absent")
    owner: Name | None = Field(None, description="only the leads of this salesperson")
    limit: int = Field(50, ge=1, le=MAX_LIMIT)
    format: Literal["json", "csv"] = Field("json", description="csv: the leads alone, as a file")


class PostedLead(Strict):
    """What the table `leads` holds; every other attribute goes into `attributes`."""

    lead_id: Name
    created_at: Time | None = None
    account_id: Name | None = None
    source: Name | None = None
    owner: Name | None = None
    value: float | None = Field(None, ge=0, allow_inf_nan=False, strict=True)
    need_by: Time | None = Field(None, description="the date by which the lead says it needs the product")
    attributes: Properties = Field(default_factory=dict)


class PostedEvent(Strict):
    """One row of the table `events`; every other column goes into `properties`.

    A deadline that moved is an event `need_declared` with property `need_by`, an ending is an event `purchased` or
    `lost`.
    """

    event_id: Name | None = None
    type: Name
    timestamp: Time
    recorded_at: Time | None = Field(None, description="when it became known; the timestamp if absent")
    channel: Name | None = None
    campaign: Name | None = None
    bot: bool = Field(False, strict=True)
    properties: Properties = Field(default_factory=dict)

    def to_event(self, lead_id: str, nth: int) -> Event:
        """``nth``: tells equal events without an id apart, as the loader does."""
        properties = {name: value for name, value in self.properties.items() if value is not None}
        if self.type == NEED_DECLARED:  # a date, whatever time was sent with it
            properties["need_by"] = to_iso(parse_time(properties.get("need_by"), where="need_by"))[:10]
        return _event(
            lead_id,
            self.type,
            self.timestamp,
            properties,
            event_id=self.event_id,
            nth=nth,
            recorded_at=self.recorded_at,
            channel=self.channel,
            campaign=self.campaign,
            bot=self.bot,
        )


class PostedHistory(Strict):
    """The history of one lead."""

    lead: PostedLead
    events: Annotated[list[PostedEvent], BeforeValidator(_some_events)] = Field(min_length=1, max_length=MAX_EVENTS)

    def to_events(self, lead_id: str, account_id: str | None) -> list[Event]:
        """The log's events for it, under these ids: as the loader makes them from the interchange tables."""
        first = min(event.timestamp for event in self.events)
        created = first if self.lead.created_at is None else self.lead.created_at
        traits = {
            **self.lead.attributes,
            **{name: getattr(self.lead, name) for name in ("source", "owner", "value")},
            "account_id": account_id,
        }
        rows = [_event(lead_id, IDENTIFY, created, {name: v for name, v in traits.items() if v is not None})]
        if self.lead.need_by is not None:
            rows.append(_event(lead_id, NEED_DECLARED, created, {"need_by": to_iso(self.lead.need_by)[:10]}))
        times: Counter[str] = Counter()
        for event in self.events:
            text = event.model_dump_json()
            rows.append(event.to_event(lead_id, times[text]))
            times[text] += 1
        return list({row.event_id: row for row in reversed(rows)}.values())  # of equal ids the first counts


def _event(
    lead_id: str,
    kind: str,
    occurred_at: int,
    properties: dict[str, Any],
    *,
    event_id: str | None = None,
    nth: int = 0,
    recorded_at: int | None = None,
    channel: str | None = None,
    campaign: str | None = None,
    bot: bool = False,
) -> Event:
    parts = (kind, occurred_at, recorded_at, channel, campaign, bot, dump_properties(properties), nth)
    return Event(
        event_id=event_id or content_id(*parts),
        lead_id=lead_id,
        type=kind,
        occurred_at=occurred_at,
        recorded_at=occurred_at if recorded_at is None else recorded_at,
        channel=channel,
        campaign=campaign,
        bot=bot,
        properties=properties,
    )


_EXAMPLE: dict[str, Any] = {
    "lead": {"lead_id": "L1", "created_at": "2026-03-01T09:00:00Z", "source": "webinar", "value": 12000,
             "need_by": "2026-05-01"},
    "events": [
        {"type": "page_view", "timestamp": "2026-03-01T09:30:00Z", "channel": "search",
         "properties": {"content": "/pricing"}},
        {"type": "webinar_attended", "timestamp": "2026-03-05T14:00:00Z", "channel": "webinar"},
    ],
}  # fmt: skip


class ScoreRequest(PostedHistory):
    """One posted history, and how to score it."""

    model_config = ConfigDict(extra="forbid", frozen=True, json_schema_extra={"examples": [_EXAMPLE]})

    as_of: Time | None = Field(None, description="score as of this time, with what was recorded by then; now if absent")
    curve: bool = Field(False, strict=True, description="also answer the whole purchase curve")


class ScoresRequest(Strict):
    """Many posted histories. Each is judged by itself: a bad one does not spoil the others."""

    histories: list[dict[str, Any]] = Field(
        min_length=1,
        max_length=MAX_HISTORIES,
        description="each `lead` and `events` as in POST /v1/score",
        examples=[[_EXAMPLE]],
    )
    as_of: Time | None = Field(None, description="score as of this time; now if absent")
    curve: bool = Field(False, strict=True, description="also answer the whole purchase curves")
