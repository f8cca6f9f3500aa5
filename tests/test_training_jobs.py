"""The jobs from end to end on a small simulated log: train, then score from a folder and from the store."""

from __future__ import annotations

import csv
import json
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from registry_alias import point

from features import load, simulate
from features.builder import Requests, build
from features.events import Event, parse_time
from features.history import History
from model import cross_fit, fit_scorer
from model.hazard import PurchaseHazard
from model.manifest import MANIFEST, manifest
from model.scorer import Scorer
from training import pyfunc, score, train
from training.files import write_files
from training.fitting import serving_split
from training.inputs import Source
from training.tracking import Tracking

END = "2026-11-01"


def work_in(folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.chdir(folder)
    patch.setenv("LEADTIME_DATABASE_URL", f"sqlite:///{folder}/log.db")
    patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
    patch.setenv("LEADTIME_HORIZONS", "7,30")
    # the jobs are tested here, not the model: a few trees of a few members will do
    patch.setattr(fit_scorer, "PurchaseHazard", partial(PurchaseHazard, max_trees=15, max_rows=10_000))
    patch.setattr(cross_fit, "_REPEATS", 1)
    patch.setattr(cross_fit, "_RIDGES", (30.0,))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sample tables and a loaded store."""
    folder = tmp_path_factory.mktemp("jobs")
    with pytest.MonkeyPatch.context() as patch:
        work_in(folder, patch)
        assert simulate.main(["sample", "--leads", "400", "--seed", "3", "--end", END]) == 0
        assert load.main(["sample"]) == 0
    return folder


@pytest.fixture(scope="module")
def trained(place: Path) -> Path:
    """The same with version 1 of a model."""
    with pytest.MonkeyPatch.context() as patch:
        work_in(place, patch)
        assert train.main(["--as-known-at", END]) == 0
    return place


@pytest.fixture(autouse=True)
def _here(place: Path, monkeypatch: pytest.MonkeyPatch, _no_settings_from_outside: None) -> None:
    work_in(place, monkeypatch)


def tracking(place: Path) -> Tracking:
    return Tracking(f"sqlite:///{place}/mlflow.db", model_name="leadtime")


def test_a_run_leaves_figures_pictures_and_a_version(trained: Path) -> None:
    found = tracking(trained)
    run = found.client.get_run(found.client.get_model_version("leadtime", "1").run_id)
    assert {"ibs", "ibs_aalen_johansen", "skill", "auc_7", "auc_30", "ici_30", "window_coverage"} <= set(
        run.data.metrics
    )
    assert len(run.data.metrics) <= 30
    assert run.data.params["horizons"] == "7,30"
    assert run.data.tags["gate"] in {"passed", "refused"}
    pictures = {item.path for item in found.client.list_artifacts(run.info.run_id, "pictures")}
    assert {"pictures/calibration.png", "pictures/curves.png", "pictures/lift.png"} <= pictures
    assert (found.find("champion") is not None) == (run.data.tags["gate"] == "passed")


def test_a_version_has_a_card_and_its_run_the_checks(trained: Path) -> None:
    found = tracking(trained)
    version = found.client.get_model_version("leadtime", "1")
    run_id = version.run_id
    content = found.client.download_artifacts(run_id, "card.md")
    card = Path(content).read_text()
    assert card.startswith("# leadtime, version 1 (")
    for heading in ("What it is for", "What it learned from", "How good it is", "By segment", "What the gate said"):
        assert f"# {heading}\n" in card
    assert "| skill over the curve without features |" in card
    assert "Not intended:" in card
    assert "training.train --like 1" in card
    assert version.description.startswith("# leadtime, version 1 (")
    assert len(version.description) <= 5000
    tags = found.client.get_run(run_id).data.tags
    assert version.tags["gate"] == tags["gate"]
    assert tags["data_checks"] in {"ok", "warned"}
    gate = json.loads(Path(found.client.download_artifacts(run_id, "checks/gate.json")).read_text())
    assert {check["name"] for check in gate["checks"]} >= {"not worse than Aalen-Johansen", "calibrated at 30 days"}
    checks = json.loads(Path(found.client.download_artifacts(run_id, "checks/data_checks.json")).read_text())
    assert {check["name"] for check in checks} >= {"events", "leads", "purchases", "types"}


def test_what_is_registered_is_text_alone(trained: Path) -> None:
    for name, content in tracking(trained).load("1").items():
        text = content.decode()
        assert json.loads(text) if name.endswith(".json") else text.startswith("tree")


def test_mlflow_can_open_what_is_registered(trained: Path, tmp_path: Path) -> None:
    files = tracking(trained).load("1")
    write_files(tmp_path, {**files, MANIFEST: manifest(files), "MLmodel": b"what MLflow adds"})
    opened, scorer = pyfunc._load_pyfunc(str(tmp_path)), Scorer.from_files(files)
    history = Source("", trained / "sample").history(None, known_by=parse_time(END), now=parse_time(END))
    asked = Requests(list(history.lead_ids[:5]), np.full(5, parse_time("2026-10-01")))
    frame = build(history, asked, scorer.catalogue).assign(as_of="2026-10-01")
    found, scored = opened.predict(frame), scorer.score(history, asked, reasons=False)
    sent = json.loads(frame.to_json(orient="split", double_precision=15))  # as `mlflow models serve` is asked
    over_http = opened.predict(pd.DataFrame(sent["data"], columns=sent["columns"]))
    for name in ("p_7", "p_30", "p_lost_7", "p_lost_30"):
        assert np.array_equal(found[name], scored[name])
        assert over_http[name].to_numpy() == pytest.approx(found[name].to_numpy(), rel=0.01)  # 15 digits


def test_open_leads_are_scored_into_csv(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert score.main(["--out", "open.csv", "--model", "1"]) == 0
    with (trained / "open.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert rows
    assert list(rows[0])[:7] == ["lead_id", "as_of", "readiness", "p_7", "p_30", "p_lost_7", "p_lost_30"]
    assert all(0 <= float(row["p_7"]) <= float(row["p_30"]) <= 1 for row in rows)
    assert any(row["reasons"] for row in rows)
    assert f"{len(rows):,} rows by model" in capsys.readouterr().out


def test_requests_keep_their_order_and_every_row(trained: Path) -> None:
    leads = pd.read_parquet(trained / "sample" / "leads.parquet")["lead_id"]
    asked = [(leads[5], "2026-10-01"), ("nobody", "2026-10-01"), (leads[0], "1999-01-01"), (leads[5], "2026-10-01")]
    pd.DataFrame(asked, columns=["lead_id", "as_of"]).to_csv("asked.csv", index=False)
    for data in ([], ["--data", "sample"]):
        assert score.main(["--requests", "asked.csv", "--out", "out.parquet", "--model", "1", *data]) == 0
        found = pd.read_parquet("out.parquet")
        assert found["lead_id"].tolist() == [lead for lead, _ in asked]
        assert found["as_of"].dt.strftime("%Y-%m-%d").tolist() == [as_of for _, as_of in asked]
        assert found["readiness"].isna().tolist()[1:3] == [True, True]
        assert found["reasons"][1].tolist() == [score.UNKNOWN]
        assert found["p_7"][0] == found["p_7"][3] or np.isnan(found["p_7"][0])


def test_a_lead_that_ended_is_not_scored() -> None:
    def event(number: int, kind: str, occurred: str, recorded: str) -> Event:
        return Event(
            event_id=str(number),
            lead_id="a",
            type=kind,
            occurred_at=parse_time(occurred),
            recorded_at=parse_time(recorded),
        )

    history = History.from_events(
        [event(1, "page_view", "2026-01-01", "2026-01-01"), event(2, "purchased", "2026-01-05", "2026-01-08")]
    )
    times = ["2025-12-31", "2026-01-02", "2026-01-06", "2026-01-09"]
    found = score.why_not(history, Requests(["a"] * 4, np.array([parse_time(t) for t in times])))
    # what was recorded on the 8th was not known on the 6th
    assert found.tolist() == [score.UNKNOWN, None, None, score.HAD_BOUGHT]


def test_out_must_be_a_kind_of_file_that_can_be_written(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert score.main(["--out", "scores.xlsx"]) == 2
    assert score.main(["--out", "no/such/folder/scores.csv"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "error: --out: expected a file ending in .csv or .csv.gz or .parquet, got scores.xlsx"
    assert "no/such/folder" in said[1]
    assert score.main(["--out", "scores.csv", "--model", "99"]) == 2
    said = capsys.readouterr().err
    assert "expected an alias or a version that is registered, got '99'" in said
    assert "Name a registered version with --model" in said
    assert not (trained / "scores.csv").exists()


def test_a_model_that_is_tried_against_the_serving_one(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = tracking(trained)
    point(found, "champion", "1")
    assert train.main(["--as-known-at", END, "--data", "sample"]) == 0
    assert "Version 2 of leadtime is registered" in capsys.readouterr().out
    run = found.client.get_run(found.client.get_model_version("leadtime", "2").run_id)
    first = found.client.get_run(found.client.get_model_version("leadtime", "1").run_id)
    # the same events from a folder, the same seed: the same data, the same model
    assert run.data.tags["data"] == first.data.tags["data"]
    assert found.load("2") == found.load("1")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--as-known-at", "2020-01-01"], "expected events to learn from, got none"),
        (["--as-known-at", "soon"], "--as-known-at: expected an ISO 8601 date"),
        (["--as-known-at", "2999-01-01"], "expected a time that is not in the future"),
    ],
)
def test_train_says_what_is_missing(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main(arguments) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("n_leads", "n_purchases", "said"),
    [
        (9, 8, "expected at least 10 leads for a first curve (50 to learn from what leads do), got 9"),
        (60, 4, "at least 5 purchases for a first curve (20 to learn from what leads do), got 4"),
    ],
)
def test_too_little_to_learn_from(
    n_leads: int, n_purchases: int, said: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = place / f"small-{n_leads}"
    folder.mkdir()
    days = pd.date_range("2026-01-01", periods=n_leads)
    leads = pd.DataFrame({"lead_id": [f"l{i}" for i in range(n_leads)], "created_at": days.strftime("%Y-%m-%d")})
    leads.to_csv(folder / "leads.csv", index=False)
    ended = leads.head(n_purchases).assign(outcome="purchased", at="2026-10-01")[["lead_id", "outcome", "at"]]
    ended.to_csv(folder / "outcomes.csv", index=False)
    assert train.main(["--data", str(folder)]) == 2
    assert said in capsys.readouterr().err


def test_the_served_model_learns_from_the_newest_labels() -> None:
    from model.examples import Split

    split = Split(
        train_since=0, calibrate_since=55, calibrate_until=65, test_since=70, test_until=80, known_by=100
    )  # fmt: skip
    moved = serving_split(split)
    assert moved.test_since == moved.known_by == split.known_by  # where labels are cut
    assert moved.calibrate_until - moved.calibrate_since == 10
    assert moved.gap == split.gap
    assert moved.train_since == 0


def test_a_folder_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main(["--data", "nowhere"]) == 2
    assert "nowhere" in capsys.readouterr().err


def test_a_wrong_setting_ends_in_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("LEADTIME_HORIZONS", "30,7")
    assert train.main([]) == 2
    assert "horizons" in capsys.readouterr().err
