"""How good the model is by the number of leads, and when it begins to beat the baseline."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features import load, simulate
from tests.small_train import make_small
from training import train
from training.learning_curve import LearningCurve, Point, _places
from training.tracking import Tracking


def point(leads: int, low: float) -> Point:
    return Point(leads / 800, leads, leads // 2, 0.1, 0.12, low + 0.05, low, low + 0.1)


@pytest.mark.parametrize(
    ("lows", "beats"),
    [
        ((-0.1, -0.02, 0.01, 0.08), 400),
        ((0.02, 0.03, 0.05, 0.08), 100),
        ((0.02, -0.01, 0.05, 0.08), 400),  # once is not enough: from there on, always
        ((-0.1, -0.1, 0.02, -0.01), None),
    ],
)
def test_it_beats_the_baseline_from_where_all_further_points_do(lows: tuple[float, ...], beats: int | None) -> None:
    leads = (100, 200, 400, 800)
    curve = LearningCurve(tuple(point(n, low) for n, low in zip(leads, lows, strict=True)))
    assert curve.beats_from == beats
    assert ("does not yet beat" in curve.verdict) == (beats is None)
    assert ("or fewer" in curve.verdict) == (beats == 100)
    assert curve.frame()["leads"].tolist() == list(leads)
    assert str(curve).count("purchases") == 4


def test_parts_of_the_leads_lie_within_one_another_whatever_other_leads_there_are() -> None:
    from model.examples import Examples

    ids = np.array([f"l{i // 3}" for i in range(600)], dtype=object)
    empty = np.zeros(600)
    made = Examples(ids, empty.astype(np.int64), empty.astype(np.int8), empty + 1.0, empty.astype(np.int64), 0)
    place = _places(made, 1)
    assert np.array_equal(place[0::3], place[2::3])  # all rows of a lead
    assert np.mean(place < 0.25) == pytest.approx(0.25, abs=0.1)
    few = replace(made, **{name: getattr(made, name)[:30] for name in ("lead_ids", "as_of", "outcome", "duration")})
    assert np.array_equal(_places(few, 1), place[:30])
    assert not np.array_equal(_places(made, 2), place)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("curve")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        make_small(patch.setattr)
        patch.setenv("LEADTIME_HORIZONS", "7,30")
        patch.setenv("LEADTIME_DATABASE_URL", f"sqlite:///{folder}/log.db")
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        assert simulate.main(["sample", "--leads", "300", "--seed", "3", "--end", "2026-11-01", "--days", "300"]) == 0
        assert load.main(["sample"]) == 0
        assert train.main(["--as-known-at", "2026-11-01"]) == 0
    return folder


def test_a_training_draws_it(place: Path) -> None:
    tracking = Tracking(f"sqlite:///{place}/mlflow.db", model_name="leadtime")
    run = tracking.client.get_run(tracking.client.get_model_version("leadtime", "1").run_id)
    found = pd.read_csv(
        place / tracking.client.download_artifacts(run.info.run_id, "learning_curve/learning_curve.csv")
    )
    assert found["share"].iloc[-1] == 1.0
    assert len(found) >= 2  # an eighth of so few leads is too little to learn from
    assert found["leads"].is_monotonic_increasing
    assert found["skill"].iloc[-1] == pytest.approx(run.data.metrics["skill"], abs=1e-6)
    assert "beat" in run.data.tags["learning_curve"]
    seconds = json.loads(run.data.tags["stage_seconds"])["seconds"]
    assert {"read the log", "draw the learning curve", "fit again on all blocks"} <= seconds.keys()
