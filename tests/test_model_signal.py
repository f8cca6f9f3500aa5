"""When a baseline answers in place of the model."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from benchmarks.negative_control.tables import FIRST_ACTIVITY, tables
from benchmarks.prediction.datasets.histories import events_of
from features.builder import Requests
from features.catalogue import Catalogue, FeatureSpec
from features.events import parse_time
from features.history import History
from features.settings import Settings
from features.sources.simulator import simulate
from model.examples import calendar_split
from model.metrics import Estimate
from model.scorer import Scorer
from model.signal import LEAST_PURCHASES, NO_FEATURES, TIME_ALONE, judge_signal, time_alone
from training.abstention import gain_over
from training.evaluation import Block
from training.fitting import fit, serving_split

CLEAR, NONE, WORSE = Estimate(0.2, 0.1, 0.3), Estimate(0.01, -0.02, 0.04), Estimate(-0.2, -0.3, -0.1)


def test_a_gain_beyond_chance_lets_the_model_answer() -> None:
    found = judge_signal(CLEAR, NONE, 500)
    assert (found.verdict, found.basis, found.baseline) == ("signal", "model", "")
    assert "20.0 % (10.0 to 30.0)" in found.why


@pytest.mark.parametrize(("low", "verdict"), [(-0.008, "signal"), (-0.05, "no signal")])
def test_nine_in_ten_is_enough_and_is_called_weak(low: float, verdict: str) -> None:
    found = judge_signal(Estimate(0.04, low, 0.088 if verdict == "signal" else 0.13), NONE, 500)
    assert found.verdict == verdict
    assert found.why.startswith("weak signal" if verdict == "signal" else "no signal")


@pytest.mark.parametrize("gain", [NONE, WORSE])
def test_without_a_gain_the_best_curve_without_features_answers(gain: Estimate) -> None:
    by_age, flat = judge_signal(gain, CLEAR, 500), judge_signal(gain, NONE, 500)
    assert (by_age.verdict, by_age.basis, by_age.baseline) == ("no signal", "baseline", TIME_ALONE)
    assert flat.baseline == NO_FEATURES
    assert "no signal" in flat.why
    assert NO_FEATURES in flat.why


def test_too_few_purchasers_show_how_many_it_takes() -> None:
    found = judge_signal(CLEAR, CLEAR, LEAST_PURCHASES - 1)
    assert (found.verdict, found.baseline) == ("too little data", NO_FEATURES)
    assert f"{LEAST_PURCHASES - 1} of the {LEAST_PURCHASES} purchasers" in found.why


def test_age_and_calendar_look_at_no_event() -> None:
    made = [FeatureSpec(name=name, aggregation=name) for name in ("age", "weekday", "month", "count")]
    assert time_alone(Catalogue(tuple(made))).names == ("age", "weekday", "month")


def test_a_gain_is_paired_by_lead() -> None:
    rng = np.random.default_rng(0)
    lead = np.repeat(np.arange(50), 4).astype(str)
    other = np.repeat(rng.uniform(0.5, 1.5, 50), 4)  # losses that differ much between leads
    block = Block(np.ones(200), np.zeros(200, dtype=np.int8), lead, (7,))
    found = gain_over(other * 0.9, other, block, seed=0)
    assert found.value == pytest.approx(0.1)
    assert found.high - found.low < 1e-9  # the same gain for every lead


def test_the_negative_control_becomes_tables() -> None:
    made = tables(
        pd.DataFrame(
            {
                "organization_id": ["a", "b"],
                "trial_start": pd.to_datetime(["2024-01-01", "2024-01-02"], utc=True),
                "converted_at": pd.to_datetime(["2024-01-05", None], utc=True),
                "active_days": [2, 1],
                "first_event_day": [0, 3],
                "last_event_day": [9, 3],
                FIRST_ACTIVITY: [4, 0],
                "Shift.View.Opened": [0, 2],
            }
        )
    )
    assert made["leads"]["lead_id"].tolist() == ["a", "b"]
    assert made["outcomes"]["lead_id"].tolist() == ["a"]
    events = made["events"]
    assert events.groupby("lead_id").size().to_dict() == {"a": 2, "b": 2}  # what comes after the conversion is left out
    assert events.loc[events["lead_id"] == "b", "timestamp"].dt.date.astype(str).unique().tolist() == ["2024-01-05"]


def test_a_baseline_answers_the_same_for_everybody_and_says_so() -> None:
    tables = simulate(leads=150, seed=2, end=date(2026, 11, 1), days=300).tables
    end = parse_time("2026-11-01")
    history = History.from_table(events_of(tables, now=end))
    split = serving_split(calendar_split(history, known_by=end, longest=30))
    signal = judge_signal(NONE, NONE, 500)
    scorer = fit(history, split, Settings(horizons=(7, 30)), seed=0, version="1", signal=signal).scorer
    again = Scorer.from_files(scorer.to_files())
    assert again.signal == signal
    leads = Requests(list(history.lead_ids[:5]), np.full(5, end))
    scores = again.score(history, leads)
    assert scores["p_30"].nunique() == 1
    assert set(scores["basis"]) == {"baseline"}
    assert all(any(NO_FEATURES in reason for reason in reasons) for reasons in scores["reasons"])
