"""Small charts as inline SVG: coloured by the page's style sheet, so that they follow its light and dark."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

Format = Callable[[float], str]
Point = tuple[float, float]
WIDE = 780  # pixels of a picture that stands alone


def ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers within [low, high], steps of 1, 2 or 5 times a power of ten."""
    span = high - low
    if not span > 0 or not math.isfinite(span):
        return [low]
    raw = span / max(1, about)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def padded(values: Sequence[float], *, include: float | None = None, share: float = 0.06) -> tuple[float, float]:
    """Limits of an axis around all finite values, and ``include``."""
    found = [v for v in values if math.isfinite(v)] + ([] if include is None else [include])
    low, high = (min(found), max(found)) if found else (0.0, 1.0)
    gap = (high - low) * share or abs(high) * share or 1.0
    return low - gap, high + gap


class Plot:
    """A plot under construction; the units of all points are those of its axes."""

    def __init__(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        *,
        size: tuple[int, int] = (WIDE, 320),
        margins: tuple[int, int, int, int] = (14, 16, 44, 58),
    ) -> None:
        """``margins``: top, right, bottom, left; pixels."""
        self.size = size
        top, right, bottom, left = margins
        self._box = (left, top, size[0] - right, size[1] - bottom)
        self._x, self._y = x, y
        self._parts: list[str] = []

    def px(self, x: float) -> float:
        left, _, right, _ = self._box
        return round(left + (x - self._x[0]) / (self._x[1] - self._x[0]) * (right - left), 1)

    def py(self, y: float) -> float:
        _, top, _, bottom = self._box
        return round(bottom - (y - self._y[0]) / (self._y[1] - self._y[0]) * (bottom - top), 1)

    def x_axis(self, shown: Format, title: str = "", at: Sequence[float] | None = None, *, grid: bool = True) -> None:
        left, top, right, bottom = self._box
        for value in at or ticks(*self._x):
            x = self.px(value)
            if grid:
                self._add(f'<line class="grid" x1="{x}" x2="{x}" y1="{top}" y2="{bottom}"/>')
            self._text(x, bottom + 17, shown(value), "tick middle")
        self._add(f'<line class="axis" x1="{left}" x2="{right}" y1="{bottom}" y2="{bottom}"/>')
        if title:
            self._text((left + right) / 2, bottom + 36, title, "label middle")

    def y_axis(self, shown: Format, title: str = "", at: Sequence[float] | None = None) -> None:
        left, top, right, _ = self._box
        for value in at or ticks(*self._y):
            y = self.py(value)
            self._add(f'<line class="grid" x1="{left}" x2="{right}" y1="{y}" y2="{y}"/>')
            self._text(left - 8, y + 4, shown(value), "tick end")
        if title:
            self._text(left, top - 6 if top > 16 else top + 2, title, "label")

    def title(self, text: str) -> None:
        self._text(self._box[0], self._box[1] - 10, text, "panel")

    def line(self, points: Sequence[Point], style: str) -> None:
        path = " ".join(f"{self.px(x)},{self.py(y)}" for x, y in points)
        self._add(f'<polyline class="line {style}" points="{path}"/>')

    def steps(self, points: Sequence[Point], style: str) -> None:
        """A line that stays until the next point."""
        path = [points[0]]
        for x, y in points[1:]:
            path += [(x, path[-1][1]), (x, y)]
        self.line(path, style)

    def dot(self, x: float, y: float, style: str, said: str = "") -> None:
        self._add(f'<circle class="dot {style}" cx="{self.px(x)}" cy="{self.py(y)}" r="4.5">{_said(said)}</circle>')

    def bar(self, x: tuple[float, float], y: tuple[float, float], style: str, said: str = "") -> None:
        """From corner to corner."""
        (x0, x1), (y0, y1) = sorted(map(self.px, x)), sorted(map(self.py, y))
        size = f'width="{max(0.0, round(x1 - x0, 1))}" height="{max(0.0, round(y1 - y0, 1))}"'
        self._add(f'<rect class="bar {style}" x="{x0}" y="{y0}" {size} rx="1.5">{_said(said)}</rect>')

    def upright(self, x: float, style: str) -> None:
        _, top, _, bottom = self._box
        self._add(f'<line class="{style}" x1="{self.px(x)}" x2="{self.px(x)}" y1="{top}" y2="{bottom}"/>')

    def level(self, y: float, style: str) -> None:
        left, _, right, _ = self._box
        self._add(f'<line class="{style}" x1="{left}" x2="{right}" y1="{self.py(y)}" y2="{self.py(y)}"/>')

    def rug(self, values: Sequence[float], height: float) -> None:
        """Short ticks on the axis below, ``height`` in pixels."""
        bottom = self._box[3]
        for value in values:
            x = self.px(value)
            self._add(f'<line class="rug" x1="{x}" x2="{x}" y1="{bottom - height}" y2="{bottom}"/>')

    def beside(self, y: float, text: str) -> None:
        """A name to the left of the plot, in the row at ``y``."""
        most = int(self._box[0] / 7.5)
        self._text(
            self._box[0] - 10, self.py(y) + 4, text if len(text) <= most else f"{text[: most - 1]}\u2026", "name end"
        )

    def svg(self, alt: str) -> str:
        width, height = self.size
        fits = f"max-width:{width}px;flex-basis:{width * 3 // 4}px"
        head = f'<svg viewBox="0 0 {width} {height}" style="{fits}" role="img" aria-label="{escape(alt)}">'
        return f"{head}{''.join(self._parts)}</svg>"

    def _add(self, part: str) -> None:
        self._parts.append(part)

    def _text(self, x: float, y: float, text: str, style: str) -> None:
        self._add(f'<text class="{style}" x="{round(x, 1)}" y="{round(y, 1)}">{escape(text)}</text>')


def _said(text: str) -> str:
    """Shown when the pointer rests on it."""
    return f"<title>{escape(text)}</title>" if text else ""


@dataclass(frozen=True)
class Row:
    """A figure with its interval; NaN limits where none is known."""

    name: str
    value: float
    low: float = math.nan
    high: float = math.nan
    style: str = "s1"


def intervals(
    rows: Sequence[Row], shown: Format, *, title: str, alt: str, mark: float | None = None, wide: int = 190
) -> str:
    """One row each: a dot and the line of its interval. ``mark``: a value to compare with."""
    x = padded([v for row in rows for v in (row.value, row.low, row.high)], include=mark)
    plot = Plot(x, (len(rows) - 0.4, -0.6), size=(WIDE, 64 + 34 * len(rows)), margins=(8, 24, 48, wide))
    plot.x_axis(shown, title)
    if mark is not None:
        plot.upright(mark, "mark")
    for k, row in enumerate(rows):
        plot.beside(k, row.name)
        if math.isfinite(row.low) and math.isfinite(row.high):
            plot.line([(row.low, k), (row.high, k)], f"{row.style} thick")
        if math.isfinite(row.value):
            plot.dot(row.value, k, row.style, f"{row.name}: {shown(row.value)}")
    return plot.svg(alt)


def bars(
    rows: Sequence[Row], shown: Format, *, title: str, alt: str, marks: Sequence[float] = (), wide: int = 310
) -> str:
    """One bar each, from 0, with the line of its interval where there is one."""
    x = padded([*marks, *(v for row in rows for v in (row.value, row.high))], include=0)
    plot = Plot((min(0.0, *(row.value for row in rows)), x[1]), (len(rows) - 0.4, -0.6),
                size=(WIDE, 60 + 22 * len(rows)), margins=(8, 24, 48, wide))  # fmt: skip
    plot.x_axis(shown, title)
    for k, row in enumerate(rows):
        plot.beside(k, row.name)
        plot.bar((0.0, row.value), (k - 0.34, k + 0.34), row.style, f"{row.name}: {shown(row.value)}")
        if math.isfinite(row.low) and math.isfinite(row.high):
            plot.line([(row.low, k), (row.high, k)], "whisker")
    for value in marks:
        plot.upright(value, "mark")
    return plot.svg(alt)
