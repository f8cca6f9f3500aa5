"""The same log, settings and seed give the same files, byte for byte: in another process, with other threads, later."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from features import load, simulate
from features.events import DAY, Event, events_table, parse_time
from features.settings import load_settings
from features.store import Store
from features.store.erasure import Erasures
from model.examples import Split
from model.manifest import TAG
from tests.small_train import make_small
from training import train
from training.inputs import Source, digest
from training.material import version_name
from training.provenance import FILE, FOLDER, Code, Provenance, differences, learned_settings
from training.tracking import Tracking

THEN = "2026-10-20"
NOTHING = Provenance(
    folder=None, position=0, known_by=0, seed=1, data="", events=0, leads=0, erasures=0, settings={}, code=Code(""),
    lock="", machine="", versions={},
)  # fmt: skip


def here(folder: Path) -> dict[str, str]:
    return {
        "LEADTIME_DATABASE_URL": f"sqlite:///{folder}/log.db",
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
        "LEADTIME_HORIZONS": "7,30",
        # in another order than the alphabet's
        "LEADTIME_ESTIMATOR__PARAMETERS__LEAVES": "1.5",
        "LEADTIME_ESTIMATOR__PARAMETERS__L2": "8",
    }


def train_elsewhere(folder: Path, *arguments: str, threads: int, salt: int) -> None:
    """In a process of its own."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    env = os.environ | here(folder) | {name: str(threads) for name in names} | {"PYTHONHASHSEED": str(salt)}
    env |= {"PYTHONPATH": str(Path(__file__).parents[1]), "OMP_WAIT_POLICY": "PASSIVE"}
    command = [sys.executable, "-m", "tests.small_train", "--no-learning-curve", *arguments]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two versions, trained here and in another process on what was known at one moment; in between, more
    came.

    What came later was recorded later, as what a service takes in is.
    """
    folder = tmp_path_factory.mktemp("repeat")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name, value in here(folder).items():
            patch.setenv(name, value)
        assert simulate.main(["sample", "--leads", "150", "--seed", "3", "--end", "2026-11-01", "--days", "300"]) == 0
        assert load.main(["sample"]) == 0
        make_small(patch.setattr)
        assert train.main(["--as-known-at", THEN, "--no-learning-curve"]) == 0
    with Store.open(f"sqlite:///{folder}/log.db") as store:
        at = parse_time(THEN)
        late = [
            Event(event_id="late", lead_id="L00000001", type="purchased", occurred_at=at - DAY, recorded_at=at + DAY),
            Event(event_id="new", lead_id="new", type="page_view", occurred_at=at + DAY, recorded_at=at + DAY),
        ]
        store.append(events_table(late))
    train_elsewhere(folder, "--as-known-at", THEN, threads=3, salt=2)
    return folder


@pytest.fixture(autouse=True)
def _here(place: Path, monkeypatch: pytest.MonkeyPatch, _no_settings_from_outside: None) -> None:
    monkeypatch.chdir(place)
    for name, value in here(place).items():
        monkeypatch.setenv(name, value)


def tracking(place: Path) -> Tracking:
    return Tracking(here(place)["MLFLOW_TRACKING_URI"], model_name="leadtime")


def provenance(place: Path, version: str) -> Provenance:
    return Provenance.from_json(tracking(place).load(version, folder=FOLDER)[FILE])


def test_another_process_with_other_threads_makes_the_same_files(place: Path) -> None:
    found = tracking(place)
    one, other = found.load("1"), found.load("2")
    assert one == other
    assert {"purchase.txt", "loss.txt", "scorer.json"} <= one.keys()  # trees, not the baseline
    tags = [found.client.get_model_version("leadtime", number).tags[TAG] for number in "12"]
    assert tags[0] == tags[1]


def test_what_was_recorded_later_changes_nothing_but_the_position(place: Path) -> None:
    one, other = provenance(place, "1"), provenance(place, "2")
    assert one.data == other.data
    assert other.position == one.position + 2
    assert differences(one, replace(other, code=one.code)) == []


def test_a_run_records_where_its_model_comes_from(place: Path) -> None:
    found = tracking(place)
    run = found.client.get_run(found.client.get_model_version("leadtime", "1").run_id)
    made = provenance(place, "1")
    assert run.data.params["log_position"] == str(made.position)
    assert run.data.params["as_known_at"] == "2026-10-20T00:00:00Z"
    assert run.data.params["seed"] == "1"
    assert run.data.tags["data"] == made.data
    assert run.data.tags["settings"] == made.settings_digest
    assert run.data.tags["code"] == str(made.code)
    assert run.data.tags["lock"] == made.lock
    assert {"python", "lightgbm", "numpy", "scikit-learn"} <= set(made.versions)
    assert made.settings["horizons"] == [7, 30]
    assert "database_url" not in made.settings


def test_a_version_is_trained_again_as_it_was(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_small(monkeypatch.setattr)
    # today's settings, which are not those of then
    monkeypatch.setenv("LEADTIME_HORIZONS", "5,20")
    monkeypatch.setenv("LEADTIME_ESTIMATOR__PARAMETERS__LEAVES", "2")
    monkeypatch.setenv("LEADTIME_ESTIMATOR__PARAMETERS__LEARNING_RATE", "0.2")
    assert train.main(["--like", "1"]) == 0
    said = capsys.readouterr().out
    assert "The same files came out, byte for byte" in said
    assert tracking(place).find("3") is None

    with Store.open(here(place)["LEADTIME_DATABASE_URL"]) as store:
        Erasures(store).erase("L00000002", parse_time("2026-11-02"))
    assert train.main(["--like", "1"]) == 1
    said = capsys.readouterr().out
    assert "Other files came out: " in said
    assert "purchase.txt" in said
    assert "Leads have been erased from the log since: " in said


def test_parameters_that_exist_only_today_are_not_those_of_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = load_settings()
    then = replace(NOTHING, settings=learned_settings(before))
    Path("leadtime.toml").write_text("[estimator.parameters]\nlearning_rate = 0.2\n[costs]\nlate = 9\n")
    assert load_settings().estimator.parameters["learning_rate"] == 0.2
    again = then.settings_in_force()
    assert (again.estimator, again.costs) == (before.estimator, before.costs)


def test_the_order_of_parameters_makes_no_other_version() -> None:
    split = Split(train_since=0, calibrate_since=1, calibrate_until=2, test_since=3, test_until=4, known_by=5)
    orders = ({"leaves": 1.5, "l2": 8.0}, {"l2": 8.0, "leaves": 1.5})
    ordered = [load_settings(estimator={"parameters": each}) for each in orders]
    assert len({version_name(each, split, data="d", seed=1) for each in ordered}) == 1


@pytest.mark.parametrize(("version", "said"), [("9", "an alias or a version that is registered"), ("nobody", "nobody")])
def test_only_a_registered_version_can_be_repeated(version: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main(["--like", version]) == 2
    assert said in capsys.readouterr().err


def test_each_difference_is_told(place: Path) -> None:
    then = provenance(place, "1")
    assert differences(then, replace(then, folder="elsewhere", position=99)) == []
    said = differences(
        then,
        replace(
            then,
            data="other",
            events=then.events + 1,
            settings=then.settings | {"horizons": [7, 90]},
            code=Code("other", "f" * 40, True),
            lock="other",
            versions=then.versions | {"numpy": "0.1"},
        ),
    )
    assert len(said) == 5
    assert said[0].startswith("other data: ")
    assert said[1] == "other settings: horizons"
    assert "ffffffffffff+changes now" in said[2]
    assert "lock file" in said[3]
    assert said[4].endswith("0.1 now")


def test_the_digest_is_of_all_that_events_say(place: Path) -> None:
    at = parse_time(THEN)
    events = Source(here(place)["LEADTIME_DATABASE_URL"], None).events(known_by=at, now=at)
    usual = digest(events)
    assert digest(events.take(list(range(events.num_rows - 1, -1, -1)))) == usual
    for name in ("lead_id", "type", "channel", "properties"):
        column = events[name].to_pylist()
        column[0] = "another"
        place_of = events.schema.get_field_index(name)
        assert digest(events.set_column(place_of, events.schema.field(name), [column])) != usual
