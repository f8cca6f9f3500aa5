"""Purchases a week beside those expected, as a picture: coordinates for an inline SVG, drawn without any script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from serving.chart import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Tick, short_date

_TICKS = 6


@dataclass(frozen=True)
class Bar:
    """The purchases of one week."""

    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass(frozen=True)
class WeeksChart:
    """All coordinates lie within ``width`` and ``height``, y downwards. ``expected``: a line over the bars."""

    width: int
    height: int
    left: float
    right: float
    bottom: float
    bars: list[Bar]
    expected: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]


def draw_weeks(weeks: Sequence[dict[str, Any]]) -> WeeksChart | None:
    """``weeks``: as in an answer of /v1/monitor; None without any."""
    if not weeks:
        return None
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    most = 1.1 * max(1.0, *(max(week["bought"], week["expected"]) for week in weeks))
    step = (right - LEFT) / len(weeks)

    def x(n: float) -> float:
        return round(LEFT + step * n, 1)

    def y(value: float) -> float:
        return float(round(bottom - (bottom - TOP) * value / most, 1))

    every = -(-len(weeks) // _TICKS)
    begins = [date.fromisoformat(week["begins"]) for week in weeks]
    return WeeksChart(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=right,
        bottom=bottom,
        bars=[
            Bar(
                x(n + 0.15),
                y(week["bought"]),
                round(step * 0.7, 1),
                round(bottom - y(week["bought"]), 1),
                f"week of {week['begins']}: {week['bought']} purchases, {week['expected']:.1f} expected",
            )
            for n, week in enumerate(weeks)
        ],
        expected=" ".join(f"{x(n + 0.5)},{y(week['expected'])}" for n, week in enumerate(weeks)),
        x_ticks=[Tick(x(n + 0.5), short_date(begins[n])) for n in range(0, len(weeks), every)],
        y_ticks=[Tick(y(most * i / 4), f"{most * i / 4:.3g}") for i in range(5)],
    )
