"""Handoffs scored afterwards: by models that knew only what was known before, in the log, and in the reports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from serving_world import Clock, NoModel, run
from test_training_backtest import small_fit

import training.score_handoffs
from features.events import DAY, HANDOFF, HANDOFF_SCORED, Event, events_table, parse_time
from features.settings import Settings
from features.sources.simulator.dynamics import Span
from features.sources.simulator.market import WORLDS
from features.sources.simulator.stream import write_simulation
from features.store import Erasures, Store
from features.tables import read_tables
from serving.measurement.inputs import Inputs
from serving.measurement.payloads import PeriodQuery, SplitQuery
from serving.measurement.reports import Reports
from training.inputs import Source
from training.score_handoffs import Done, main, score_handoffs

NOW = int(np.datetime64("2026-11-01T12:00", "us").astype(np.int64))
SETTINGS = Settings(horizons=(7, 30))
RETRAIN = 30
OWN, NAMED = "of the service", "only named"


@dataclass(frozen=True)
class Scored:
    """A log with history from tables after the job. ``before``: its events until then."""

    store: Store
    before: pa.Table
    done: Done

    def scores(self) -> dict[str, dict[str, Any]]:
        return scores_of(self.store)


def scores_of(store: Store) -> dict[str, dict[str, Any]]:
    rows = [row for row in store.events().to_pylist() if row["type"] == HANDOFF_SCORED]
    assert {row["recorded_at"] for row in rows} <= {NOW}
    return {row["lead_id"]: orjson.loads(row["properties"]) for row in rows}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scored]:
    folder = tmp_path_factory.mktemp("tables")
    span = Span(date(2026, 11, 1), 260)
    write_simulation(
        folder, leads=500, seed=5, world=WORLDS["rich"], span=span, file_format="parquet", advance=lambda _: None
    )
    events = read_tables(folder, now=NOW).events
    at = {"occurred_at": NOW - 20 * DAY, "recorded_at": NOW - 20 * DAY}
    own = [Event(event_id="named", lead_id=NAMED, type="identify", **at),
           Event(event_id="too early", lead_id=NAMED, type=HANDOFF, **at),
           Event(event_id="seen", lead_id=OWN, type="page_view", **at),
           Event(event_id="own", lead_id=OWN, type=HANDOFF, properties={"p_7": 0.1, "p_30": 0.2}, **at)]  # fmt: skip
    with pytest.MonkeyPatch.context() as patch, Store.open(f"sqlite:///{folder}/log.db", migrate=True) as store:
        patch.setattr(training.score_handoffs, "fit", small_fit)  # when models are trained is tested here, not they
        store.append(events)
        store.append(events_table(own))
        before = store.events()
        done = score_handoffs(store, SETTINGS, retrain_days=RETRAIN, seed=1, now=NOW)
        yield Scored(store, before, done)


def test_handoffs_of_the_tables_get_a_score_as_of_their_moment(made: Scored) -> None:
    handoffs = made.before.filter(pc.equal(made.before["type"], HANDOFF)).num_rows - 1
    assert made.done.scored > 50
    assert NAMED not in made.scores(), "nothing but who it is was known: it would not have had a score"
    assert made.done.scored + made.done.too_early + made.done.not_scorable == handoffs
    found = made.scores()
    assert len(found) == made.done.scored
    assert OWN not in found, "it brought its score itself"
    for score in found.values():
        assert score["computed_afterwards"] is True
        handed = parse_time(score["handed_over_at"])
        assert handed - RETRAIN * DAY < parse_time(score["learned_until"]) <= handed
        assert 0 < score["p_7"] <= score["p_30"] <= 1
        assert score["model_version"] == f"afterwards {score['learned_until'][:10]}"


def test_nothing_that_came_later_moves_a_score(made: Scored, tmp_path: Path) -> None:
    """The same log as it was known some weeks earlier gives the same scores to what was handed over by then."""
    learned = sorted({parse_time(score["learned_until"]) for score in made.scores().values()})
    cut = learned[-1] + 10 * DAY
    known = made.before.filter(
        pc.and_(pc.less_equal(made.before["occurred_at"], cut), pc.less_equal(made.before["recorded_at"], cut))
    )
    with Store.open(f"sqlite:///{tmp_path}/then.db", migrate=True) as then:
        then.append(known)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(training.score_handoffs, "fit", small_fit)
            score_handoffs(then, SETTINGS, retrain_days=RETRAIN, seed=1, now=NOW)
        found = scores_of(then)
    expected = {lead: one for lead, one in made.scores().items() if parse_time(one["handed_over_at"]) <= cut}
    assert len(expected) > 20
    assert found == expected


def test_reports_use_these_scores_and_say_so(made: Scored) -> None:
    reports = Reports(Inputs(made.store, SETTINGS), SETTINGS)
    team = reports.salespeople(PeriodQuery(), NOW)
    n = made.done.scored
    assert (team["computed_afterwards"], team["leads"]) == (n, n + 1)
    assert 0.4 < team["wins"] / team["expected_wins"] < 2.5
    windows = reports.windows(SplitQuery(), NOW)
    assert windows["computed_afterwards"] == n
    assert windows["total"]["handoffs"] > 10
    ripe = {}
    for days_ahead in (None, 21):
        given = SETTINGS.model_copy(update={"handoff_days_ahead": days_ahead})
        sourced = Reports(Inputs(made.store, given), given).sourced(PeriodQuery(), NOW)
        assert sourced["computed_afterwards"] == sourced["ripe_leads"]
        ripe[days_ahead] = sourced["ripe_leads"]
    due = [one for one in made.scores().values() if one.get("handoff_on", "9999") <= one["handed_over_at"][:10]]
    assert ripe[None] <= len(due)
    assert ripe[21] > ripe[None], "the market hands over some weeks ahead"


def test_a_second_run_finds_nothing_to_do_and_training_does_not_see_the_scores(made: Scored) -> None:
    position = made.store.position()
    again = score_handoffs(made.store, SETTINGS, retrain_days=RETRAIN, seed=1, now=NOW)
    assert (again.scored, made.store.position()) == (0, position)
    source = Source(str(made.store.engine.url), None)
    assert source.events(known_by=NOW, now=NOW).num_rows == made.before.num_rows
    assert made.store.changed_leads(after=position - made.done.scored, up_to=position) == []


def test_export_and_erasure_cover_the_score(made: Scored, sqlite_store: Store) -> None:
    lead = min(made.scores())
    sqlite_store.append(made.store.events([lead]))
    running = run(str(sqlite_store.engine.url), NoModel(), clock=Clock(NOW), scopes=("admin",))
    answer = running.client.get(f"/v1/leads/{lead}/export", headers=running.key)
    assert HANDOFF_SCORED in answer.get_data(as_text=True)
    timeline = running.client.get(f"/v1/leads/{lead}/events", query_string={"limit": 500}, headers=running.key)
    assert HANDOFF_SCORED in timeline.get_data(as_text=True)
    Erasures(running.store).erase(lead, NOW)
    assert scores_of(running.store) == {}
    running.store.close()


def test_what_cannot_be_used_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                     capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    url = f"sqlite:///{tmp_path}/log.db"
    monkeypatch.setenv("LEADTIME_DATABASE_URL", url)
    assert main(["--retrain-days", "0"]) == 2
    assert "error: --retrain-days" in capsys.readouterr().err
    with Store.open(url, migrate=True) as store:
        at = {"occurred_at": NOW - DAY, "recorded_at": NOW - DAY}
        store.append(events_table([Event(event_id="h", lead_id="a", type=HANDOFF, **at)]))
    assert main([]) == 0
    assert "0 handoffs scored afterwards; 1 came before" in capsys.readouterr().out
