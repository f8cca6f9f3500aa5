"""What a report is made of: sections of figures and tables, all with words for who cannot see them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from model.metrics import Estimate

NARROW = "\u202f"  # a space that does not break
UNKNOWN = "\u2013"


@dataclass(frozen=True)
class Table:
    """``rows``: the first cell names its row. ``text``: columns that hold words, aligned to the left."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text: frozenset[int] = frozenset({0})


@dataclass(frozen=True)
class Figure:
    """``reading``: one plain sentence on how to read it. ``svg``: several pictures that stand side by side. ``key``:
    what each style means, as (style, words). ``table``: the same in numbers.
    """

    title: str
    reading: str
    svg: tuple[str, ...]
    key: tuple[tuple[str, str], ...] = ()
    table: Table | None = None


@dataclass(frozen=True)
class Section:
    name: str  # of its place in the page, a word
    title: str
    text: tuple[str, ...] = ()
    figures: tuple[Figure, ...] = ()
    tables: tuple[Table, ...] = field(default=())


def percent(value: float, digits: int = 1) -> str:
    return _signed(100 * value, f".{digits}f") + (NARROW + "%" if math.isfinite(value) else "")


def number(value: float, digits: int = 2) -> str:
    return _signed(value, f",.{digits}f")


def count(value: float) -> str:
    return number(value, 0)


def _signed(value: float, form: str) -> str:
    """A real minus, none before 0, a dash for what is not known."""
    if not math.isfinite(value):
        return UNKNOWN
    text = format(value, form)
    if text.startswith("-"):
        text = text[1:] if float(text.replace(",", "")) == 0 else f"\u2212{text[1:]}"
    return text


def percent_range(found: Estimate, digits: int = 1) -> str:
    """Its interval."""
    if not math.isfinite(found.low):
        return UNKNOWN
    return f"{number(100 * found.low, digits)} to {percent(found.high, digits)}"


def number_range(found: Estimate, digits: int = 2) -> str:
    return f"{number(found.low, digits)} to {number(found.high, digits)}" if math.isfinite(found.low) else UNKNOWN
