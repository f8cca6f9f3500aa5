"""Rows that come under observation late: nobody can be seen to end before, so nobody is at risk before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from features.errors import InputError
from model.aalen_johansen import AalenJohansen
from model.curves import Float
from model.discrete import baseline_hazards, curves_from_hazards
from model.frame import Endings, endings
from model.grid import bin_edges
from model.hazard import PurchaseHazard
from model.person_period import person_period

HORIZONS = (7, 30, 60)
EDGES = bin_edges(HORIZONS)
TIMES = np.array([3.0, 7.0, 20.0, 30.0, 60.0])
RATES = (1 / 60, 1 / 20)  # of purchases a day, without and with the flag
LOSS = 1 / 80


@dataclass(frozen=True)
class Late:
    X: pd.DataFrame
    y: Endings
    entry: Float


def late(n: int, seed: int = 0, *, earliest: float = 0.0) -> Late:
    """Two thirds enter between ``earliest`` and day 40, the others at ``earliest``; only those still open then."""
    rng = np.random.default_rng(seed)
    flag = rng.random(n) < 0.5
    bought = rng.exponential(1 / np.where(flag, RATES[1], RATES[0]))
    lost = rng.exponential(1 / LOSS, n)
    sight = rng.uniform(40, 120, n)
    duration = np.minimum(np.minimum(bought, lost), sight)
    outcome = np.where(duration == bought, 1, np.where(duration == lost, 2, 0))
    entry = np.where(rng.random(n) < 2 / 3, rng.uniform(earliest, 40, n), earliest)
    seen = entry < duration
    X = pd.DataFrame({"flag": flag[seen].astype(float), "noise": rng.normal(size=seen.sum())})
    return Late(X, endings(outcome[seen], duration[seen]), entry[seen])


def truth(rate: float) -> Float:
    return rate / (rate + LOSS) * -np.expm1(-(rate + LOSS) * TIMES)


MEAN = (truth(RATES[0]) + truth(RATES[1])) / 2


def baseline(data: Late, entry: npt.NDArray[np.float64] | None) -> Float:
    y = data.y
    hazards = baseline_hazards(y["outcome"], y["duration"], np.ones(len(y)), EDGES, entry)
    return curves_from_hazards(EDGES, hazards[:1], hazards[1:]).at(TIMES)[0][0]


def test_there_is_no_row_for_a_bin_before_entry() -> None:
    outcome = np.array([1, 0, 0, 2, 1], dtype=np.int8)
    duration = np.array([1.5, 0.75, 3.5, 1.5, 9.0])
    entry = np.array([0.0, 0.25, 2.5, 1.0, 5.0])  # the last comes after the last edge
    rows = person_period(outcome, duration, np.array([0.0, 1.0, 2.0, 4.0]), max_rows=100, seed=0, entry=entry)
    found = list(zip(rows.row.tolist(), rows.bin.tolist(), rows.ending.tolist(), rows.weight.tolist(), strict=True))
    assert found == [
        (0, 0, 0, 1.0),
        (0, 1, 1, 1.0),
        (1, 0, 0, 0.5),  # entered and left within the bin
        (2, 2, 0, 0.5),
        (3, 1, 2, 1.0),  # entered at the very edge
    ]


def test_sampled_rows_keep_the_time_at_risk_after_entry() -> None:
    data = late(20_000)
    y = data.y
    whole, part = (
        person_period(y["outcome"], y["duration"], EDGES, max_rows=m, seed=0, entry=data.entry) for m in (10**7, 50_000)
    )
    assert len(part) < 60_000 < len(whole)
    for b in range(0, len(EDGES) - 1, 4):
        assert part.weight[part.bin == b].sum() == pytest.approx(whole.weight[whole.bin == b].sum(), rel=0.06)
        seen = (np.minimum(y["duration"], EDGES[b + 1]) - np.maximum(data.entry, EDGES[b])).clip(0)
        open_ = whole.weight[(whole.bin == b) & (whole.ending == 0)].sum() * (EDGES[b + 1] - EDGES[b])
        assert open_ == pytest.approx(seen.sum(), rel=0.2)


def test_the_baseline_recovers_the_truth_which_it_misses_when_truncation_is_ignored() -> None:
    data = late(20_000)
    assert baseline(data, data.entry) == pytest.approx(MEAN, abs=0.015)
    assert np.all(baseline(data, None) < MEAN - [0.02, 0.03, 0.05, 0.04, 0.02])
    curves = AalenJohansen(HORIZONS).fit(None, data.y, entry=data.entry).predict_curves(range(1))
    assert curves.at(TIMES)[0][0] == pytest.approx(MEAN, abs=0.015)


def test_the_hazard_recovers_the_truth_for_each_kind_of_lead() -> None:
    data = late(8000)
    options: dict[str, Any] = {"learning_rate": 0.2, "max_trees": 60, "n_jobs": 1}
    X = pd.DataFrame({"flag": [0.0, 1.0]})

    def error(entry: Float | None) -> Float:
        model = PurchaseHazard(HORIZONS, **options).fit(data.X[["flag"]], data.y, entry=entry)
        assert model.booster(1) is not None
        return np.asarray(model.predict_curves(X).at(TIMES)[0] - np.stack([truth(rate) for rate in RATES]))

    assert np.abs(error(data.entry)).max() < 0.03
    assert np.all(error(None).min(axis=1) < -0.06)


def test_time_before_the_first_entries_is_taken_as_the_time_after() -> None:
    data = late(20_000, earliest=5.0)
    assert baseline(data, data.entry) == pytest.approx(MEAN, abs=0.03)


def test_one_early_ending_among_few_does_not_end_all() -> None:
    data = late(2000, earliest=5.0)
    first = endings([1], [0.6])
    y = np.concatenate([first, data.y])
    entry = np.concatenate([[0.0], data.entry])
    hazards = baseline_hazards(y["outcome"], y["duration"], np.ones(len(y)), EDGES, entry)
    assert hazards.max() < 0.5


def test_entry_at_day_0_is_no_entry() -> None:
    data = late(300)
    zero = np.zeros(len(data.y))
    assert np.array_equal(baseline(data, zero), baseline(data, None))
    options: dict[str, Any] = {"max_trees": 5, "n_jobs": 1}
    one, other = (PurchaseHazard(HORIZONS, **options).fit(data.X, data.y, entry=e) for e in (zero, None))
    assert one.to_files() == other.to_files()


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ([0.0], "one value for each of 2 rows"),
        ([-1.0, 0.0], "days from 0 on"),
        ([0.0, 2.0], r"before the row's own duration, got 2\.0 with a duration of 2\.0"),
        ([np.nan, 0.0], "days from 0 on"),
    ],
)
def test_entries_that_make_no_sense_are_refused(entry: list[float], said: str) -> None:
    y = endings([1, 0], [1.0, 2.0])
    for model in (PurchaseHazard(), AalenJohansen()):
        with pytest.raises(InputError, match=said):
            model.fit(np.ones((2, 1)), y, entry=entry)


def test_rows_that_all_come_after_the_longest_horizon_are_refused() -> None:
    with pytest.raises(InputError, match="rows under observation within 90 days, got none before 100"):
        PurchaseHazard().fit(np.ones((2, 1)), endings([1, 0], [120.0, 130.0]), entry=[100.0, 110.0])
