"""Which leads a batch scores, and the file that it writes."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_scorer import small_scorer

from features.events import DAY, Event, parse_time
from features.history import History
from serving.registry import Served
from serving.scoring import score_history
from training.score import TOO_LITTLE, Output, main, open_leads, score
from training.tracking import Tracking


def test_a_lead_whose_first_event_is_of_this_very_moment_is_open() -> None:
    now = parse_time("2026-01-01")
    history = History.from_events(
        [Event(event_id="1", lead_id="a", type="page_view", occurred_at=now, recorded_at=now)]
    )
    assert open_leads(history, now).lead_ids == ["a"]
    assert open_leads(history, now - 1).lead_ids == []


def test_a_lead_of_whom_only_the_name_is_known_has_no_score_here_as_in_the_api() -> None:
    now = parse_time("2026-01-10")
    said = (("named", "identify", 1), ("visitor", "identify", 1), ("visitor", "page_view", 5))
    events = [
        Event(event_id=f"{n}", lead_id=lead, type=kind, occurred_at=now - day * DAY, recorded_at=now - day * DAY)
        for n, (lead, kind, day) in enumerate(said)
    ]
    history = History.from_events(events)
    (frame,) = score(small_scorer("1"), history, open_leads(history, now))
    assert frame["lead_id"].tolist() == ["named", "visitor"]
    assert frame["reasons"][0] == [TOO_LITTLE]
    assert np.isfinite(frame["readiness"]).tolist() == [False, True]
    assert [frame[name].isna()[0] for name in ("p_7", "call_on", "handoff_on", "priority")] == [True] * 4
    answers = score_history(history, ["named", "visitor"], now, Served(small_scorer("1"), "1"))
    assert [answer["status"] for answer in answers] == ["not_scorable", "open"]
    assert answers[0]["reason"].lower() == TOO_LITTLE.lower()


def test_dates_are_by_the_costs_of_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "leads.csv").write_text("lead_id,created_at\na,2026-01-01\n")
    (tmp_path / "events.csv").write_text("lead_id,type,timestamp\na,page_view,2026-01-02\n")
    (tmp_path / "requests.csv").write_text("lead_id,as_of\na,2026-01-03\n")
    monkeypatch.setattr(Tracking, "load", lambda *_, **__: small_scorer("v").to_files())

    def scored() -> pd.Series:
        out = tmp_path / "out.csv"
        asked = ["--data", str(tmp_path), "--requests", str(tmp_path / "requests.csv"), "--out", str(out)]
        assert main(asked) == 0
        return pd.read_csv(out).iloc[0]

    usual = scored()
    monkeypatch.setenv("LEADTIME_COSTS__LATE", "500")
    other = scored()
    assert other["p_30"] == usual["p_30"]
    assert other["call_on"] < usual["call_on"]
    assert other["cost_best"] != usual["cost_best"]


def scores(lead: str) -> pd.DataFrame:
    at = parse_time("2026-01-01")
    return pd.DataFrame({"lead_id": [lead], "as_of": [at], "p_7": [0.5], "reasons": [["a", "b"]]})


@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz"])
def test_what_a_killed_run_left_is_not_in_the_file(tmp_path: Path, name: str) -> None:
    killed = Output(tmp_path / name)
    killed.__enter__()
    killed.write(scores("killed"))
    with Output(tmp_path / name) as output:
        output.write(scores("ada"))
        output.write(scores("ben"))
    opened = gzip.open if name.endswith(".gz") else open
    with opened(tmp_path / name, "rt") as stream:
        assert stream.read().splitlines() == [
            "lead_id,as_of,p_7,reasons", "ada,2026-01-01T00:00:00Z,0.5,a; b", "ben,2026-01-01T00:00:00Z,0.5,a; b",
        ]  # fmt: skip


def test_a_run_that_fails_leaves_no_file(tmp_path: Path) -> None:
    def fail() -> None:
        with Output(tmp_path / "out.csv") as output:
            output.write(scores("ada"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []
