"""The settings block [estimator]: checked names and ranges, from leadtime.toml or from the environment."""

from __future__ import annotations

from inspect import signature
from pathlib import Path

import pytest

from features.errors import InputError
from features.estimator_settings import PURCHASE_HAZARD, HazardParameters
from features.settings import load_settings
from model.examples import Split
from model.hazard import PurchaseHazard
from training.fitting import estimator_of
from training.material import version_name

ELSEWHERE = {"horizons", "seed", "n_jobs"}  # settings of their own, and what makes no difference to the model


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_every_parameter_of_the_estimator_can_be_set_and_has_its_default() -> None:
    own = {name: each.default for name, each in signature(PurchaseHazard).parameters.items() if name not in ELSEWHERE}
    assert HazardParameters().model_dump() == own


def test_without_an_entry_the_defaults_hold() -> None:
    settings = load_settings()
    assert settings.estimator.class_ == PURCHASE_HAZARD
    assert estimator_of(settings, 3).get_params() == PurchaseHazard(settings.horizons, seed=3).get_params()


def test_the_file_sets_parameters() -> None:
    Path("leadtime.toml").write_text("[estimator.parameters]\nlearning_rate = 0.1\nrows_per_lead = 10\n")
    made = estimator_of(load_settings(), 1)
    assert (made.learning_rate, made.rows_per_lead, made.l2) == (0.1, 10, 10.0)


def test_the_environment_sets_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADTIME_ESTIMATOR__PARAMETERS__LEARNING_RATE", "0.1")
    assert load_settings().estimator.parameters == {"learning_rate": 0.1}


def test_another_class_takes_its_own_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEADTIME_ESTIMATOR__CLASS", "my_models:Cox")
    monkeypatch.setenv("LEADTIME_ESTIMATOR__PARAMETERS__TIES", "efron")
    assert load_settings().estimator.parameters == {"ties": "efron"}


@pytest.mark.parametrize(
    "line", ["learning_rate = 0", "row_share = 1.5", "leafs = 2", 'learning_rate = "fast"', "rows_per_lead = 2.5"]
)
def test_what_the_estimator_cannot_take_is_refused_with_its_name(line: str) -> None:
    Path("leadtime.toml").write_text(f"[estimator.parameters]\n{line}\n")
    with pytest.raises(InputError, match=line.partition(" ")[0]):
        load_settings()


def test_another_parameter_makes_another_version() -> None:
    split = Split(train_since=0, calibrate_since=1, calibrate_until=2, test_since=3, test_until=4, known_by=5)
    tuned = load_settings(estimator={"parameters": {"learning_rate": 0.1}})
    names = [version_name(each, split, data="d", seed=1) for each in (load_settings(), tuned)]
    assert names[0] != names[1]
