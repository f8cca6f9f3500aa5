"""Ctrl-C and SIGTERM in real processes: nothing half done is left, and MLflow says how the run ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from features import load, simulate
from tests.small_train import MARK
from training.interrupts import held, stoppable
from training.tracking import Tracking


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("interrupts")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("LEADTIME_DATABASE_URL", f"sqlite:///{folder}/log.db")
        assert simulate.main(["sample", "--leads", "150", "--seed", "3", "--end", "2026-11-01"]) == 0
        assert load.main(["sample"]) == 0
    Tracking(f"sqlite:///{folder}/mlflow.db", model_name="leadtime")  # whose first start takes seconds
    return folder


def interrupted(place: Path, *, after: str, by: signal.Signals, wait: float = 0.0) -> tuple[int, str]:
    """The exit code of a training that is sent a signal once a line of its stderr holds ``after``, and its stderr."""
    env = os.environ | {
        "LEADTIME_DATABASE_URL": f"sqlite:///{place}/log.db",
        "MLFLOW_TRACKING_URI": f"sqlite:///{place}/mlflow.db",
        "LEADTIME_HORIZONS": "7,30",
        "PYTHONPATH": str(Path(__file__).parents[1]),
        "OMP_WAIT_POLICY": "PASSIVE",
        "SMALL_TRAIN_WAIT": str(wait),
    }
    command = [sys.executable, "-m", "tests.small_train", "--as-known-at", "2026-11-01", "--no-learning-curve"]
    with subprocess.Popen(command, cwd=place, env=env, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as job:
        assert job.stderr is not None
        said = ""
        for line in job.stderr:
            said += line.decode()
            if after in said:
                break
        if wait == 0.0:
            time.sleep(0.5)  # into the midst of the stage that follows
        job.send_signal(by)
        said += job.stderr.read().decode()
        return job.wait(timeout=120), said


def statuses(place: Path) -> list[str]:
    client = Tracking(f"sqlite:///{place}/mlflow.db", model_name="leadtime").client
    experiment = client.get_experiment_by_name("leadtime")
    return [run.info.status for run in client.search_runs([experiment.experiment_id])]


@pytest.mark.parametrize(
    ("after", "by", "wait"),
    [("open the tracking database", signal.SIGINT, 0.0), (MARK, signal.SIGTERM, 1.0)],
    ids=["while fitting", "while registering"],
)
def test_an_interrupted_training_leaves_no_version(place: Path, after: str, by: signal.Signals, wait: float) -> None:
    before = len(statuses(place))
    code, said = interrupted(place, after=after, by=by, wait=wait)
    assert code == 130, said
    assert "interrupted; no version was registered" in said
    assert "Traceback" not in said
    found = Tracking(f"sqlite:///{place}/mlflow.db", model_name="leadtime")
    assert found.client.search_model_versions("name = 'leadtime'") == []
    assert found.find("champion") is None
    assert statuses(place)[0] == "KILLED"
    assert len(statuses(place)) == before + 1


def test_a_run_that_fails_says_so(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from training import registrar, train

    monkeypatch.setenv("LEADTIME_DATABASE_URL", f"sqlite:///{place}/log.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{place}/mlflow.db")

    def crash(*_: object, **__: object) -> None:
        raise RuntimeError("no space left")

    monkeypatch.setattr(train, "learn", crash)
    monkeypatch.setattr(registrar, "judge", crash)
    with pytest.raises(RuntimeError):
        train.main(["--as-known-at", "2026-11-01"])
    assert statuses(place)[0] == "FAILED"


def test_sigterm_is_ctrl_c_within_the_block_alone() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), stoppable():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_what_is_held_is_told_and_not_interrupted(by: signal.Signals) -> None:
    before = signal.getsignal(by)
    with held() as hold:
        assert not hold.asked
        signal.raise_signal(by)
        assert hold.asked
    assert signal.getsignal(by) is before
