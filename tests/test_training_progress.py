"""What a job says while it works, and how long it says it will take."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest

from training import past_seconds
from training.progress import Progress, stage
from training.tracking import Tracking


def test_nothing_is_said_of_what_is_not_known() -> None:
    assert Progress().left("fit", 5.0) is None


def test_what_is_left_comes_from_the_job_before() -> None:
    progress = Progress()
    progress.expect({"read": 10.0, "fit": 100.0, "log": 20.0}, scale=2.0)
    assert progress.left() == pytest.approx(260.0)
    assert progress.left("read", 5.0) == pytest.approx(255.0)
    progress.seconds["read"] = 20.0  # as fast as expected
    assert progress.left("fit", 50.0) == pytest.approx(190.0)
    assert progress.left("fit", 500.0) == pytest.approx(40.0)  # never below what is to come


def test_a_slower_machine_is_slower_throughout() -> None:
    progress = Progress()
    progress.expect({"read": 10.0, "fit": 100.0})
    progress.seconds["read"] = 30.0
    assert progress.left("fit", 0.0) == pytest.approx(300.0)


def test_what_a_stage_itself_tells_counts_more_than_the_job_before() -> None:
    progress = Progress()
    progress.expect({"read": 0.5, "fit": 100.0, "log": 20.0})
    assert progress.left("fit", 30.0, share=0.5) == pytest.approx(30.0 + 20.0)


def test_elsewhere_than_in_a_terminal_each_stage_is_a_plain_line(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    progress.expect({"read": 1.0, "fit": 300.0})
    with progress.stage("read") as reading:
        reading.note = "5 events"
    with progress.stage("fit"):
        pass
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("  read ")
    assert lines[0].endswith("5 events (about 5 min left)")
    assert "left" not in lines[1]
    assert "\r" not in "".join(lines)
    assert list(progress.seconds) == ["read", "fit"]


def test_a_stage_of_its_own_and_one_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="no"), stage("fails"):
        raise ValueError("no")
    with stage("quiet", quiet=True):
        pass
    assert capsys.readouterr().err == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_in_a_terminal_the_line_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    from training import progress as module

    terminal = Terminal()
    monkeypatch.setattr(module.sys, "stderr", terminal)
    monkeypatch.setattr(module, "_EVERY", 0.01)
    progress = Progress()
    progress.expect({"fit": 60.0})
    with progress.stage("fit"):
        until = time.monotonic() + 5
        while "about" not in terminal.getvalue() and time.monotonic() < until:
            time.sleep(0.01)
    shown = terminal.getvalue()
    assert "fit ..." in shown
    assert "about 60 s left" in shown
    assert shown.endswith("s\n")


def test_seconds_are_kept_with_the_run_and_found_again(tmp_path: Path) -> None:
    tracking = Tracking(f"sqlite:///{tmp_path}/mlflow.db", model_name="leadtime")
    assert past_seconds.newest(tracking) == past_seconds.Past()
    with tracking.run("one") as run:
        past_seconds.keep(run, {"fit": 12.345}, 1_000)
        assert past_seconds.newest(tracking) == past_seconds.Past()  # it has not ended yet
    with tracking.run("other") as run:
        run.log(tags={"kind": "fold"})
    assert past_seconds.newest(tracking) == past_seconds.Past({"fit": 12.35}, 1_000)
    with tracking.run("damaged") as run:
        run.log(tags={past_seconds.TAG: "seconds"})
    assert past_seconds.newest(tracking) == past_seconds.Past()
