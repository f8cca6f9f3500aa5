"""What a lead read and what it asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from features.business_settings import EventRoles
from features.events import to_iso
from features.feature_spec import SECTION
from features.property_values import section_of
from model.curves import Float
from serving.dossier.known import Answer, Known, Seen, shortened

READ, ASKED = 20, 20  # rows at most
_MINUTES, _SECONDS = ("minutes", "duration_minutes"), ("seconds", "duration_seconds")
_FORM = ("form", "form_name", "form_id")
_FREE = ("question", "message", "text", "comment", "reply", "answer", "query")


def read(known: Known, weight: Mapping[str, float]) -> list[Answer]:
    """What was read, the most telling first: ``weight`` says what each section adds to the odds of a purchase."""
    by_content: dict[str, list[Seen]] = defaultdict(list)
    for event in known.events:
        content = event.content(known.roles) if event.engages(known.roles) else None
        if content is not None:
            by_content[content].append(event)
    rows: list[tuple[Any, Answer]] = []
    for content, events in by_content.items():
        section = section_of(content)
        telling = weight.get(section or "", 0.0)
        minutes = [n for event in events if (n := _minutes(event)) is not None]
        row = {
            "content": shortened(content),
            "section": section,
            "times": len(events),
            "first": to_iso(events[0].at),
            "last": to_iso(events[-1].at),
            "minutes": round(sum(minutes), 1) if minutes else None,
            "weight": telling,
        }
        rows.append(((-telling, -len(events), -events[-1].at, content), row))
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])[:READ]]


def asked(known: Known) -> list[Answer]:
    """Forms, questions and mails that were answered, the latest first."""
    rows = []
    for event in reversed(known.events):
        form, text = event.text(*_FORM), event.text(*_FREE)
        if not event.engages(known.roles) or (form is None and text is None and "form" not in event.type):
            continue
        form = form or event.content(known.roles)
        rows.append(
            {
                "at": to_iso(event.at),
                "type": event.type,
                "form": None if form is None else shortened(form),
                "text": None if text is None else shortened(text),
                "channel": event.channel,
            }
        )
    return rows[:ASKED]


def latest_contents(events: Sequence[Seen], roles: EventRoles, most: int) -> list[str]:
    """The last different things that were read, the latest first."""
    found: dict[str, None] = {}
    for event in reversed(events):
        content = event.content(roles) if event.engages(roles) else None
        if content is not None:
            found.setdefault(shortened(content))
        if len(found) == most:
            break
    return list(found)


def section_weights(catalogue: Any, contribution: Float) -> dict[str, float]:
    """By section of what can be read: what the lead's own reading of it adds to the log odds of a purchase.

    ``catalogue``: features.catalogue.Catalogue; ``contribution``: (p,), of each feature.
    """
    found: dict[str, float] = defaultdict(float)
    for spec, adds in zip(catalogue.features, contribution.tolist(), strict=True):
        for condition in spec.where if spec.scope == "lead" else ():
            if len(condition.one_of) == 1 and all(name.startswith(SECTION) for name in condition.properties):
                found[condition.one_of[0]] += adds
    return {section: round(adds, 4) for section, adds in found.items()}


def _minutes(event: Seen) -> float | None:
    minutes = event.number(*_MINUTES)
    if minutes is None and (seconds := event.number(*_SECONDS)) is not None:
        minutes = seconds / 60
    return minutes if minutes is not None and minutes >= 0 else None
