"""Events in plain words."""

from __future__ import annotations

from collections.abc import Callable

from features.business_settings import EventRoles
from features.events import HANDOFF, HANDOFF_SCORED, IDENTIFY, LOST, NEED_DECLARED, PURCHASED, SALES_CALL
from features.property_values import text_of
from serving.dossier.known import Seen, shortened

_TRAITS = 4  # of a statement that are named
_SHORT = 120


def in_words(event: Seen, roles: EventRoles) -> str:
    """What happened, in one line."""
    said = shortened(_own(event) or _engagement(event, roles), _SHORT)
    return f"{said[:1].upper()}{said[1:]}"


def plain(name: str) -> str:
    """A name of a program as people write it."""
    return name.replace("_", " ").strip()


def _own(event: Seen) -> str | None:
    """Of the types with a meaning of their own."""
    words = _OWN.get(event.type)
    return None if words is None else words(event)


def _declaration(event: Seen) -> str:
    return f"said it needs the product by {(event.text('need_by') or 'an unknown date')[:10]}"


def _call(event: Seen) -> str:
    minutes, owner, ended = event.number("minutes"), event.text("owner"), event.text("disposition")
    parts = [plain(ended) if ended else "", f"{minutes:.0f} min" if minutes is not None else ""]
    told = ", ".join([*filter(None, parts), *([f"by {owner}"] if owner else [])])
    return f"sales call: {told}" if told else "sales call"


def _handoff(event: Seen) -> str:
    number = event.number("number")
    which = f" (no. {number:.0f})" if number is not None else ""
    return f"window opened{which}, held out" if event.properties.get("held_out") is True else f"handed over{which}"


def _purchase(event: Seen) -> str:
    value = event.number("value")
    return "bought" if value is None else f"bought, worth {value:,.0f}"


def _loss(event: Seen) -> str:
    reason = event.text("reason")
    return f"lost: {reason}" if reason else "lost"


def _statement(event: Seen) -> str:
    said = [(name, text_of(value)) for name, value in event.properties.items() if not name.startswith("_")]
    told = [f"{plain(name)} {text}" for name, text in said if text is not None]
    more = f" and {len(told) - _TRAITS} more" if len(told) > _TRAITS else ""
    return f"became known: {', '.join(told[:_TRAITS])}{more}" if told else "became known"


def _engagement(event: Seen, roles: EventRoles) -> str:
    what = event.content(roles) or event.text("form", "form_name", "subject", "name", "title")
    if event.type in roles.mail_sent:
        return f"was sent {what or 'a mail'}"
    if event.type in roles.mail_opened:
        return f"opened {what or 'a mail'}"
    if event.type in roles.mail_clicked:
        return f"clicked in {what or 'a mail'}"
    return plain(event.type) + (f": {what}" if what else "")


_OWN: dict[str, Callable[[Seen], str]] = {
    IDENTIFY: _statement,
    NEED_DECLARED: _declaration,
    SALES_CALL: _call,
    HANDOFF: _handoff,
    HANDOFF_SCORED: lambda _: "handoff scored afterwards",
    PURCHASED: _purchase,
    LOST: _loss,
}
