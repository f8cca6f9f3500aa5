"""The funnel plot of salespeople as a picture: coordinates for an inline SVG, drawn without any script."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from model.measurement.salespeople import Salesperson, Team, funnel, outside
from serving.chart import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Tick

POINTS = 60  # of each limit
LEAST = 0.5  # expected wins of the whole team, below which there is nothing to see


@dataclass(frozen=True)
class Point:
    """One salesperson. ``shrunk``: the y of both ends of the interval."""

    x: float
    y: float
    shrunk: tuple[float, float] | None
    label: str
    outside: bool


@dataclass(frozen=True)
class Funnel:
    """All coordinates lie within ``width`` and ``height``, y downwards. ``limits``: outer and inner, low and high."""

    width: int
    height: int
    left: float
    right: float
    top: float
    bottom: float
    centre: float
    limits: list[str]
    points: list[Point]
    x_ticks: list[Tick]
    y_ticks: list[Tick]


def draw_funnel(team: Team) -> Funnel | None:
    """Expected wins to the right, wins for each expected one upwards; None while next to nothing is expected."""
    shown = [one for one in team.people if one.ratio is not None and one.expected > 0]
    if not shown or team.ratio is None or team.expected < LEAST:
        return None
    most = 1.1 * max(one.expected for one in shown)
    tops = [one.shrunk.high for one in shown if one.shrunk is not None]
    highest = 1.15 * max(team.ratio, 0.1, *(one.ratio or 0.0 for one in shown), *tops)
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def x(expected: float) -> float:
        return round(LEFT + (right - LEFT) * expected / most, 1)

    def y(ratio: float) -> float:
        return round(bottom - (bottom - TOP) * min(ratio, highest) / highest, 1)

    def point(one: Salesperson) -> Point:
        within = None if one.shrunk is None else (y(one.shrunk.low), y(one.shrunk.high))
        return Point(x(one.expected), y(one.ratio or 0.0), within, one.owner or "nobody", outside(one) is not None)

    places = np.geomspace(most / 100, most, POINTS).tolist()
    limits = np.array([funnel(team, expected) for expected in places])
    return Funnel(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=right,
        top=TOP,
        bottom=bottom,
        centre=y(team.ratio),
        limits=[
            " ".join(f"{x(place)},{y(value)}" for place, value in zip(places, limits[:, j].tolist(), strict=True))
            for j in range(4)
        ],
        points=[point(one) for one in shown],
        x_ticks=[Tick(x(value), f"{value:.3g}") for value in _round_steps(most)],
        y_ticks=[Tick(y(value), f"{value:.3g}") for value in _round_steps(highest)],
    )


def _round_steps(highest: float) -> list[float]:
    """Three to six round numbers from 0 up to the highest."""
    size = 10.0 ** np.floor(np.log10(highest))
    step = next(step for step in (0.2 * size, 0.5 * size, size, 2 * size, 5 * size) if highest / step <= 6)
    return [float(round(i * step, 10)) for i in range(int(highest / step) + 1)]
