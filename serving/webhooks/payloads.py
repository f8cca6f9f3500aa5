"""What requests about webhooks carry, and what is answered."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from features.events import to_iso
from serving.payloads import Cursor, Name, Strict, Time
from serving.webhooks.endpoints import OVERLAP_HOURS, Endpoint
from serving.webhooks.messages import EVENT_TYPES
from serving.webhooks.queue import Delivery
from serving.webhooks.targets import MAX_URL

EventType = Literal["lead.window_opened", "lead.window_closed", "lead.handoff_rejected"]
_Description = Annotated[str, Field(max_length=255, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Events = Annotated[list[EventType], Field(min_length=1, max_length=len(EVENT_TYPES))]
_Url = Annotated[str, Field(min_length=1, max_length=MAX_URL, examples=["https://crm.example.com/hooks/leadtime"])]


class NewEndpoint(Strict):
    """Where to send webhooks, and which."""

    url: _Url
    description: _Description = ""
    events: _Events = Field(
        ["lead.window_opened", "lead.window_closed", "lead.handoff_rejected"], description="all of them unless given"
    )


class EndpointChange(Strict):
    """What to change; the rest stays."""

    url: _Url | None = None
    description: _Description | None = None
    events: _Events | None = None
    active: bool | None = Field(None, strict=True)


class Rotation(Strict):
    """How to change to a new secret."""

    overlap_hours: float = Field(
        OVERLAP_HOURS, ge=0, le=24 * 30, description="how long the old secret signs as well; 0 when it has leaked"
    )


class Nothing(Strict):
    """An empty object."""


class Replay(Strict):
    """Give exactly one of `message_id` and `since`."""

    message_id: Name | None = None
    since: Time | None = Field(None, description="all that failed for good and was queued at or after this time")
    delivered: bool = Field(False, strict=True, description="with `since`: also those that were delivered")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.message_id is None) == (self.since is None):
            raise ValueError("expected exactly one of message_id and since")
        return self


class DeliveriesQuery(Strict):
    """Which deliveries."""

    state: Literal["pending", "delivered", "dead"] | None = None
    cursor: Cursor | None = Field(None, description="`next_cursor` of the answer before")
    limit: int = Field(100, ge=1, le=500)


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")


class EndpointShown(_Answer):
    """A webhook endpoint."""

    endpoint_id: str
    url: str
    description: str
    events: list[str]
    active: bool
    disabled_because: str | None
    created_at: str
    old_secret_until: str | None = Field(description="until when the secret before the last rotation signs as well")


class EndpointWithSecret(EndpointShown):
    """A webhook endpoint with its secret, shown this once."""

    secret: str = Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"])


class EndpointList(_Answer):
    """All webhook endpoints."""

    webhooks: list[EndpointShown]


class DeliveryShown(_Answer):
    """One message to one endpoint."""

    message_id: str = Field(description="the header webhook-id")
    type: str
    lead_id: str | None
    state: Literal["pending", "delivered", "dead"]
    attempts: int = Field(description="since it was queued or replayed")
    queued_at: str
    next_attempt_at: str | None
    last_attempt_at: str | None
    last_status: int | None
    last_error: str | None


class DeliveryList(_Answer):
    """Deliveries, the newest first."""

    deliveries: list[DeliveryShown]
    next_cursor: str | None


class Queued(_Answer):
    """What will be sent."""

    message_id: str


class Replayed(_Answer):
    """How many will be sent again."""

    replayed: int


def shown(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "endpoint_id": endpoint.endpoint_id,
        "url": endpoint.url,
        "description": endpoint.description,
        "events": list(endpoint.events),
        "active": endpoint.disabled_because is None,
        "disabled_because": endpoint.disabled_because,
        "created_at": to_iso(endpoint.created_at),
        "old_secret_until": None if endpoint.old_until is None else to_iso(endpoint.old_until),
    }


def with_secret(endpoint: Endpoint) -> dict[str, Any]:
    return {**shown(endpoint), "secret": endpoint.secret}


def shown_delivery(delivery: Delivery) -> dict[str, Any]:
    return {
        "message_id": delivery.message_id,
        "type": delivery.type,
        "lead_id": delivery.lead_id,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "queued_at": to_iso(delivery.created_at),
        "next_attempt_at": to_iso(delivery.next_at) if delivery.state == "pending" else None,
        "last_attempt_at": None if delivery.last_at is None else to_iso(delivery.last_at),
        "last_status": delivery.last_status,
        "last_error": delivery.last_error,
    }
