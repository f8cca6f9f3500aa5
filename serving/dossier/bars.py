"""Visits by week as bars of an SVG picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from serving.chart import short_date
from serving.dossier.known import Answer

WIDTH, HEIGHT, FOOT, TOP = 560, 104, 20, 20  # of the picture, of the line of dates, of the room for figures


@dataclass(frozen=True, slots=True)
class Bar:
    """A week. ``label``: its first day, where there is room for it."""

    x: float
    y: float
    width: float
    height: float
    visits: int
    label: str


@dataclass(frozen=True, slots=True)
class Bars:
    """``width``, ``height`` of the picture; ``base``: where the bars stand."""

    bars: list[Bar]
    width: int = WIDTH
    height: int = HEIGHT
    base: int = HEIGHT - FOOT


def week_bars(weeks: Sequence[Answer]) -> Bars | None:
    """None where nothing was visited."""
    highest = max((week["visits"] for week in weeks), default=0)
    if highest == 0:
        return None
    step = WIDTH / max(len(weeks), 12)
    every = -(-len(weeks) // 6)
    found = []
    for i, week in enumerate(weeks):
        tall = (HEIGHT - FOOT - TOP) * week["visits"] / highest
        label = short_date(date.fromisoformat(week["week"])) if i % every == 0 else ""
        found.append(Bar(round(i * step, 1), HEIGHT - FOOT - tall, round(step * 0.7, 1), tall, week["visits"], label))
    return Bars(found)
