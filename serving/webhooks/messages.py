"""What a webhook tells."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from features.events import to_iso

WINDOW_OPENED, WINDOW_CLOSED, TEST = "lead.window_opened", "lead.window_closed", "leadtime.test"
HANDOFF_REJECTED = "lead.handoff_rejected"
# Those to subscribe to; a test comes when it is asked for.
EVENT_TYPES = (WINDOW_OPENED, WINDOW_CLOSED, HANDOFF_REJECTED)
MAX_BODY = 20_000  # bytes
_MAX_TEXT = 500  # characters


@dataclass(frozen=True, slots=True)
class Message:
    """``message_id``: the header webhook-id, by which receivers tell repetitions. ``at``: microseconds since 1970."""

    message_id: str
    type: str
    at: int
    data: Mapping[str, Any]
    lead_id: str | None = None

    def body(self) -> str:
        """The JSON that is signed and sent: less than MAX_BODY bytes, reasons and then chances left out if need be."""
        data = {name: _clipped(value) for name, value in self.data.items()}
        while len(text := self._json(data)) >= MAX_BODY:
            chances = [name for name in data if name.startswith("p_")]
            if data.get("reasons"):
                data["reasons"] = data["reasons"][:-1]
            elif chances:
                del data[chances[-1]]
            else:
                raise ValueError(f"a message of {len(text)} bytes")
        return text.decode()

    def _json(self, data: Mapping[str, Any]) -> bytes:
        return orjson.dumps({"type": self.type, "timestamp": to_iso(self.at), "data": data})


def test_message(now: int) -> Message:
    """A message that says nothing, to try an endpoint with."""
    text = "This is a test: the endpoint was reached, and the signature tells that leadtime sent it."
    return Message(f"msg_{secrets.token_hex(16)}", TEST, now, {"text": text})


def _clipped(value: Any) -> Any:
    """Long texts cut: ids are shorter, and nobody reads more. Nested values of a trait are left out."""
    if isinstance(value, str):
        return value[:_MAX_TEXT]
    if isinstance(value, list):
        return [_clipped(item) for item in value if not isinstance(item, (dict, list))]
    return None if isinstance(value, dict) else value
