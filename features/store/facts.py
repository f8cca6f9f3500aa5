"""What the log knows of a lead, in short."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from features.events import ENDINGS


@dataclass(frozen=True, slots=True)
class LeadFacts:
    """When its first event that is no ending occurred, and its first ending: type and time."""

    first_at: int | None
    ending: tuple[str, int] | None


def facts_of(firsts: Iterable[tuple[str, str, int]]) -> dict[str, LeadFacts]:
    """By lead, from the times (microseconds since 1970 UTC) of the first event of each type: (lead, type, time)."""
    facts: dict[str, LeadFacts] = {}
    for lead, kind, at in firsts:
        fact = facts.get(lead, LeadFacts(None, None))
        if kind not in ENDINGS:
            facts[lead] = replace(fact, first_at=at if fact.first_at is None else min(at, fact.first_at))
        elif fact.ending is None or at < fact.ending[1]:
            facts[lead] = replace(fact, ending=(kind, at))
    return facts
