"""python -m training.monitor: from the store to a verdict that is logged, kept and acted on."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from serving_world import NOW, World

from features.errors import InputError
from features.events import DAY, Event, events_table
from features.monitor_settings import MonitorSettings
from features.settings import Settings
from features.store import Store
from features.store.erasure import Erasures
from features.store.monitoring import Result, asked_anew, kept_forecasts, newest_results, put_result
from model.watching.verdict import RETRAIN, WATCH
from training.inputs import Source
from training.monitor import __main__ as job
from training.monitor.checks import ages, broken_channels, deadlines
from training.monitor.keep import keep
from training.monitor.look import look
from training.monitor.material import Material, forecast
from training.tracking import Tracking

pytest_plugins = ("serving_fixtures",)
GIVEN = MonitorSettings()


@pytest.fixture
def url(world: World, tmp_path: Path) -> str:
    shutil.copy(world.file, tmp_path / "leadtime.db")
    return f"sqlite:///{tmp_path}/leadtime.db"


def material(world: World, url: str, now: int = NOW) -> Material:
    with Store.open(url) as store:
        return Material.of(store.history(known_by=now), world.scorer, now)


def run(url: str, registered: str, monkeypatch: pytest.MonkeyPatch, now: int = NOW, **given: object):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", registered)
    settings = Settings(database_url=url, **given)
    return job.monitor(Source(url, None), settings, model=None, known_by=now, now=now)


def test_a_look_is_logged_kept_and_told(
    url: str, registered: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(url, registered, monkeypatch)
    names = {check.name for check in found.checks}
    assert {"purchases", "calibration_7", "windows", "scores", "features", "deadlines", "channels"} <= names
    assert found.replayed >= 4
    assert found.why in capsys.readouterr().out
    with Store.open(url) as store, store.reading() as connection:
        (kept,) = newest_results(connection, 5)
        told = kept_forecasts(connection, 0)
    assert (kept.at, kept.verdict, kept.model_version) == (NOW, found.verdict, "7")
    assert kept.result["weeks"][0]["expected"] > 0
    assert list(told) == [NOW // DAY * DAY]
    tracking = Tracking(registered, model_name="leadtime")
    runs = tracking.client.search_runs(["1"], "tags.job = 'monitor'")
    assert runs[0].data.tags["verdict"] == found.verdict
    assert 5 <= len(runs[0].data.metrics) <= 15


def test_a_forecast_is_kept_once_a_week_and_counts_when_another_model_serves(world: World, url: str) -> None:
    with Store.open(url) as store:
        early = material(world, url, NOW - 21 * DAY)
        assert keep(store, early, [], forget_before=0)
        assert not keep(store, material(world, url, NOW - 15 * DAY), [early.now], forget_before=0)
        with store.reading() as connection:
            kept = kept_forecasts(connection, 0)
        changed = {at: [one for one in rows if one.lead_id != rows[0].lead_id] for at, rows in kept.items()}
        data = material(world, url)
        plain, held = (look(data, GIVEN, given, since=NOW - 21 * DAY) for given in (kept, changed))
        assert plain.weeks.leads[0] == held.weeks.leads[0] + 1  # what was kept is used, not replayed
        assert plain.replayed == held.replayed == 3
        gone = kept[early.now][0].lead_id
        Erasures(store).erase(gone, NOW)
        with store.reading() as connection:
            left = kept_forecasts(connection, 0)
        assert gone not in {one.lead_id for one in left[early.now]}
        keep(store, data, [early.now], forget_before=NOW - DAY)
        with store.reading() as connection:
            assert gone not in {one.lead_id for one in kept_forecasts(connection, 0)[NOW]}, "not written anew"
            assert list(kept_forecasts(connection, 0)) == [NOW], "old ones are forgotten"


def test_a_forecast_knows_nothing_of_what_came_later(world: World, url: str) -> None:
    then = NOW - 28 * DAY
    before, after = forecast(material(world, url, then), then), forecast(material(world, url), then)
    told = {one.lead_id: one for one in before}
    assert len(after) > 50
    same = [told[one.lead_id].weekly == one.weekly for one in after if one.lead_id in told]
    assert all(same)
    assert len(same) >= 0.95 * len(after)


def test_no_forecast_is_made_of_a_lead_that_has_no_score(world: World, url: str) -> None:
    at = {"occurred_at": NOW - 40 * DAY, "recorded_at": NOW - 40 * DAY}
    with Store.open(url) as store:
        store.append(events_table([Event(event_id="named", lead_id="named", type="identify", **at)]))
        visit = {"occurred_at": NOW - 20 * DAY, "recorded_at": NOW - 20 * DAY}
        store.append(events_table([Event(event_id="visited", lead_id="named", type="page_view", **visit)]))
    data = material(world, url)
    told = [{one.lead_id for one in forecast(data, NOW - days * DAY)} for days in (30, 10)]
    assert ["named" in leads for leads in told] == [False, True]


def test_a_market_in_which_many_more_buy_is_noticed(
    world: World, url: str, registered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = material(world, url)
    since = NOW - 21 * DAY
    leads = data.open_at(since)
    bought = [
        Event(event_id=f"new {n}", lead_id=lead, type="purchased", occurred_at=at, recorded_at=at)
        for n, lead in enumerate(leads[:: max(len(leads) // 40, 1)])
        for at in [since + (n % 14 + 1) * DAY]
    ]
    assert look(data, GIVEN).checks[0].status != RETRAIN
    with Store.open(url) as store:
        store.append(events_table(bought))
    found = run(url, registered, monkeypatch)
    assert found.verdict == RETRAIN
    assert found.checks[0].status == RETRAIN
    assert "more" in found.checks[0].came
    assert "python -m training.train" in found.why


def test_after_a_newer_model_took_over_the_test_begins_anew(url: str) -> None:
    with Store.open(url) as store, store.writing() as connection:
        for at, registered, verdict in ((1, "1", RETRAIN), (5, "1", RETRAIN), (9, "1", WATCH), (11, "2", RETRAIN)):
            put_result(connection, Result(at, registered, "v", verdict, {"why": ""}))
        assert asked_anew(connection, "2") == 5
        assert asked_anew(connection, "1") == 11
        assert [one.at for one in newest_results(connection, 2)] == [11, 9]


def test_data_that_stopped_are_told_from_data_that_flow(world: World, url: str) -> None:
    event, outcome, model = ages(material(world, url), GIVEN)
    assert (event.status, outcome.status) == ("fine", "fine")
    data = material(world, url)
    late = Material.of(data.history, world.scorer, NOW + 40 * DAY)
    event, outcome, model = ages(late, GIVEN)
    assert (event.status, outcome.status, model.status) == (WATCH, WATCH, RETRAIN)
    silent = (late.now - int(data.history.known_at.max())) / DAY
    assert event.came == f"{silent:.1f} days without"
    assert 40 < silent < 41
    weeks = [look(one, GIVEN).weeks.begins for one in (data, late)]
    assert weeks[0].tolist() == weeks[1].tolist(), "nothing is known of weeks without data"


def test_a_channel_that_dies_is_noticed(world: World, url: str) -> None:
    with Store.open(url) as store:
        events = store.events(known_by=NOW)
    rows = [
        Event(event_id=f"{channel} {day} {n}", lead_id=f"{channel} {day} {n}", type="page_view", channel=channel,
              occurred_at=at, recorded_at=at)
        for day in range(112)
        for n in range(8)
        for channel in ("fair", "radio")
        for at in [NOW - (111 - day) * DAY]
        if channel == "radio" or day < 98
    ]  # fmt: skip
    from features.history import History

    assert events.num_rows > 1_000
    data = Material.of(History.from_events(rows), world.scorer, NOW)
    found = broken_channels(data, GIVEN)
    assert found.status == WATCH
    assert "fair" in found.expected
    assert found.figures["dying"] == 1


@pytest.mark.parametrize(("later", "status"), [(0.05, "fine"), (0.8, RETRAIN)])
def test_a_deadline_habit_that_changes_is_noticed(world: World, later: float, status: str) -> None:
    from features.history import History

    cut = Material.of(History.from_events([Event(event_id="0", lead_id="0", type="a", occurred_at=1, recorded_at=1)]),
                      world.scorer, NOW).learned_until  # fmt: skip
    rng, rows = np.random.default_rng(1), []

    def say(lead: str, at: int, by: int) -> None:
        text = str(np.datetime64(by // DAY, "D"))
        rows.append(Event(event_id=f"{lead} {at}", lead_id=lead, type="need_declared", occurred_at=at,
                          recorded_at=at, properties={"need_by": text}))  # fmt: skip

    for n in range(260):
        at = cut - 250 * DAY + n * DAY
        share = 0.05 if at < cut - 30 * DAY else later
        lead, by = f"L{n}", at + 30 * DAY
        say(lead, at, by)
        if rng.random() < share:
            say(lead, by - 2 * DAY, by + 30 * DAY)
    now = cut + 40 * DAY
    found = deadlines(Material.of(History.from_events(rows), world.scorer, now), GIVEN)
    assert found.status == status
    assert (found.figures["put_off"] > 0.5) == (later > 0.5)


def test_without_a_model_the_remedy_is_told(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LEADTIME_DATABASE_URL", url)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    assert job.main([]) == 2
    assert "python -m training.train" in capsys.readouterr().err


@pytest.mark.parametrize(("verdict", "argv", "code"), [("fine", [], 0), (WATCH, [], 0), (RETRAIN, [], 1)])
def test_the_exit_code_tells_cron(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, verdict: str, argv: list[str], code: int
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(job, "monitor", lambda *_, **__: type("Found", (), {"verdict": verdict}))
    assert job.main(argv) == code


def test_a_fault_is_not_taken_for_a_model_to_train_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a fault")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(job, "monitor", broken)
    assert job.main([]) == 2
    assert "ZeroDivisionError: a fault" in capsys.readouterr().err


def test_a_registry_that_takes_no_run_does_not_lose_what_was_found(
    url: str, registered: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuses(*_: object, **__: object) -> None:
        raise RuntimeError("the registry takes no run")

    monkeypatch.setattr(Tracking, "run", refuses)
    with pytest.raises(RuntimeError, match="takes no run"):
        run(url, registered, monkeypatch)
    with Store.open(url) as store, store.reading() as connection:
        (kept,) = newest_results(connection, 5)
        assert kept_forecasts(connection, 0)
    assert kept.result["why"] in capsys.readouterr().out


def test_it_trains_anew_when_asked_to(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    trained: list[list[str]] = []
    monkeypatch.setattr(job.train, "main", lambda argv: trained.append(list(argv)) or 0)
    for verdict in ("fine", RETRAIN):
        monkeypatch.setattr(job, "monitor", lambda *_, v=verdict, **__: type("Found", (), {"verdict": v}))
        assert job.main(["--retrain", "--data", "sample"]) == 0
    assert trained == [["--data", "sample", "--no-hints"]]


def test_a_model_that_does_not_say_until_when_it_learned_is_refused(world: World, url: str) -> None:
    from dataclasses import replace

    with pytest.raises(InputError, match="until when it has learned"), Store.open(url) as store:
        Material.of(store.history(), replace(world.scorer, notes={}), NOW)
