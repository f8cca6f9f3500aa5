"""What watching found: one line for each check, and what follows from all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

FINE, WATCH, RETRAIN, UNKNOWN = "fine", "watch", "retrain", "unknown"
LEVELS = {UNKNOWN: 0, FINE: 0, WATCH: 1, RETRAIN: 2}


@dataclass(frozen=True)
class Check:
    """``expected``, ``came``, ``remedy``: what a person can act on; the remedy is empty where nothing is to be done.

    ``figures``: what the status rests on, for MLflow and Prometheus.
    """

    name: str
    status: str
    expected: str
    came: str
    remedy: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.name}: expected {self.expected}, got {self.came}" + (f". {self.remedy}" if self.remedy else "")


def verdict(checks: Sequence[Check]) -> str:
    """The gravest status; nothing that is unknown makes a model bad."""
    return max((check.status for check in checks), key=LEVELS.__getitem__, default=FINE).replace(UNKNOWN, FINE)


def why(checks: Sequence[Check]) -> str:
    """One sentence: the gravest finding first, how many more there are."""
    found = [check for check in checks if LEVELS[check.status]]
    if not found:
        return "Nothing has changed beyond chance since the model learned"
    found.sort(key=lambda check: -LEVELS[check.status])
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    return f"{found[0]}{more}"
