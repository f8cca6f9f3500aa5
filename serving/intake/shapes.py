"""What the OpenAPI document says of intake. The calls themselves are read by serving/intake/calls.py."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.payloads import Strict, Time

MAX_REJECTED = 1_000  # in one answer


class Call(BaseModel):
    """A call of the tracking API. Clients send more fields than these; they are ignored."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": "track",
                    "anonymousId": "507f191e",
                    "event": "Webinar Attended",
                    "properties": {"minutes": 40},
                    "context": {"campaign": {"name": "spring", "medium": "email"}, "page": {"path": "/webinars/7"}},
                    "messageId": "022bb90c",
                    "timestamp": "2026-03-01T09:30:00.123Z",
                }
            ]
        },
    )

    type: str | None = Field(None, description="in a batch: identify, track, page, screen, group or alias")
    userId: str | int | None = Field(None, description="the lead; else anonymousId is")  # noqa: N815 - the protocol's name
    anonymousId: str | int | None = None  # noqa: N815
    previousId: str | int | None = Field(None, description="alias: the id that belongs to userId from now on")  # noqa: N815
    groupId: str | int | None = Field(None, description="group: the account of the lead")  # noqa: N815
    event: str | None = Field(None, description="track: the type of the event")
    name: str | None = Field(None, description="page, screen")
    properties: dict[str, Any] | None = None
    traits: dict[str, Any] | None = None
    context: dict[str, Any] | None = None
    messageId: str | int | None = Field(None, description="the same id twice is one event")  # noqa: N815
    timestamp: str | None = Field(None, description="ISO 8601; no zone means UTC")
    sentAt: str | None = Field(None, description="corrects the clock of the sender")  # noqa: N815
    writeKey: str | None = Field(None, description="the API key, where no header can be set")  # noqa: N815


class Batch(BaseModel):
    """Many calls at once."""

    model_config = ConfigDict(extra="allow")

    batch: list[Call]
    context: dict[str, Any] | None = Field(None, description="for each of the calls that does not say otherwise")
    sentAt: str | None = None  # noqa: N815
    writeKey: str | None = None  # noqa: N815


class Taken(BaseModel):
    """What was sent is on disk."""

    model_config = ConfigDict(extra="forbid")

    success: Literal[True]


class RejectedQuery(Strict):
    limit: int = Field(100, ge=1, le=MAX_REJECTED)
    cursor: Annotated[str, Field(pattern=r"^[0-9]{1,18}$")] | None = Field(
        None, description="`next_cursor` of the answer before; the newest ones if absent"
    )
    since: Time | None = Field(None, description="received at or after this time")
    until: Time | None = Field(None, description="received at or before this time")


class RejectedEvent(BaseModel):
    """An event that could not be taken."""

    model_config = ConfigDict(extra="forbid")

    received_at: str = Field(description="ISO 8601, UTC")
    reason: str
    type: str | None = Field(description="of the call, as far as known; so are the ids")
    message_id: str | None
    lead_id: str | None
    key_id: str = Field(description="the API key that it came with")
    body: str = Field(description="the call as JSON, cut to 4,096 characters")


class RejectedEvents(BaseModel):
    """The newest first."""

    model_config = ConfigDict(extra="forbid")

    rejected_events: list[RejectedEvent]
    next_cursor: str | None = Field(description="null at the end")
