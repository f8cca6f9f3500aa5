"""Declared deadlines against the curve."""

from __future__ import annotations

import numpy as np
import pytest

from features.catalogue import Catalogue, FeatureSpec
from features.events import parse_time
from model.deadlines import Slip, contradictions, slips

NEED = {"types": ("need_declared",), "properties": ("need_by",)}
CATALOGUE = Catalogue(
    (
        FeatureSpec(name="deadline_days", aggregation="date_ahead", **NEED),
        FeatureSpec(name="deadline_slip_days", aggregation="date_drift", **NEED),
        FeatureSpec(name="trait_source", aggregation="last", properties=("source",), levels=("web", "partner")),
    )
)
NOW = parse_time("2026-11-01")
WINDOW = (np.array([10.0]), np.array([30.0]))


def said(deadline: float, source: float, known: dict[str, Slip] | None = None, *, call: bool = True) -> str:
    row = np.array([[deadline, 0.0, source]])
    return contradictions(CATALOGUE, row, np.array([NOW]), WINDOW, known or {}, call=np.array([call]), longest=90)[0]


def test_the_newest_deadline_of_each_lead_counts() -> None:
    lead = np.repeat(np.arange(24), 2)
    as_of = np.tile([NOW - 5, NOW], 24)
    moved = np.where((as_of == NOW) & (lead % 3 == 0), 20.0, 0.0)
    rows = np.column_stack([np.full(48, 9.0), moved, np.where(lead < 12, 0, 1)])
    rows[lead == 23, 0] = np.nan  # without a deadline
    found = slips(CATALOGUE, rows, lead, as_of)
    assert found == {"": Slip(23, 8, 20.0), "web": Slip(12, 4, 20.0), "partner": Slip(11, 4, 20.0)}


def test_a_deadline_outside_of_the_window_is_told_with_how_they_slip() -> None:
    known = {"": Slip(90, 30, 14.0), "web": Slip(40, 31, 25.0)}
    assert said(40, 0, known) == (
        "Declared deadline 2026-12-11 lies after the purchase window; of 40 leads of web with a deadline 31 put it "
        "off, by 25 days in the median"
    )
    assert "before the purchase window; of 90 leads with a deadline 30" in said(3, 1, known)
    assert said(3, 0, {"web": Slip(12, 0, 0.0)}).endswith("; none of 12 leads of web with a deadline has put it off")
    assert said(3, np.nan) == "Declared deadline 2026-11-04 lies before the purchase window"


@pytest.mark.parametrize("deadline", [10.0, 20.0, 30.5, np.nan, -4.0])
def test_other_deadlines_contradict_nothing(deadline: float) -> None:
    assert not said(deadline, 0)


def test_a_deadline_is_told_also_where_nobody_is_expected_to_buy() -> None:
    known = {"web": Slip(40, 31, 25.0)}
    assert said(20, 0, known, call=False) == (
        "Declared deadline 2026-11-21, but no purchase is expected within 90 days; of 40 leads of web with a deadline "
        "31 put it off, by 25 days in the median"
    )
    assert said(1, np.nan, call=False) == "Declared deadline 2026-11-02, but no purchase is expected within 90 days"
    assert said(90, 0, call=False)
    assert not any(said(days, 0, call=False) for days in (-0.5, 90.5, np.nan)), "of these it expects nothing"


def test_a_model_without_deadlines_says_nothing() -> None:
    bare = Catalogue((FeatureSpec(name="n", aggregation="count"),))
    assert slips(bare, np.ones((3, 1)), np.arange(3), np.arange(3)) == {}
    assert contradictions(bare, np.ones((1, 1)), np.array([NOW]), WINDOW, {}, call=np.array([True]), longest=90) == [""]
