"""What a training run compares, and how it names what it made."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from mlflow.exceptions import MlflowException
from registry_alias import point

from features.errors import ModelUnavailable
from features.events import DAY, Event, events_table, parse_time, to_iso
from features.settings import Settings
from features.store import Store
from model.calibration import Calibration
from model.decision import CallCosts
from model.examples import Split
from model.hazard import PurchaseHazard
from model.readiness import Readiness
from model.scorer import Scorer
from model.window import Windows, date_span
from training import score_handoffs, train
from training.backtest import __main__ as backtest
from training.gate import find_rivals
from training.inputs import Source
from training.material import version_name
from training.measuring import not_learned_from
from training.tracking import MEASURED, Tracking
from training.tune import __main__ as tune

SPLIT = Split(
    train_since=0, calibrate_since=55 * DAY, calibrate_until=65 * DAY, test_since=70 * DAY, test_until=80 * DAY,
    known_by=100 * DAY,
)  # fmt: skip


def champion(known_by: int) -> Scorer:
    return Scorer(
        catalogue=None,
        hazard=PurchaseHazard((7,)),
        calibration=Calibration.identity((7,)),
        windows=Windows.nominal(0.8),
        readiness=Readiness((0.0, 1.0), (0.0, 100.0)),
        horizons=(7,),
        costs=CallCosts(),
        version="1",
        notes={"train_known_by": to_iso(known_by)},
    )


def test_the_serving_model_is_compared_on_what_it_has_not_learned_from() -> None:
    as_of = np.arange(70, 80) * DAY
    assert not_learned_from(champion(60 * DAY), as_of).all()
    assert not_learned_from(champion(75 * DAY), as_of).tolist() == [False] * 5 + [True] * 5
    # it knows all of the block: compared on all of it, in its favour
    assert not_learned_from(champion(90 * DAY), as_of).all()


def test_versions_differ_when_data_seed_or_settings_do() -> None:
    usual = version_name(Settings(), SPLIT, data="abc", seed=1)
    assert usual == version_name(Settings(database_url="sqlite:///other.db"), SPLIT, data="abc", seed=1)
    others = {
        version_name(Settings(), SPLIT, data="abd", seed=1),
        version_name(Settings(), SPLIT, data="abc", seed=2),
        version_name(Settings(horizons=(3, 7)), SPLIT, data="abc", seed=1),
        version_name(Settings(costs={"late": 9.0}), SPLIT, data="abc", seed=1),
    }
    assert len(others | {usual}) == 5
    assert all(name.startswith("1970-04-11-") for name in others)


def test_a_position_names_the_events_that_were_learned_from(tmp_path: Path) -> None:
    def event(number: int) -> Event:
        return Event(event_id=str(number), lead_id="a", type="page_view", occurred_at=number, recorded_at=number)

    source = Source(f"sqlite:///{tmp_path}/log.db", None)
    with Store.open(source.database_url, migrate=True) as store:
        store.append(events_table([event(5)]))
        position = source.position()
        store.append(events_table([event(3)]))  # back-filled: known_by alone would let it in
    assert source.events(known_by=9, now=9, up_to=position)["event_id"].to_pylist() == ["5"]
    assert Source("sqlite:///nowhere.db", tmp_path).position() is None


@pytest.mark.parametrize("as_of", ["2026-03-01T00:00:00", "2026-03-01T18:00:00"])
def test_a_window_ends_with_its_last_date(as_of: str) -> None:
    at = parse_time(as_of)
    start, end = date_span(np.array([0.2, 1.5]), np.array([at, at]))
    midnights = (at + np.stack([start, end]) * DAY) % DAY
    assert midnights.tolist() == [[0, 0], [0, 0]]
    assert ((start <= [0.2, 1.5]) & (end > [0.2, 1.5])).all()


def test_a_serving_model_of_an_older_format_does_not_keep_a_new_one_from_being_trained(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Older:
        def find(self, _: str) -> str:
            return "1"

        def load(self, _: str, *, folder: str) -> dict[str, bytes]:
            assert folder == MEASURED
            return {"scorer.json": b'{"format": 1}', "catalogue.json": b"{}"}

    assert find_rivals(Older(), Settings()).champion is None
    assert "format 1" in capsys.readouterr().err


def test_files_that_are_gone_do_not_keep_a_new_model_from_being_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tracking = Tracking(f"sqlite:///{tmp_path}/mlflow.db", model_name="gone")
    with tracking.run("train") as run:
        point(tracking, "champion", tracking.register(run, {"scorer.json": b"{}"}, tags={}))
    found = find_rivals(tracking, Settings())
    assert (found.champion, found.serving) == (None, "1")
    assert "cannot be compared with: there are no files in measured/ of version 1" in capsys.readouterr().err

    def silent(*_: object) -> list[object]:
        raise MlflowException("no connection")

    monkeypatch.setattr(tracking.client, "list_artifacts", silent)
    with pytest.raises(ModelUnavailable, match="cannot read version 1"):
        find_rivals(tracking, Settings())


def test_a_version_of_another_tool_does_not_keep_a_new_model_from_being_trained(tmp_path: Path) -> None:
    tracking = Tracking(f"sqlite:///{tmp_path}/mlflow.db", model_name="other")
    tracking.client.create_registered_model("other")
    made = tracking.client.create_model_version("other", source=f"file://{tmp_path}")
    point(tracking, "champion", str(made.version))
    assert find_rivals(tracking, Settings()).champion is None


@pytest.mark.parametrize("job", [train, tune, backtest, score_handoffs])
@pytest.mark.parametrize("seed", ["-1", "2000000001", "99999999999999999999"])
def test_a_seed_that_not_everything_takes_is_refused(
    job: ModuleType, seed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert job.main(["--seed", seed]) == 2
    assert f"--seed: expected a whole number from 0 to 2,000,000,000, got {seed}" in capsys.readouterr().err
    monkeypatch.setenv("LEADTIME_SEED", seed)
    assert job.main([]) == 2
    assert "got seed: " in capsys.readouterr().err
