"""How many folds a history has room for is told before the work, and the time that they take is counted in."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from training import train
from training.folds import stage_seconds


@pytest.mark.parametrize("folds", ["-1", "20"])
def test_a_number_of_folds_that_cannot_be_is_refused_before_the_work(
    folds: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    created = pd.date_range("2026-01-01", periods=100, freq="2D")
    ids = [f"l{i}" for i in range(100)]
    pd.DataFrame({"lead_id": ids, "created_at": created.strftime("%Y-%m-%d")}).to_csv(
        tmp_path / "leads.csv", index=False
    )
    at = (created[:80] + pd.Timedelta(days=20)).strftime("%Y-%m-%d")
    outcomes = pd.DataFrame({"lead_id": ids[:80], "outcome": "purchased", "at": at})
    outcomes.to_csv(tmp_path / "outcomes.csv", index=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    assert train.main(["--data", str(tmp_path), "--as-known-at", "2026-07-20", "--folds", folds]) == 2
    said = capsys.readouterr().err
    assert "--folds: expected 1 to " in said
    assert f"got {folds}. Ask for fewer" in said
    assert "fit on the older blocks" not in said
    assert not (tmp_path / "mlflow.db").exists()  # nor is there a run that failed


BEFORE = {"read the log": 5.0, "fit on the older blocks": 60.0, "measure on the newest block": 10.0}


def test_folds_count_in_the_time_that_is_left() -> None:
    expected = stage_seconds(BEFORE, 2)
    assert expected == BEFORE | {"fold 1 of 2": 70.0, "fold 2 of 2": 70.0}
    assert stage_seconds(BEFORE | {"fold 1 of 2": 40.0, "fold 2 of 2": 20.0}, 3) == BEFORE | {
        f"fold {number} of 3": 30.0 for number in (1, 2, 3)
    }
    assert stage_seconds(expected, 0) == BEFORE
    assert stage_seconds({}, 3) == {}
