"""What a check of the data found, and what follows from it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from features.errors import InputError

Level = Literal["ok", "warn", "refuse", "ignored"]


@dataclass(frozen=True)
class Finding:
    """``name``: of the check, which several findings may share. ``ignored``: it would have been refused."""

    name: str
    level: Level
    expected: str
    got: str
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{self.name}: expected {self.expected}, got {self.got}"
        return f"{text}. {self.remedy}" if self.remedy else text

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "level": self.level,
            "expected": self.expected,
            "got": self.got,
            "remedy": self.remedy,
        }


def refuse(findings: Sequence[Finding], *, ignored: Collection[str], serves: bool) -> list[Finding]:
    """The findings as they count; InputError where one of them means that nothing right could be learned.

    ``ignored``: names of checks whose refusals are overridden. ``serves``: whether a model does. Where none does, there
    is nothing that a bad one could replace, and whoever trains the first one is there to read the warning.
    """
    counted = []
    for found in findings:
        level = found.level
        if level == "refuse":
            level = "ignored" if found.name in ignored else "refuse" if serves else "warn"
        counted.append(replace(found, level=level))
    refused = [found for found in counted if found.level == "refuse"]
    if refused:
        options = " ".join(f"--ignore-data-checks {name}" for name in dict.fromkeys(found.name for found in refused))
        raise InputError(
            where="data",
            expected="data like those of the weeks before",
            got="; ".join(map(str, refused)).rstrip("."),
            remedy=f"Mend the feed; the serving model goes on. To learn from these data all the same: {options}",
        )
    return counted


def told(findings: Sequence[Finding]) -> list[str]:
    """A line for each finding that is not ok."""
    words = {"warn": "warning", "ignored": "ignored", "refuse": "refused"}
    return [f"{words[found.level]}: {found}" for found in findings if found.level != "ok"]
