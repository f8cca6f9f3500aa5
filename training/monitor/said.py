"""What the watch says on the terminal."""

from __future__ import annotations

from model.watching.verdict import LEVELS, RETRAIN
from training.monitor.look import Look

_WORDS = {"fine": "fine", "watch": "LOOK", "retrain": "RETRAIN", "unknown": "-"}


def summary(found: Look) -> str:
    lines = []
    for check in found.checks:
        lines.append(f"  {_WORDS[check.status]:<9}{check.name:<16}expected {check.expected}; got {check.came}")
        if LEVELS[check.status]:
            lines.append(f"  {'':<25}{check.remedy}")
    head = {"fine": "Fine", "watch": "Look at this", RETRAIN: "Retrain now"}[found.verdict]
    return "\n".join([*lines, "", f"{head}: {found.why}"])
