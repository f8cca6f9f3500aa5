"""The commands that a training run says to type next are commands that work."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.settings import Settings
from training.inputs import Source
from training.summary import next_steps


@pytest.fixture(autouse=True)
def _no_tracking_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def test_where_nothing_serves_the_version_is_named() -> None:
    said = next_steps(Settings(), Source("sqlite:///log.db", None), version="3", serves=False)
    assert "training.score --out scores.csv --model 3" in said
    assert "serving" not in said


def test_a_folder_with_spaces_is_quoted() -> None:
    said = next_steps(Settings(), Source("sqlite:///log.db", Path("my data")), version="3", serves=True)
    assert "--data 'my data'\n" in said
    assert "python -m serving" in said


def test_a_tracking_server_is_named_and_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking:5000")
    said = next_steps(Settings(), Source("sqlite:///log.db", None), version="3", serves=True)
    assert said.endswith("\n  http://tracking:5000")
