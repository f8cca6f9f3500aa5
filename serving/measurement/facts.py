"""What stands above the table of a report: labels and figures."""

from __future__ import annotations

from typing import Any

Answer = dict[str, Any]
Facts = tuple[tuple[str, Any], ...]


def sizes(answer: Answer) -> Facts:
    return (("most satisfied", answer["satisfied"]), ("others", answer["others"]))


def computed_afterwards(answer: Answer) -> Facts:
    """Only where there are any: most logs have none."""
    n = answer["computed_afterwards"]
    return (("computed afterwards", n),) if n else ()


def of_lift(answer: Answer) -> Facts:
    plan = answer["plan"] or {}
    return (
        ("handed over", answer["leads_handed_over"]),
        ("held out", answer["leads_held_out"]),
        ("held out and called", answer["called_held_out"]),
        ("windows still to open and follow", plan.get("openings_still_needed")),
        ("weeks until they are opened", plan.get("weeks")),
    )
