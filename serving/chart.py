"""The purchase curve of one lead as a picture: coordinates for an inline SVG, drawn without any script."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from serving.answers import Curve

WIDTH, HEIGHT = 640, 300  # of the picture, in its own units
LEFT, RIGHT, TOP, BOTTOM = 70, 36, 26, 38


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: where, and what is written at it."""

    at: float
    label: str


@dataclass(frozen=True)
class Band:
    """Something between two places across the picture."""

    x: float
    width: float


@dataclass(frozen=True)
class Dot:
    """The chance at one horizon."""

    x: float
    y: float
    label: str


@dataclass(frozen=True)
class Chart:
    """All coordinates lie within ``width`` and ``height``, y downwards."""

    width: int
    height: int
    left: float
    right: float
    top: float
    bottom: float
    purchased: str
    area: str
    lost: str
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    dots: list[Dot]
    window: Band | None
    call_on: float | None


def draw(
    curve: Curve,
    as_of: date,
    *,
    days: int,
    horizons: dict[int, float],
    window: tuple[date, date] | None,
    call_on: date | None,
) -> Chart:
    """``days``: how far the picture reaches. ``horizons``: days to chance. Dates outside the picture are cut off."""
    grid = np.asarray(curve.days)
    points = np.union1d(grid[grid <= days], [0.0, float(days)])
    purchased = np.interp(points, grid, curve.purchased)
    lost = np.interp(points, grid, curve.lost)
    top_value = _nice_top(max(float(purchased.max()), float(lost.max()), *horizons.values()))
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def x(day: float) -> float:
        return round(LEFT + (right - LEFT) * min(max(day, 0.0), days) / days, 1)

    def y(value: float) -> float:
        return round(bottom - (bottom - TOP) * value / top_value, 1)

    def line(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> str:
        return " ".join(f"{x(day)},{y(value)}" for day, value in zip(points.tolist(), values.tolist(), strict=True))

    band = None
    if window is not None:
        start, end = ((moment - as_of).days for moment in window)
        if end > 0 and start < days:
            band = Band(x(start), max(round(x(end) - x(start), 1), 2.0))
    call_day = None if call_on is None else (call_on - as_of).days
    return Chart(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=right,
        top=TOP,
        bottom=bottom,
        purchased=line(purchased),
        area=f"{LEFT},{bottom} {line(purchased)} {right},{bottom}",
        lost=line(lost),
        x_ticks=[Tick(x(day), short_date(as_of + timedelta(days=day))) for day in _steps(days)],
        y_ticks=[Tick(y(top_value * i / 4), f"{100 * top_value * i / 4:.3g} %") for i in range(5)],
        dots=[Dot(x(h), y(p), f"{100 * p:.0f} %") for h, p in horizons.items() if h <= days],
        window=band,
        call_on=None if call_day is None or call_day > days else x(call_day),
    )


def short_date(day: date) -> str:
    return f"{day.day} {day:%b}"


def _nice_top(value: float) -> float:
    """The end of the y axis: a round number above all values."""
    return next((top for top in (0.02, 0.04, 0.1, 0.2, 0.4, 0.6, 0.8) if value <= 0.95 * top), 1.0)


def _steps(days: int) -> list[int]:
    """Four to six whole days from 0 on, evenly apart."""
    step = next((step for step in (1, 2, 3, 5, 7, 10, 14, 15, 20, 30, 60, 90, 120, 180) if days / step <= 6), 365)
    return list(range(0, days + 1, step))
