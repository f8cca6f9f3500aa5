"""A search whose process is killed loses no more than the trial under way, and that one is tried again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from optuna.trial import Trial, TrialState

from features.errors import InputError, StoreUnavailable
from training.tune.space import SPACE, start_of, suggest
from training.tune.study import REFERENCE, Budget, enqueue_reference, open_storage, open_study, search

BEAT, GRACE = 1, 2
# Two trials that end at once, then one that does not end.
KILLED = """
import sys, time
from training.tune.space import suggest
from training.tune.study import Budget, enqueue_reference, open_storage, open_study, search

def objective(trial):
    suggest(trial)
    trial.set_user_attr("session", "first")
    trial.report(0.5, 0)
    if trial.number == 2:
        print("under way", flush=True)
        time.sleep(600)
    return 0.5

study = open_study(open_storage(sys.argv[1], beat=1, grace=2), "s", seed=1)
enqueue_reference(study, {})
search(study, objective, Budget(time.monotonic() + 600, 10, "first"))
"""


def wait_for_a_beat(url: str) -> None:
    """Until the third trial has told that it lives: before, nobody could know that it died."""
    storage = open_storage(url, beat=BEAT, grace=GRACE)
    trial = open_study(storage, "s", seed=1).get_trials()[2]._trial_id
    query, limit = sa.text("SELECT count(*) FROM trial_heartbeats WHERE trial_id = :trial"), time.monotonic() + 60
    with storage.engine.connect() as connection:
        while not connection.execute(query, {"trial": trial}).scalar():
            assert time.monotonic() < limit
            connection.rollback()
            time.sleep(0.1)
    storage.engine.dispose()


def test_after_a_kill_the_search_goes_on_and_tries_the_lost_trial_again(bare_database_url: str) -> None:
    command = [sys.executable, "-c", KILLED, bare_database_url]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "under way\n"
        wait_for_a_beat(bare_database_url)
        process.send_signal(signal.SIGKILL)
        process.wait()
    storage = open_storage(bare_database_url, beat=BEAT, grace=GRACE)
    study = open_study(storage, "s", seed=2)
    assert [trial.state for trial in study.get_trials()] == [*[TrialState.COMPLETE] * 2, TrialState.RUNNING]
    lost = study.get_trials()[2].params
    enqueue_reference(study, {})  # it has been tried
    time.sleep(GRACE + 1.5)
    search(study, quick, Budget(time.monotonic() + 600, 4, "second"))
    trials = study.get_trials()
    storage.engine.dispose()
    assert trials[2].state == TrialState.FAIL
    assert [trial.number for trial in trials if trial.params == lost] == [2, 3]
    assert [trial.state for trial in trials[3:]] == [TrialState.COMPLETE] * 2
    assert [REFERENCE in trial.user_attrs for trial in trials] == [True, *[False] * 4]


def test_a_trial_that_would_not_end_in_time_is_not_begun(tmp_path: Path) -> None:
    storage = open_storage(f"sqlite:///{tmp_path}/tuning.db")
    study = open_study(storage, "s", seed=1)

    def objective(_: object) -> float:
        time.sleep(0.3)
        return 1.0

    search(study, objective, Budget(time.monotonic() + 600, 3, "one"))
    assert len(study.get_trials()) == 3
    search(study, objective, Budget(time.monotonic() + 0.2, 9, "two"))
    storage.engine.dispose()
    assert len(study.get_trials()) == 3


def test_the_settings_in_force_are_tried_again_where_nothing_came_of_it(tmp_path: Path) -> None:
    storage = open_storage(f"sqlite:///{tmp_path}/tuning.db")
    study = open_study(storage, "s", seed=1)
    in_force = {"l2": 3.0, "max_trees": 100}
    enqueue_reference(study, in_force)
    enqueue_reference(study, in_force)
    assert len(study.get_trials()) == 1
    with pytest.raises(KeyboardInterrupt):
        study.optimize(interrupted, n_trials=1)
    enqueue_reference(study, in_force)
    search(study, quick, Budget(time.monotonic() + 600, 1, "again"))
    trials = study.get_trials()
    storage.engine.dispose()
    assert [trial.state for trial in trials] == [TrialState.FAIL, TrialState.COMPLETE]
    assert trials[1].params == {**start_of({}), "l2": 3.0}
    assert set(trials[1].params) == set(SPACE)


def quick(trial: Trial) -> float:
    suggest(trial)
    return 0.4


def interrupted(_: object) -> float:
    raise KeyboardInterrupt


def test_the_database_of_the_log_is_refused_with_the_remedy(tmp_path: Path, sqlite_template: Path) -> None:
    log = shutil.copyfile(sqlite_template, tmp_path / "log.db")
    before = log.read_bytes()
    with pytest.raises(StoreUnavailable, match="LEADTIME_TUNING_URL"):
        open_storage(f"sqlite:///{log}")
    assert log.read_bytes() == before


@pytest.mark.parametrize("wrong", ["tuning.db", "mysql://localhost/tuning", "sqlite://"])
def test_what_is_no_database_is_refused(wrong: str) -> None:
    with pytest.raises(InputError, match="LEADTIME_TUNING_URL"):
        open_storage(wrong)
