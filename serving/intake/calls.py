"""From one call of the tracking API to one event of the log.

Written for speed: intake spends most of its time here, so plain checks instead of models.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from crawleruseragents import is_crawler

from features.errors import InputError
from features.events import (
    EARLIEST,
    ERASED,
    FARTHEST_NEED,
    HANDOFF,
    HANDOFF_ANSWERS,
    HANDOFF_SCORED,
    IDENTIFY,
    LOST,
    NEED_DECLARED,
    PURCHASED,
    SALES_CALL,
    content_id,
    dump_properties,
    parse_time,
    to_iso,
)
from features.identity import ANONYMOUS_ID, PREVIOUS_ID
from features.store.schema import MAX_NAME
from serving.intake.moments import occurred_at, sent_at
from serving.intake.refused import Refused, shown

PAGE_VIEW, SCREEN_VIEW = "page_view", "screen_view"
# What the CRM or the service itself says of a lead: a key that lies open in a web page must not be enough for it.
RESERVED = frozenset({IDENTIFY, SALES_CALL, HANDOFF, *HANDOFF_ANSWERS, HANDOFF_SCORED, PURCHASED, LOST, ERASED})
TIMING = "_timing"  # the property that keeps what the sender said of time; features do not look into objects

_LONGEST_ID = 100  # characters of a messageId, by the protocol
_PAGE = ("path", "url", "title", "referrer", "search")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_EMPTY: Mapping[str, Any] = {}


class Row(NamedTuple):
    """The columns of EVENT_SCHEMA, properties as JSON."""

    event_id: str
    lead_id: str
    type: str
    occurred_at: int
    recorded_at: int
    channel: str | None
    campaign: str | None
    bot: bool
    properties: str


class Received(NamedTuple):
    """What holds for all calls of a request. ``at``, ``sent``: microseconds since 1970 UTC."""

    at: int
    context: Mapping[str, Any]
    sent: int | None
    sent_text: Any


def event_of(call: Any, kind: str | None, received: Received) -> Row:
    """The event of a call; ``kind``: its type where the address tells it. Refused says why it cannot be used."""
    if not isinstance(call, dict):
        raise Refused(f"expected an object, got {shown(call)}")
    kind = kind or call.get("type")
    read = _READERS.get(kind) if isinstance(kind, str) else None
    if read is None:
        raise Refused(f"type: expected one of {', '.join(_READERS)}, got {shown(kind)}")
    context = _object(call, "context")
    if received.context:
        context = {**received.context, **{name: value for name, value in context.items() if value is not None}}
    lead_id, event_type, properties = read(call, context)
    original = call.get("originalTimestamp")
    if original is None:
        original = call.get("timestamp")
    sent, sent_text = received.sent, received.sent_text
    if sent_text is None and call.get("sentAt") is not None:
        sent_text = call["sentAt"]
        sent = sent_at(sent_text)
    happened = occurred_at(original, sent, received.at)
    if event_type == NEED_DECLARED:
        properties["need_by"] = _need_by(properties, received.at)
    campaign = _inner(context, "campaign")
    channel = _name(properties.get("channel")) or _name(campaign.get("medium")) or _name(campaign.get("source"))
    name = _name(properties.get("campaign")) or _name(campaign.get("name"))
    agent = context.get("userAgent")
    bot = isinstance(agent, str) and _is_bot(agent[:_LONGEST_AGENT])
    if original or sent_text:
        properties[TIMING] = {"original_timestamp": original, "sent_at": sent_text}
    try:
        text = dump_properties(properties)
    except (orjson.JSONEncodeError, TypeError) as error:
        raise Refused(f"properties: expected what can be kept as JSON, {error}") from None
    return Row(event_id(call, original), lead_id, event_type, happened, received.at, channel, name, bot, text)


def event_id(call: Mapping[str, Any], original: Any) -> str:
    """From the messageId, so that what is sent again is the same event; without one from the content.

    Without a time of its own, too, nothing tells whether it was sent again: each is an event of its own.
    """
    given = call.get("messageId")
    if isinstance(given, int) and not isinstance(given, bool):
        given = str(given)
    if isinstance(given, str) and given:
        plain = len(given) <= _LONGEST_ID and "\x00" not in given
        return f"message:{given}" if plain else f"message:{content_id(given)}"
    if not original:
        return f"call:{secrets.token_hex(16)}"
    try:
        return f"call:{content_id(dump_properties({name: v for name, v in call.items() if name != 'sentAt'}))}"
    except (orjson.JSONEncodeError, TypeError) as error:
        raise Refused(f"expected what can be kept as JSON, {error}") from None


def lead_of(call: Mapping[str, Any]) -> str:
    """The userId, else the anonymousId."""
    found = _id(call, "userId") or _id(call, "anonymousId")
    if found is None:
        raise Refused("expected a userId or an anonymousId, got neither")
    return found


def _track(call: Mapping[str, Any], context: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
    name = call.get("event")
    event_type = name.strip() if isinstance(name, str) else ""
    if not event_type or len(event_type) > MAX_NAME or "\x00" in event_type:
        raise Refused(f"event: expected a name of 1 to {MAX_NAME} characters, got {shown(name)}")
    if event_type in RESERVED:
        raise Refused(
            f"event: expected a name that is free, got {event_type}, which the CRM says with a key of scope write"
        )
    return lead_of(call), event_type, _with_page(_given(call, "properties"), context)


def _page(call: Mapping[str, Any], context: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
    return lead_of(call), PAGE_VIEW, _with_page(_named(call), context)


def _screen(call: Mapping[str, Any], context: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:  # noqa: ARG001
    properties = _named(call)
    if "name" in properties:
        properties.setdefault("content", properties["name"])  # a screen has no path: its name tells what was seen
    return lead_of(call), SCREEN_VIEW, properties


def _identify(call: Mapping[str, Any], context: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
    # one client has the traits at the root, another in the context
    traits = {**_inner(context, "traits"), **_object(call, "traits")}
    traits = {name: value for name, value in traits.items() if value is not None}
    traits.pop(PREVIOUS_ID, None)
    traits.pop(ANONYMOUS_ID, None)
    anonymous = _id(call, "anonymousId")
    if anonymous is not None:
        traits[ANONYMOUS_ID] = anonymous
    return lead_of(call), IDENTIFY, traits


def _group(call: Mapping[str, Any], context: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:  # noqa: ARG001
    account = _id(call, "groupId")
    if account is None:
        raise Refused("groupId: expected the id of an account, got none")
    # what is said of the company must not pass for what is said of the person: both have a name
    traits = {f"account_{name}": value for name, value in _object(call, "traits").items() if value is not None}
    properties = traits | {"account_id": account}
    if _id(call, "userId") is None:
        properties[ANONYMOUS_ID] = _id(call, "anonymousId")
    return lead_of(call), IDENTIFY, properties


def _alias(call: Mapping[str, Any], context: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:  # noqa: ARG001
    lead, before = _id(call, "userId"), _id(call, "previousId") or _id(call, "anonymousId")
    if lead is None or before is None:
        raise Refused(f"expected a userId and a previousId, got no {'userId' if lead is None else 'previousId'}")
    return lead, IDENTIFY, {PREVIOUS_ID: before}


_Reader = Callable[[Mapping[str, Any], Mapping[str, Any]], tuple[str, str, dict[str, Any]]]
_READERS: dict[str, _Reader] = {
    "identify": _identify, "track": _track, "page": _page, "screen": _screen, "group": _group, "alias": _alias,
}  # fmt: skip
KINDS = tuple(_READERS)


def _object(call: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = call.get(name)
    if found is None:
        return _EMPTY
    if not isinstance(found, dict):
        raise Refused(f"{name}: expected an object, got {shown(found)}")
    return found


def _inner(outer: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Part of a context: what is no object there says nothing."""
    found = outer.get(name)
    return found if isinstance(found, dict) else _EMPTY


def _given(call: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in _object(call, name).items() if value is not None}


def _named(call: Mapping[str, Any]) -> dict[str, Any]:
    properties = _given(call, "properties")
    for name in ("name", "category"):
        if isinstance(call.get(name), str):
            properties.setdefault(name, call[name])
    return properties


def _with_page(properties: dict[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
    """With the page that the browser was on, unless the properties say otherwise."""
    page = _inner(context, "page")
    if page:
        for name in _PAGE:
            value = page.get(name)
            if isinstance(value, str) and value:
                properties.setdefault(name, value)
    return properties


def _id(call: Mapping[str, Any], name: str) -> str | None:
    """A text or a whole number; None when there is none."""
    given = call.get(name)
    if given is None:
        return None
    if isinstance(given, str) and 0 < len(given) <= MAX_NAME and given.isalnum():  # most, so at once
        return given
    text = given.strip() if isinstance(given, str) else given
    if isinstance(text, int) and not isinstance(text, bool):
        text = str(text)
    if not isinstance(text, str) or len(text) > MAX_NAME or _CONTROL.search(text):
        expected = f"a text of at most {MAX_NAME} characters, none of control, or a whole number"
        raise Refused(f"{name}: expected {expected}, got {shown(given)}")
    return text or None


def _name(value: Any) -> str | None:
    """A channel or campaign: cut rather than refused, since nobody would look for the event because of it."""
    if not isinstance(value, str):
        return None
    return value.replace("\x00", "").strip()[:MAX_NAME] or None


def _need_by(properties: Mapping[str, Any], now: int) -> str:
    value = properties.get("need_by")
    try:
        moment = parse_time(value)
    except InputError:
        moment = None
    if moment is None or not EARLIEST <= moment <= now + FARTHEST_NEED:
        raise Refused(f"properties.need_by: expected a date from 1900 to 50 years ahead, got {shown(value)}")
    return to_iso(moment)[:10]


_LONGEST_AGENT = 512  # characters: the patterns are tried on no more


@lru_cache(maxsize=4096)
def _is_bot(agent: str) -> bool:
    return bool(is_crawler(agent))
