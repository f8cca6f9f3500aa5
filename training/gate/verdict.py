"""What the gate says: checks with their figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Check:
    """One thing that was asked, whether it holds, and the figures that say so. ``main``: named where all is well."""

    name: str
    passed: bool
    reason: str
    figures: Mapping[str, float] = field(default_factory=dict)
    main: bool = False


@dataclass(frozen=True)
class Verdict:
    """All checks; the model passes when each does. ``better``: shown to be better than the best so far, or the first.

    ``champion``: the number of the version that it was held against, None where nothing served.
    """

    checks: tuple[Check, ...]
    better: bool = True
    champion: str | None = None

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def reasons(self) -> str:
        """The reasons of what failed, or of the main checks where nothing did."""
        failed = [check.reason for check in self.checks if not check.passed]
        return "; ".join(failed or [check.reason for check in self.checks if check.main])

    def to_json(self) -> dict[str, Any]:
        return {
            "passed": self.passed,
            "better_than_the_best_so_far": self.better,
            "against": self.champion,
            "checks": [
                {"name": check.name, "passed": check.passed, "reason": check.reason, "figures": dict(check.figures)}
                for check in self.checks
            ],
        }
