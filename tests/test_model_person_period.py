import numpy as np
import pandas as pd
import pytest

from features.errors import InputError
from features.events import DAY, parse_time
from model.frame import Columns
from model.grid import bin_edges, nearest_horizon
from model.person_period import TimeCovariates, person_period

EDGES = np.array([0.0, 1.0, 2.0, 4.0])


@pytest.mark.parametrize("horizons", [(7, 30, 90), (3, 7, 14, 30), (1,), (5, 200), (0.5, 2), (1000,)])
def test_every_horizon_is_an_edge_and_the_longest_the_last(horizons: tuple[float, ...]) -> None:
    edges = bin_edges(horizons)
    assert edges[0] == 0
    assert edges[-1] == horizons[-1]
    assert np.all(np.diff(edges) > 0)
    assert set(map(float, horizons)) <= set(edges.tolist())


@pytest.mark.parametrize("horizons", [(), (0, 7), (7, 7), (30, 7)])
def test_horizons_must_rise(horizons: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="rising numbers of days"):
        bin_edges(horizons)


def test_the_shorter_of_two_equally_near_horizons() -> None:
    assert nearest_horizon((20, 40), 30) == 20
    assert nearest_horizon((7, 90), 30) == 7


def test_a_row_for_each_bin_at_risk() -> None:
    outcome = np.array([1, 2, 0, 0, 1], dtype=np.int8)
    duration = np.array([1.0, 1.5, 3.0, 9.0, 9.0])  # the last buys beyond the last edge
    rows = person_period(outcome, duration, EDGES, max_rows=100, seed=0)
    found = list(zip(rows.row.tolist(), rows.bin.tolist(), rows.ending.tolist(), rows.weight.tolist(), strict=True))
    assert found == [
        (0, 0, 1, 1.0),
        (1, 0, 0, 1.0),
        (1, 1, 2, 1.0),
        (2, 0, 0, 1.0),
        (2, 1, 0, 1.0),
        (2, 2, 0, 0.5),  # seen for half of the bin
        *[(row, b, 0, 1.0) for row in (3, 4) for b in range(3)],
    ]


def test_sampled_rows_keep_every_ending_and_the_time_at_risk() -> None:
    rng = np.random.default_rng(0)
    outcome = (rng.random(5000) < 0.2).astype(np.int8)
    duration = rng.uniform(0.1, 4.0, 5000)
    whole = person_period(outcome, duration, EDGES, max_rows=10**6, seed=0)
    part = person_period(outcome, duration, EDGES, max_rows=4000, seed=0)
    assert len(part) < 4400 < len(whole)
    assert (part.ending > 0).sum() == (whole.ending > 0).sum()
    for b in range(3):
        assert part.weight[part.bin == b].sum() == pytest.approx(whole.weight[whole.bin == b].sum(), rel=0.06)


def test_covariates_of_a_bin() -> None:
    X = pd.DataFrame({"deadline_days": [3.0, -2.0, np.nan], "age_days": [10.0, 20.0, 30.0]})
    columns = Columns.of(X)
    friday = parse_time("2026-10-30T12:00:00Z")
    as_of = np.full(3, friday, dtype=np.int64)
    time = TimeCovariates.of(EDGES, columns, as_of, np.full(3, 400.0))
    assert time.names == [
        "bin_days",
        "bin_deadline_days",
        "bin_past_deadline",
        "bin_age_days",
        "week",
        "quarter",
        "month",
    ]
    made = pd.DataFrame(time.compute(X.to_numpy(), as_of, np.array([2, 0, 1], dtype=np.int32)), columns=time.names)
    assert made["bin_days"].tolist() == [3.0, 0.5, 1.5]
    assert made["bin_deadline_days"].tolist()[:2] == [0.0, -2.5]
    assert made["bin_past_deadline"].tolist()[:2] == [1.0, 2.0]  # in the bin, after it
    assert np.isnan(made.loc[2, ["bin_deadline_days", "bin_past_deadline"]].astype(float)).all()
    assert made["bin_age_days"].tolist() == [13.0, 20.5, 31.5]
    # Sunday noon to Tuesday noon; Friday noon to Saturday noon; Saturday noon to Sunday noon
    assert made["week"].tolist() == pytest.approx([0.75, 0.5, 0.0])
    assert made["quarter"].tolist() == [60.0, 62.0, 61.0]  # whole days to 1 January
    assert made["month"].tolist() == [11.0, 10.0, 11.0]


def test_a_deadline_on_an_edge_is_in_the_bin_that_ends_with_it() -> None:
    """As a purchase at that moment is; a microsecond later changes nothing."""
    time = TimeCovariates(edges=(0.0, 1.0, 2.0, 3.0), deadline=0, age=-1, week=False, quarter=False, month=False)
    bins = np.arange(3, dtype=np.int32)
    past = time.names.index("bin_past_deadline")
    for days in (2.0, 2.0 - 1 / DAY):
        assert time.compute(np.full((3, 1), days), None, bins)[:, past].tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(("day", "left"), [("1900-02-01", 59.0), ("2199-12-30", 2.0)])
def test_quarters_are_known_for_every_time_that_is_taken(day: str, left: float) -> None:
    at = np.array([parse_time(day)], dtype=np.int64)
    seen = TimeCovariates(edges=(0.0, 1.0, 3650.0), deadline=-1, age=-1, week=False, quarter=True, month=False)
    assert seen.compute(np.zeros((1, 1)), at, np.array([0], dtype=np.int32))[0, 1] == left
    assert 0 < seen.compute(np.zeros((1, 1)), at, np.array([1], dtype=np.int32))[0, 1] <= 92


def test_season_is_left_out_until_a_year_was_seen() -> None:
    as_of = np.array([0, 100 * DAY], dtype=np.int64)
    time = TimeCovariates.of(EDGES, Columns(("a",), {}), as_of, np.array([10.0, 10.0]))
    assert time.names == ["bin_days", "week"]
