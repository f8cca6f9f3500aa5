"""Runs, versions and the alias in MLflow."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from registry_alias import point

from features.errors import InputError, ModelUnavailable
from training.tracking import Tracking

FILES = {"catalogue.json": b"{}", "trees/bought_0.txt": b"tree"}


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One tracking database for this file: to create it takes seconds."""
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/not/yet/there/mlflow.db"


def test_a_registered_scorer_comes_back_by_version_and_by_alias(uri: str) -> None:
    tracking = Tracking(uri, model_name="back")
    assert tracking.find("champion") is None
    with tracking.run("train") as run:
        run.log(params={"seed": 1}, metrics={"ibs": 0.1, "auc_7": float("nan")}, tags={"digest": "abc"})
        run.picture("empty", Figure())
        version = tracking.register(run, FILES, tags={"gate": "passed"})
    assert tracking.load(version) == FILES
    assert tracking.find("champion") is None
    point(tracking, "champion", version)
    assert tracking.find("champion") == version
    assert tracking.load("champion") == FILES
    finished = tracking.client.get_run(run.run_id)
    assert finished.info.status == "FINISHED"
    assert finished.data.metrics == {"ibs": 0.1}
    artifacts = {item.path for item in tracking.client.list_artifacts(run.run_id)}
    assert artifacts == {"pictures", "scorer"}


def test_versions_count_up_and_the_alias_stays(uri: str) -> None:
    tracking = Tracking(uri, model_name="counting")
    versions = []
    for _ in range(2):
        with tracking.run("train") as run:
            versions.append(tracking.register(run, FILES, tags={}))
    point(tracking, "champion", versions[0])
    assert versions == ["1", "2"]
    assert tracking.find("champion") == "1"


def test_an_interrupted_run_is_not_finished(uri: str) -> None:
    tracking = Tracking(uri, model_name="interrupted")
    with pytest.raises(KeyboardInterrupt), tracking.run("train") as run:
        raise KeyboardInterrupt
    assert tracking.client.get_run(run.run_id).info.status == "KILLED"


@pytest.mark.parametrize("wanted", ["champion", "7"])
def test_a_version_that_is_not_there_is_refused_with_the_remedy(uri: str, wanted: str) -> None:
    with pytest.raises(InputError, match=r"training\.train"):
        Tracking(uri, model_name="nothing").load(wanted)


def test_a_tracking_place_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("this is no database")
    with pytest.raises(ModelUnavailable, match="MLFLOW_TRACKING_URI"):
        Tracking(f"sqlite:///{tmp_path}/mlflow.db", model_name="any")


def test_a_new_tracking_database_prints_nothing(tmp_path: Path) -> None:
    code = f"from training.tracking import Tracking; Tracking('sqlite:///{tmp_path}/mlflow.db', model_name='any')"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": "."}
    )
    assert done.stdout + done.stderr == ""


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelUnavailable, match="MLFLOW_TRACKING_URI"):
        Tracking(f"sqlite:///{tmp_path}/file/mlflow/mlflow.db", model_name="leadtime")


def test_children_know_their_parent_and_end_by_themselves(uri: str) -> None:
    tracking = Tracking(uri, model_name="family")
    with tracking.run("study", tags={"kind": "tune"}) as parent:
        with parent.child("trial 0") as first:
            first.log(metrics={"ibs": 0.2}, step=3)
        with tracking.run("trial 1", parent=parent.run_id) as second:
            second.log(params={"leaves": 7})
        with pytest.raises(ZeroDivisionError), parent.child("trial 2") as third:
            _ = 1 / 0
    beneath = tracking.client.search_runs([parent.experiment_id], f"tags.mlflow.parentRunId = '{parent.run_id}'")
    assert {run.info.run_id: run.info.status for run in beneath} == {
        first.run_id: "FINISHED",
        second.run_id: "FINISHED",
        third.run_id: "FAILED",
    }
    assert tracking.client.get_metric_history(first.run_id, "ibs")[0].step == 3
    assert tracking.client.get_run(parent.run_id).info.status == "FINISHED"
