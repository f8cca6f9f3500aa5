"""What the log knows of a lead, in short."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LeadFacts:
    """When its first event that is no ending occurred, and its first ending: type and time."""

    first_at: int | None
    ending: tuple[str, int] | None
