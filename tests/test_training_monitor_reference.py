"""What the watch compares the market of today with."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from small_scorer import small_scorer
from weekly_rhythm import CATALOGUE, weekly_rhythm

from features.catalogue import Catalogue
from features.events import DAY, Event, events_table, parse_time, to_iso
from features.feature_spec import FeatureSpec
from features.history import History
from features.monitor_settings import MonitorSettings
from features.settings import Settings
from features.store import Store
from features.store.monitoring import Result, newest_results, put_result
from model.scorer import Scorer
from model.watching.verdict import RETRAIN, WATCH
from training.inputs import Source
from training.monitor import __main__ as job
from training.monitor.checks import drift
from training.monitor.material import Material
from training.monitor.reference import Reference, reference

GIVEN = MonitorSettings()
MONDAY = parse_time("2026-10-05")


@pytest.fixture(scope="module")
def rhythm() -> History:
    return weekly_rhythm(MONDAY - 120 * DAY, 150)


def scorer_of(learned_until: str) -> Scorer:
    return replace(small_scorer("1", known_by=learned_until), catalogue=CATALOGUE)


@pytest.mark.parametrize("weekday", range(7))
def test_a_weekend_is_no_drift(rhythm: History, weekday: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.monitor.checks._scores", lambda *_: None)
    now = MONDAY + (7 + weekday) * DAY + 3_600_000_000
    data = Material.of(rhythm, scorer_of("2026-10-05T01:00:00Z"), now)
    _, features = drift(data, GIVEN)
    assert features.status == "fine", features.came
    assert np.isfinite(features.figures["strongest"])


def test_of_a_model_of_the_calendar_alone_no_feature_can_drift(
    rhythm: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.monitor.checks._scores", lambda *_: None)
    weekday = Catalogue((FeatureSpec(name="weekday", aggregation="weekday"),))
    scorer = replace(scorer_of("2026-10-05"), catalogue=weekday)
    _, features = drift(Material.of(rhythm, scorer, MONDAY + 7 * DAY), GIVEN)
    assert (features.name, features.status) == ("features", "unknown")


def test_a_reference_stays_until_a_retraining_that_was_asked_for_came(database_url: str) -> None:
    with Store.open(database_url, migrate=True) as store, store.writing() as connection:

        def looked(day: int, version: str, learned: int, verdict: str = "fine") -> tuple[int, int]:
            """The reference of a look, in days, which is then kept."""
            now = day * DAY
            found = reference(connection, version, learned_until=learned * DAY, now=now, weeks=52)
            told: dict[str, Any] = {"why": "", **found.to_json()}
            put_result(connection, Result(now, version, "v", verdict, told))
            return found.until // DAY, found.taken // DAY

        put_result(connection, Result(0, "1", "v", "fine", {"why": ""}))  # of before references were kept
        assert looked(101, "1", 100) == (100, 101), "the first look"
        assert looked(102, "2", 101, WATCH) == (100, 101), "a newer model of the same market"
        assert looked(120, "3", 119, RETRAIN) == (100, 101)
        assert looked(121, "3", 119) == (100, 101), "no answer yet"
        assert looked(122, "2", 101) == (100, 101), "an older model is no answer"
        assert looked(123, "4", 122) == (122, 123), "the answer"
        assert looked(124, "5", 123) == (122, 123)
        assert looked(125, "3", 119, RETRAIN) == (119, 125), "rolled back to what has not learned of the change"
        assert looked(126, "5", 123) == (123, 126), "and forward again, as had been asked for"
        assert looked(500, "6", 499) == (500 - 364, 126), "no older than what is looked at"


def test_a_model_that_is_trained_once_keeps_its_reference(database_url: str) -> None:
    with Store.open(database_url, migrate=True) as store, store.writing() as connection:
        first = Reference(100 * DAY, 101 * DAY, 100 * DAY)
        put_result(connection, Result(101 * DAY, "1", "v", "fine", {"why": "", **first.to_json()}))
        assert reference(connection, "1", learned_until=100 * DAY, now=900 * DAY, weeks=52) == first


CUT = parse_time("2026-08-01")  # the first look
CHANGE = CUT + 28 * DAY


def deadlines_put_off() -> list[Event]:
    """One lead a day with a deadline after 30 days, which 5 % put off; of those due after the change 80 % do."""
    rng, rows = np.random.default_rng(1), []

    def say(lead: str, at: int, by: int) -> None:
        said = {"need_by": to_iso(by)[:10]}
        rows.append(Event(event_id=f"{lead} {at}", lead_id=lead, type="need_declared", occurred_at=at, recorded_at=at,
                          properties=said))  # fmt: skip

    for n in range(360):
        at = CUT + (n - 250) * DAY
        by = at + 30 * DAY
        say(f"L{n}", at, by)
        if rng.random() < (0.05 if by < CHANGE else 0.8):
            say(f"L{n}", by - 2 * DAY, by + 30 * DAY)
    return rows


class Nightly:
    """A registry in which a version that was trained the night before serves."""

    now = CUT

    def __init__(self, *_: object, **__: object) -> None: ...

    def find(self, _alias: str) -> str:
        return str(self.now // DAY)

    def load(self, _alias: str) -> dict[str, bytes]:
        # nobody buys, and none is expected to: what is looked at are the deadlines
        return small_scorer(f"trained {self.now}", rate=1e-6, known_by=to_iso(self.now - DAY)).to_files()

    def run(self, _name: str) -> Any:
        return nullcontext(SimpleNamespace(log=lambda **_: None, files=lambda *_: None))


def test_a_habit_that_changes_is_noticed_though_the_serving_model_is_a_day_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "Tracking", Nightly)
    url = f"sqlite:///{tmp_path}/leadtime.db"
    with Store.open(url, migrate=True) as store:
        store.append(events_table(deadlines_put_off()))

    def look(now: int) -> tuple[str, str]:
        """What became of the deadlines, and the reference."""
        monkeypatch.setattr(Nightly, "now", now)
        settings = Settings(database_url=url)
        found = job.monitor(Source(url, None), settings, model=None, known_by=now, now=now)
        (deadlines,) = (check for check in found.checks if check.name == "deadlines")
        with Store.open(url) as store, store.reading() as connection:
            return deadlines.status, newest_results(connection, 1)[0].result["reference"]

    first = to_iso(CUT - DAY)
    assert look(CUT) == ("unknown", first)
    for week in range(2, 5):
        assert look(CUT + week * 7 * DAY) == ("fine", first)
    noticed = CHANGE
    while look(noticed := noticed + 7 * DAY) != (RETRAIN, first):
        assert noticed < CHANGE + 63 * DAY, "it was not noticed"
    assert look(noticed + DAY) == ("unknown", to_iso(noticed)), "the model of the night after has learned of it"
