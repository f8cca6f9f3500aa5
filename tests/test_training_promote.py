"""Promoting, rolling back and listing versions, and what keeps a version from serving."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from registry_alias import point
from small_scorer import small_scorer

from features.settings import Settings
from serving.registry import Registry
from training import promote
from training.gate import Check, Verdict
from training.promotion import fault, let_serve
from training.tracking import Tracking
from training.tracking.versions import BEST, DESCRIPTION_LIMIT, PREVIOUS, Promotion, Versions, path_of

PASSED = Verdict((Check("good", True, "it is good", main=True),))
REFUSED = Verdict((Check("good", False, "it is bad"),))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One tracking database for this file, each test with a model of its own: to create it takes seconds."""
    uri = f"sqlite:///{tmp_path_factory.mktemp('mlflow')}/mlflow.db"
    Tracking(uri, model_name="first")
    return uri


@pytest.fixture
def tracking(address: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Tracking:
    name = request.node.name[:60].replace("[", "-").replace("]", "")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.setenv("LEADTIME_MODEL_NAME", name)
    return Tracking(address, model_name=name)


def add(tracking: Tracking, verdict: Verdict = PASSED, *, now: int = 0) -> str:
    """Register a version and let the gate decide."""
    with tracking.run("train") as run:
        run.log(params={}, metrics={"ibs": 0.1, "skill": 0.2, "window_coverage": 0.8}, tags={})
        version = tracking.register(run, small_scorer("x").to_files(), tags={})
    held = Verdict(verdict.checks, better=verdict.better, champion=tracking.find("champion"))
    let_serve(tracking, Settings(), held, version, now=now)
    return version


def versions(tracking: Tracking) -> Versions:
    return Versions(tracking, "champion")


def test_what_passes_the_gate_serves_and_what_does_not_does_not(tracking: Tracking) -> None:
    one = add(tracking, now=10)
    two = add(tracking, REFUSED, now=20)
    three = add(tracking, now=30)
    assert [(entry.version, entry.kind, entry.at) for entry in versions(tracking).history()] == [
        (one, "gate", 10),
        (three, "gate", 30),
    ]
    assert (tracking.find("champion"), tracking.find(PREVIOUS), tracking.find(BEST)) == (three, one, three)
    tags = tracking.client.get_model_version(tracking.model_name, two).tags
    assert (tags["gate"], tags["gate_reasons"]) == ("refused", "it is bad")


def test_the_best_so_far_stays_until_something_is_shown_to_be_better(tracking: Tracking) -> None:
    one = add(tracking)
    two = add(tracking, Verdict(PASSED.checks, better=False))
    assert (tracking.find("champion"), tracking.find(BEST)) == (two, one)


def test_several_rollbacks_go_back_step_by_step_and_a_promotion_goes_on_from_there(
    tracking: Tracking, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two, three = (add(tracking) for _ in range(3))
    assert promote.main(["--rollback", "--why", "too many calls"]) == 0
    assert tracking.find("champion") == two
    assert tracking.find(BEST) == two, "what was left is nothing to be held against"
    assert promote.main(["--rollback"]) == 0
    assert tracking.find("champion") == one
    assert tracking.find(PREVIOUS) is None
    assert promote.main(["--rollback"]) == 2
    assert "expected a version that served before" in capsys.readouterr().err
    assert promote.main([three]) == 0
    assert promote.main(["--rollback"]) == 0
    assert tracking.find("champion") == one


def test_a_version_that_was_refused_needs_force_and_a_reason_which_is_kept(
    tracking: Tracking, capsys: pytest.CaptureFixture[str]
) -> None:
    add(tracking)
    two = add(tracking, REFUSED)
    assert promote.main([two]) == 2
    assert "got it is bad. To let it serve all the same" in capsys.readouterr().err
    assert promote.main([two, "--force"]) == 2
    assert "expected a reason" in capsys.readouterr().err
    assert promote.main([two, "--force", "--why", "new price list"]) == 0
    last = versions(tracking).history()[-1]
    assert (last.version, last.kind, last.why) == (two, "forced", "new price list")
    assert tracking.find("champion") == two
    assert promote.main(["--list"]) == 0
    listed = capsys.readouterr().out
    assert "refused by the gate: it is bad" in listed
    assert "forced by" in listed
    assert "new price list" in listed


def test_without_a_number_the_newest_that_passed_serves(tracking: Tracking, capsys: pytest.CaptureFixture[str]) -> None:
    assert promote.main([]) == 2
    assert "expected a version that passed the gate" in capsys.readouterr().err
    one, two = add(tracking), add(tracking)
    add(tracking, REFUSED)
    assert promote.main([one]) == 0
    assert promote.main([]) == 0
    assert tracking.find("champion") == two
    assert promote.main([]) == 0
    assert "serves already" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["99"], "expected the number of a registered version"),
        (["newest"], "such as 12"),
        (["3", "--rollback"], "no version beside"),
        (["--all"], "beside --list"),
    ],
    ids=["unknown", "no number", "two things", "all alone"],
)
def test_what_cannot_be_done_is_said(
    tracking: Tracking, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert promote.main(arguments) == 2
    assert said in capsys.readouterr().err


def test_a_version_whose_files_were_changed_is_refused_before_the_alias_moves(
    tracking: Tracking, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two, three = (add(tracking) for _ in range(3))
    scorer_file(tracking, two).write_text("{}")
    assert "another content" in (fault(tracking, Settings(), two) or "")
    assert promote.main([two]) == 2
    assert "expected files that load and score" in capsys.readouterr().err
    assert tracking.find("champion") == three
    assert promote.main(["--rollback"]) == 0, "it is passed over"
    said = capsys.readouterr().out
    assert f"Passed over: version {two} cannot serve" in said
    assert tracking.find("champion") == one


def test_a_version_that_answers_no_probabilities_does_not_serve(
    tracking: Tracking, monkeypatch: pytest.MonkeyPatch
) -> None:
    from model.scorer import Scorer

    one = add(tracking)
    columns = Scorer.score_columns
    monkeypatch.setattr(Scorer, "score_columns", lambda *a, **k: {**columns(*a, **k), "p_30": [float("nan")]})
    two = add(tracking)
    assert tracking.find("champion") == one
    reasons = tracking.client.get_model_version(tracking.model_name, two).tags["gate_reasons"]
    assert "expected probabilities from 0 to 1" in reasons


def test_a_version_that_was_held_against_another_than_serves_by_now_does_not_serve(tracking: Tracking) -> None:
    one = add(tracking)
    held = Verdict(PASSED.checks, champion=one)
    two = add(tracking)
    with tracking.run("train") as run:
        three = tracking.register(run, small_scorer("x").to_files(), tags={})
    found = let_serve(tracking, Settings(), held, three, now=0)
    assert not found.passed
    assert found.reasons == f"it was held against version {one}, but version {two} serves by now"
    assert tracking.find("champion") == two


def test_an_alias_that_another_tool_moved_is_noted_and_gone_back_along(
    tracking: Tracking, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.tracking.versions._PATIENCE", 0.1)
    one, two = add(tracking), add(tracking)
    point(tracking, "champion", one)
    assert versions(tracking).path() == [one, two, one]
    assert promote.main(["--rollback"]) == 0
    assert tracking.find("champion") == two
    assert [entry.kind for entry in versions(tracking).history()] == ["gate", "gate", "elsewhere", "rollback"]


def test_a_model_that_served_before_there_was_a_log_can_be_gone_back_to(tracking: Tracking) -> None:
    with tracking.run("train") as run:
        one = tracking.register(run, small_scorer("x").to_files(), tags={})
    point(tracking, "champion", one)
    two = add(tracking)
    assert tracking.find("champion") == two
    assert promote.main(["--rollback"]) == 0
    assert tracking.find("champion") == one


def test_the_service_follows_a_promotion_and_a_rollback_without_a_restart(tracking: Tracking, address: str) -> None:
    one = add(tracking)
    registry = Registry(tracking.model_name, "champion", address)
    registry.refresh()
    assert registry.current().registered == one
    two = add(tracking)
    registry.refresh()
    assert registry.current().registered == two
    assert promote.main(["--rollback"]) == 0
    registry.refresh()
    assert registry.current().registered == one


def test_some_that_promote_at_once_leave_the_alias_where_the_log_says(tracking: Tracking, address: str) -> None:
    numbers = [add(tracking) for _ in range(4)]
    together = Barrier(4)

    def act(number: int) -> None:
        mine = Versions(Tracking(address, model_name=tracking.model_name), "champion")
        together.wait()
        if number < 3:
            mine.promote(numbers[number], kind="person", by="a test", why="", now=number, best=True)
        else:
            mine.roll_back(lambda _: None, by="a test", why="", now=number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(act, range(4)))
    log = versions(tracking).history()
    assert len(log) == len(numbers) + 4
    assert tracking.find("champion") == log[-1].version
    assert versions(tracking).path()[-1] == log[-1].version


def test_a_description_fits_every_database(tracking: Tracking) -> None:
    one = add(tracking)
    versions(tracking).describe(one, "x" * 6000)
    (found,) = versions(tracking).all()
    assert len(found.description) == DESCRIPTION_LIMIT


def test_the_path_goes_a_step_on_with_each_promotion_and_back_with_each_rollback() -> None:
    def log(*entries: str) -> list[Promotion]:
        return [Promotion(e.strip("<"), "rollback" if e[0] == "<" else "gate", 0, "", "") for e in entries]

    assert path_of(log("1", "2", "3", "<2"), "2") == ["1", "2"]
    assert path_of(log("1", "2", "3", "<1", "4"), "4") == ["1", "4"]
    assert path_of(log("1", "1", "2"), "2") == ["1", "2"]
    assert path_of(log("1", "2", "<1"), "7") == ["1", "7"]
    assert path_of([], None) == []


def scorer_file(tracking: Tracking, version: str) -> Path:
    source = tracking.client.get_model_version(tracking.model_name, version).source
    return Path(source.removeprefix("file://")) / "scorer.json"
