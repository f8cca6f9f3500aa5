"""With thirty leads: one curve for everybody, which says that it is that."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.errors import InputError
from features.events import parse_time
from features.lives import Lives
from model.scorer import Scorer
from training import score, train
from training.cold_start import blocks, lacking
from training.fitting import LEAST_LEADS, LEAST_PURCHASES
from training.inputs import Source
from training.tracking import Tracking


def few_leads(folder: Path, *, leads: int, bought: int, lost: int = 0) -> Path:
    """A lead every other day since January, who looks at a page and buys or is lost some weeks later."""
    folder.mkdir()
    rng = np.random.default_rng(leads)
    created = pd.date_range("2026-01-01", periods=leads, freq="2D")
    ids = [f"l{i}" for i in range(leads)]
    pd.DataFrame({"lead_id": ids, "created_at": created.strftime("%Y-%m-%d")}).to_csv(folder / "leads.csv", index=False)
    visits = pd.DataFrame({"lead_id": ids, "type": "page_view", "timestamp": created.strftime("%Y-%m-%d")})
    visits.to_csv(folder / "events.csv", index=False)
    at = (created + pd.to_timedelta(rng.uniform(3, 40, leads), unit="D"))[: bought + lost]
    kinds = ["purchased"] * bought + ["lost"] * lost
    outcomes = pd.DataFrame({"lead_id": ids[: bought + lost], "outcome": kinds, "at": at.strftime("%Y-%m-%d")})
    outcomes.to_csv(folder / "outcomes.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with thirty leads and the first version, trained on them."""
    folder = tmp_path_factory.mktemp("cold")
    few_leads(folder / "tables", leads=30, bought=7, lost=5)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
        assert train.main(["--data", "tables", "--as-known-at", "2026-04-01"]) == 0
    return folder


@pytest.fixture(autouse=True)
def _here(place: Path, monkeypatch: pytest.MonkeyPatch, _no_settings_from_outside: None) -> None:
    monkeypatch.chdir(place)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{place}/mlflow.db")


def tracking(place: Path) -> Tracking:
    return Tracking(f"sqlite:///{place}/mlflow.db", model_name="leadtime")


def test_the_first_version_serves_and_says_what_is_missing(place: Path) -> None:
    found = tracking(place)
    assert found.find("champion") == "1"
    signal = Scorer.from_files(found.load("champion")).signal
    assert (signal.verdict, signal.basis, signal.purchases) == ("too little data", "baseline", 7)
    assert "30 of the 50 leads and 7 of the 20 purchases that it takes" in signal.why
    assert "shrunk towards a constant rate" in signal.why
    run = found.client.get_run(found.client.get_model_version("leadtime", "1").run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["signal"] == "too little data"


def test_scores_say_so_too(place: Path) -> None:
    assert score.main(["--data", "tables", "--out", "scores.parquet"]) == 0
    scores = pd.read_parquet("scores.parquet")
    assert set(scores["basis"]) == {"baseline"}
    assert all(any("Too little data: 30 of the 50 leads" in reason for reason in row) for row in scores["reasons"])
    assert scores["p_30"].between(0.02, 0.6).all()
    assert (scores["p_7"] <= scores["p_30"]).all()


def test_windows_are_wider_than_asked_for(place: Path) -> None:
    windows = Scorer.from_files(tracking(place).load("1")).windows
    assert windows.coverage == 0.8
    assert windows.high[0] - windows.low[0] > 0.9


def test_it_does_not_replace_what_serves(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main(["--data", "tables", "--as-known-at", "2026-03-31"]) == 0
    said = capsys.readouterr().out
    assert "it did not pass the gate (too little data to be held against the serving model" in said
    assert "Too little data: 30 of the 50 leads" in said
    assert "How good it is could not be measured" in said
    assert tracking(place).find("champion") == "1"


def test_it_can_be_trained_again_from_its_folder(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train.main(["--like", "champion"]) == 0
    assert "The same files came out, byte for byte" in capsys.readouterr().out
    few_leads(place / "others", leads=31, bought=7, lost=5)
    assert train.main(["--like", "1", "--data", "others"]) == 1
    said = capsys.readouterr().out
    assert "Other files came out: " in said
    assert "Other data: " in said


def test_what_went_in_is_told(place: Path) -> None:
    report = json.loads(tracking(place).load("1", folder="data")["report.json"])
    assert (report["leads"], report["bought"], report["lost"], report["open"]) == (30, 7, 5, 18)
    assert sum(month["created"] for month in report["months"]) == 30


def test_a_purchase_on_the_day_of_the_newest_block_does_not_stop_it(tmp_path: Path) -> None:
    tables = few_leads(tmp_path / "late", leads=40, bought=0)
    ids = [f"l{i}" for i in range(33, 39)]
    late = pd.DataFrame({"lead_id": ids, "outcome": "purchased", "at": "2026-03-30"})
    late.to_csv(tables / "outcomes.csv", index=False)
    assert train.main(["--data", str(tables), "--as-known-at", "2026-04-01"]) == 0


def outcomes(tables: Path, ids: list[str], at: list[str]) -> None:
    rows = pd.DataFrame({"lead_id": ids, "outcome": "purchased", "at": at})
    rows.to_csv(tables / "outcomes.csv", index=False)


def test_purchases_in_the_newest_block_alone_give_a_first_version_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A long sales cycle: the first of enough purchases comes after twelve weeks."""
    tables = few_leads(tmp_path / "long", leads=60, bought=0)
    outcomes(tables, [f"l{i}" for i in range(22)], [f"2026-04-{8 + i:02}" for i in range(22)])
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    assert train.main(["--data", str(tables), "--as-known-at", "2026-05-01", "--no-hints"]) == 0
    signal = Scorer.from_files(tracking(tmp_path).load("champion")).signal
    assert (signal.verdict, signal.basis, signal.purchases) == ("too little data", "baseline", 22)
    assert "no purchase before 2026-03-" in signal.why
    assert "Too little data: no purchase before 2026-03-" in capsys.readouterr().out


def test_where_nobody_was_open_in_the_newest_block_nothing_is_measured(tmp_path: Path) -> None:
    tables = few_leads(tmp_path / "gap", leads=60, bought=0)
    outcomes(tables, [f"l{i}" for i in range(60)], ["2026-05-01"] * 60)  # everybody has bought; a last one comes late
    late = pd.DataFrame({"lead_id": ["last"], "created_at": ["2026-08-31"]})
    late.to_csv(tables / "leads.csv", mode="a", header=False, index=False)
    known_by = parse_time("2026-09-01")
    history = Source("", tables).history(None, known_by=known_by, now=known_by)
    split, found = blocks(history, known_by=known_by, longest=90)
    assert found is not None
    assert "no lead was open between 2026-0" in found.why
    assert split.test_since == split.known_by  # nothing is kept back


def lives(leads: int, bought: int) -> Lives:
    outcome = np.array([1] * bought + [0] * (leads - bought), dtype=np.int8)
    end = parse_time("2026-04-01")
    return Lives(np.zeros(leads, dtype=np.int64), np.full(leads, end, dtype=np.int64), outcome, end)


@pytest.mark.parametrize(
    ("leads", "bought", "why"),
    [
        (LEAST_LEADS, LEAST_PURCHASES, None),
        (LEAST_LEADS - 1, LEAST_PURCHASES, "49 of the 50 leads and 20 of the 20 purchases"),
        (1_000, 5, "1,000 of the 50 leads and 5 of the 20 purchases"),
        (10, 5, "10 of the 50 leads and 5 of the 20 purchases"),
    ],
)
def test_how_much_is_enough(leads: int, bought: int, why: str | None) -> None:
    found = lacking(lives(leads, bought))
    assert found is None if why is None else found is not None and why in found.why


@pytest.mark.parametrize(("leads", "bought"), [(9, 9), (100, 4), (0, 0)])
def test_too_little_for_anything_is_refused(leads: int, bought: int) -> None:
    with pytest.raises(InputError, match="for a first curve"):
        lacking(lives(leads, bought))
