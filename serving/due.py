"""When a lead is to be called, in the words of the pages."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta


def due_word(call_on: date | None, today: date, *, held_out: bool) -> tuple[str, str]:
    """A class and a word for when to call. ``held_out``: not at all, else the holdout would measure the calls."""
    if held_out:
        return "later", "held out"
    if call_on is None:
        return "later", "not yet"
    days = (call_on - today).days
    if days < 0:
        return "overdue", f"overdue {-days} d"
    if days == 0:
        return "today", "today"
    return ("soon" if days <= 7 else "later"), "tomorrow" if days == 1 else f"in {days} d"


def due_counts(call_dates: Mapping[str | None, int], today: date) -> dict[str, int]:
    """How many leads to call when."""
    counts = dict.fromkeys(("overdue", "today", "next 7 days", "later", "no call date"), 0)
    for text, leads in call_dates.items():
        day = None if text is None else date.fromisoformat(text)
        if day is None:
            name = "no call date"
        elif day <= today:
            name = "today" if day == today else "overdue"
        else:
            name = "next 7 days" if day <= today + timedelta(days=7) else "later"
        counts[name] += leads
    return counts
