"""Figures as the report writes and draws them."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.metrics import Estimate
from training.report.parts import count, number, percent, percent_range
from training.report.svg import Plot, Row, bars, intervals, padded, ticks


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.integers(2, 9))
def test_ticks_are_round_inside_and_evenly_spaced(low: float, span: float, about: int) -> None:
    high = low + span
    found = ticks(low, high, about)
    assert len(found) <= 2 * about + 2
    assert all(low - 1e-6 * span <= tick <= high + 1e-6 * span for tick in found)
    steps = [later - earlier for earlier, later in itertools.pairwise(found)]
    assert steps == pytest.approx([steps[0]] * len(steps), rel=1e-3) if steps else True


def test_known_ticks() -> None:
    assert ticks(0, 1) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert ticks(-0.03, 0.37, about=4) == [0.0, 0.1, 0.2, 0.3]
    assert ticks(5, 5) == [5]


def test_figures_have_a_real_minus_and_no_minus_before_zero() -> None:
    assert number(-1234.5, 1) == "\u22121,234.5"
    assert number(-0.001) == "0.00"
    assert percent(0.2958) == "29.6\u202f%"
    assert percent(math.nan) == number(math.inf) == "\u2013"
    assert count(1500) == "1,500"
    assert percent_range(Estimate(0.3, -0.1, 0.5), 0) == "\u221210 to 50\u202f%"
    assert percent_range(Estimate(0.3, math.nan, math.nan)) == "\u2013"


def test_the_interval_of_an_axis_holds_what_it_must() -> None:
    low, high = padded([0.2, math.nan, 0.4], include=0.0)
    assert low < 0
    assert high > 0.4
    assert padded([])[0] < padded([])[1]
    assert padded([3.0])[0] < 3 < padded([3.0])[1]


def test_names_from_the_data_cannot_become_markup() -> None:
    name = '<b>"R&D"</b>'
    rows = [Row(name, 0.1, 0.0, 0.2)]
    for picture in (
        bars(rows, number, title=name, alt=name),
        intervals(rows, number, title=name, alt=name, mark=0.0),
    ):
        assert "<b>" not in picture
        assert "&lt;b&gt;" in picture


def test_a_point_lies_where_its_axes_say() -> None:
    plot = Plot((0, 10), (0, 1), size=(200, 100), margins=(10, 20, 30, 40))
    assert (plot.px(0), plot.px(10)) == (40, 180)
    assert (plot.py(0), plot.py(1)) == (70, 10)


def test_marks_are_on_the_axis_however_short_the_bars() -> None:
    short = bars([Row("a", 0.001)], number, title="", alt="", marks=(0.25,))
    mark = float(short.partition('class="mark" x1="')[2].partition('"')[0])
    assert mark < 780
    assert ">0.25<" in short or ">0.20<" in short
