"""The walk-through of own features and models does what it says."""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from walkthrough import OWN_MODELS, blocks, run, write_files

from features.estimator_settings import Estimator
from features.events import DAY
from features.own_rows import own_rows
from features.settings import Settings
from model.examples import Split
from training.material import version_name


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


def test_versions_differ_when_own_rows_or_the_estimator_do(folder: Path) -> None:
    split = Split(train_since=0, calibrate_since=1, calibrate_until=2, test_since=3, test_until=4, known_by=DAY)

    def name() -> str:
        return version_name(Settings(), split, data="abc", seed=1)

    usual, file = name(), folder / "my-features.toml"
    file.write_text("# a comment\n" + file.read_text())
    assert name() == usual
    file.write_text(file.read_text().replace("[30,", "[60,"))
    other = name()
    settings = folder / "leadtime.toml"
    settings.write_text(settings.read_text().replace("C = 0.00001", "C = 0.0001"))
    assert len({usual, other, name()}) == 3
