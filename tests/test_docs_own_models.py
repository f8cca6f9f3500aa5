"""The walk-through of own features and models does what it says."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from walkthrough import OWN_MODELS, blocks, run, write_files

from features.estimator_settings import Estimator
from features.own_rows import own_rows
from features.settings import Settings


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    write_files(OWN_MODELS, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("weekly_hazard", None)


def test_its_code_prints_what_it_says(folder: Path) -> None:
    for printed, said in run(OWN_MODELS):
        assert printed == said


def test_its_settings_are_accepted(folder: Path) -> None:
    settings = Settings()  # leadtime.toml of this folder
    assert settings.features_file == "my-features.toml"
    assert settings.estimator.trusts == ("weekly_hazard:WeeklyHazard",)
    for block in blocks(OWN_MODELS):
        if block.file == "survival-forest.toml":
            assert Estimator(**tomllib.loads(block.text)["estimator"]).trusted
    rows = own_rows("fewer-features.toml")
    assert rows is not None
    assert rows.caps["type"] == 8
    names = [row["name"] for row in rows.rows]
    assert "weekday" not in names
    assert "pace_{window}" not in names
    assert names.count("active_days_{window}") == 1
