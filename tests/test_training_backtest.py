"""The backtest: nothing recorded after a day moves what was decided on it, and the report says what it cannot know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features.business_settings import Costs
from features.catalogue import expand
from features.errors import InputError
from features.events import DAY, Event, events_table, to_iso
from features.history import History
from features.settings import Settings
from features.sources.simulator.dynamics import Span
from features.sources.simulator.market import WORLDS
from features.sources.simulator.stream import write_simulation
from features.tables import read_tables
from model.decision import CallCosts
from model.examples import Split
from model.fit_scorer import fit_scorer
from model.hazard import PurchaseHazard
from model.person_period import DEADLINE
from model.replay.account import Charges, hindsight, settle
from model.replay.choose import WITHIN, Constants
from model.replay.policies import due
from model.replay.rows import Rows
from training.backtest import past
from training.backtest.__main__ import main
from training.backtest.calendar import Calendar, plan
from training.backtest.days_ahead import days_ahead, sentence
from training.backtest.pictures import cost_parts
from training.backtest.replay import (
    AHEAD,
    BEST,
    KEPT,
    ONCE,
    OWN,
    READY,
    TRUTH,
    WAITED,
    Replay,
    as_known,
    plans,
    replay,
)
from training.backtest.report import Findings, html
from training.backtest.truth import true_curves_of
from training.fitting import Fitted

NOW = int(np.datetime64("2026-11-01T12:00", "us").astype(np.int64))
HOUR = DAY // 24
SETTINGS = Settings(horizons=(7, 30))
VALUE = "trait_value"
CHARGES = Charges.of(CallCosts(), longest=30.0)


@dataclass(frozen=True)
class Material:
    folder: Path
    events: pa.Table
    history: History
    calendar: Calendar


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    folder = tmp_path_factory.mktemp("tables")
    span = Span(date(2026, 11, 1), 260)
    write_simulation(
        folder, leads=500, seed=5, world=WORLDS["rich"], span=span, file_format="parquet", advance=lambda _: None
    )
    events = read_tables(folder, now=NOW).events
    history = History.from_table(events)
    return Material(folder, events, history, plan(history, known_by=NOW, longest=30, folds=2, retrain_days=30))


def small_fit(history: History, split: Split, settings: Settings, *, seed: int, version: str) -> Fitted:
    """As training.fitting.fit does it, of fewer examples, features and trees."""
    found = expand(history, split.test_since, roles=settings.events)
    kept = [s for n, s in enumerate(found.features) if s.name in (DEADLINE, VALUE) or (n % 60 == 0 and not s.numerator)]
    catalogue = replace(found, features=tuple(kept))
    train = split.train(history, per_lead=4, seed=seed).with_features(history, catalogue)
    calibrate = split.calibrate(history).with_features(history, catalogue)
    hazard = PurchaseHazard(settings.horizons, max_trees=5, max_rows=1_500, seed=seed)
    scorer = fit_scorer(
        train,
        calibrate,
        catalogue,
        horizons=settings.horizons,
        costs=settings.costs,
        seed=seed,
        version=version,
        hazard=hazard,
    )
    return Fitted(scorer, train, calibrate)


@pytest.fixture(scope="module", autouse=True)
def smaller() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(past, "fit", small_fit)
        yield


def run(material: Material, events: pa.Table, **given: object) -> Replay:
    history = History.from_table(events)
    options = {"step": 3, "most_leads": 500, "seed": 1, "quiet": True, **given}
    return replay(events, history, material.calendar, SETTINGS, CHARGES, **options)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def both(material: Material) -> tuple[Replay, past.Fold]:
    """A replay, and one of its folds for tests that ask how it is used."""
    folds = []

    def keep(*given: Any, **named: Any) -> past.Fold:
        folds.append(past.learn(*given, **named))
        return folds[-1]

    return run(material, material.events, learned=keep, truth=true_curves_of(material.folder, 30)), folds[-1]


@pytest.fixture(scope="module")
def replayed(both: tuple[Replay, past.Fold]) -> Replay:
    return both[0]


@pytest.fixture(scope="module")
def fold(both: tuple[Replay, past.Fold]) -> past.Fold:
    return both[1]


def test_nothing_recorded_after_a_day_moves_what_was_decided_on_it(material: Material, replayed: Replay) -> None:
    """All that was learned after a day in the middle of a fold is learned a year later, or said otherwise."""
    day = material.calendar.origins[1] + 10 * DAY
    after = pc.greater(material.events["recorded_at"], day)
    recorded = pc.if_else(after, pc.add(material.events["recorded_at"], 365 * DAY), material.events["recorded_at"])
    kind = pc.if_else(
        pc.and_(after, pc.equal(material.events["type"], "page_view")), "unheard_of", material.events["type"]
    )
    names = material.events.schema.names
    other = material.events.set_column(names.index("recorded_at"), "recorded_at", recorded)
    other = other.set_column(names.index("type"), "type", kind)
    shifted = run(material, other)
    before = np.flatnonzero(replayed.rows.as_of <= day)
    looked = {(replayed.rows.lead[i], replayed.rows.as_of[i]): i for i in before}
    mine = np.flatnonzero(shifted.rows.as_of <= day)
    assert len(mine) == len(looked) > 200
    same = np.array([looked[shifted.rows.lead[i], shifted.rows.as_of[i]] for i in mine])
    for name in ("day", "readiness", "deadline_days", "value", "delay", "threshold", "ahead", "within"):
        one, two = getattr(replayed.looks, name)[same], getattr(shifted.looks, name)[mine]
        assert one.tobytes() == two.tobytes(), name
    for policy, planned in shifted.plans.items():
        assert planned[mine].tobytes() == replayed.plans[policy][same].tobytes(), policy
    assert len(shifted.rows) > len(replayed.rows), "leads whose end is learned later are looked at longer"


def test_each_fold_is_learned_from_what_was_known_at_its_origin(material: Material, fold: past.Fold) -> None:
    seen = {}

    def spy(history: History, origin: int, *_: object, **__: object) -> past.Fold:
        seen[origin] = (int(history.known_at.max()), history.n_events)
        return fold

    done = run(material, material.events, learned=spy, most_leads=20)
    assert tuple(seen) == material.calendar.origins
    for origin, (newest, n) in seen.items():
        assert newest <= origin
        assert n == int((material.history.known_at <= origin).sum())
    assert (len(done.rows.leads), done.cohort > 20) == (20, True)


def test_the_past_that_constants_are_chosen_on_is_followed_for_the_longest_horizon(material: Material) -> None:
    origin = material.calendar.origins[0]
    rows = past.past_rows(material.history, material.calendar.begins, origin, longest=30, step=1, seed=1)
    assert len(rows) > 0
    assert rows.as_of.max() + 30 * DAY <= origin
    assert (rows.as_of + rows.duration * DAY).max() <= origin + 1


def test_every_policy_calls_the_same_leads_at_most_once(replayed: Replay) -> None:
    results = replayed.results(CHARGES)
    assert {OWN, TRUTH, BEST} < set(results)
    for name, result in results.items():
        assert len(result) == len(replayed.rows.leads), name
        assert np.all(result.cost >= results[BEST].cost - 1e-9), name
        assert result.cost.sum() >= 0


def test_the_best_days_ahead_are_the_cheapest_of_all_tried(replayed: Replay) -> None:
    found = days_ahead(replayed, CHARGES, seed=1)
    costs = [settle(replayed.rows, due(replayed.looks.day, days), CHARGES).cost.mean() for days in WITHIN]
    assert found.cost.value == pytest.approx(min(costs))
    assert found.best in found.near
    own = replayed.results(CHARGES)[OWN].cost.mean()
    assert found.above.value == pytest.approx(min(costs) - own)
    assert f"handoff_days_ahead = {found.best} would have cost least" in sentence(found, None)


def test_leadtime_calls_as_handoffs_are_made(replayed: Replay) -> None:
    looks = replayed.looks
    there = np.isfinite(looks.day)
    assert np.array_equal(np.isfinite(replayed.plans[OWN]), there & (looks.handoff == 0))
    ahead = plans(replayed.rows, looks, 9)
    assert np.array_equal(np.isfinite(ahead[OWN]), looks.day <= 9)


DEALS = Costs(early=5.0, wasted_call=50.0, early_cap=50.0, deal_lost_after=14.0, deal_value=0.014)
DEAL_CHARGES = Charges.of(CallCosts.of(DEALS), longest=30.0)


def test_deals_are_decided_and_charged_by_their_own_value(material: Material, fold: past.Fold) -> None:
    """A deal of unknown value is worth next to nothing: no such lead is called, or costs anything when missed."""
    charges = DEAL_CHARGES
    mine = replace(fold, scorer=replace(fold.scorer, costs=CallCosts.of(DEALS)))
    settings = Settings(horizons=(7, 30), costs=DEALS)
    done = replay(
        material.events,
        material.history,
        material.calendar,
        settings,
        charges,
        step=3,
        most_leads=500,
        seed=1,
        truth=true_curves_of(material.folder, 30),
        learned=lambda *_, **__: mine,
        quiet=True,
    )
    looks, known = done.looks, np.isfinite(done.looks.value)
    assert 0.3 < known.mean() < 0.8
    for name in ("day", "handoff", "true_day", "true_handoff"):
        decided = np.isfinite(getattr(looks, name))
        assert decided[known].any(), name
        assert not decided[~known].any(), name
    results = done.results(charges)
    worth = np.nan_to_num(looks.value[done.rows.last], nan=DEALS.deal_value)
    never = settle(done.rows, np.full(len(known), np.nan), charges, looks.value)
    assert np.allclose(never.cost[never.late], worth[never.late])
    assert len(np.unique(never.cost)) > 5
    for name, result in results.items():
        missed = result.late & ~result.called
        assert np.allclose(result.cost[missed], worth[missed]), name
        assert np.all(result.cost >= results[BEST].cost - 1e-6), name
        assert sum(cost_parts(result, charges).values()) == pytest.approx(result.cost.mean()), name
    found = days_ahead(done, charges, seed=1)
    totals = [settle(done.rows, due(looks.day, days), charges, looks.value).cost.mean() for days in WITHIN]
    assert found.cost.value == pytest.approx(min(totals))
    page = html(Findings.of(done, material.calendar, charges, source="x", seed=1))
    assert "a day too late 1/14 of the deal's own value (0.001 where that is not known)" in page
    assert "<b>What a deal was worth</b>" in page


def test_the_constants_are_chosen_as_the_rules_will_decide(
    material: Material, fold: past.Fold, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By own values; and a lead of whom nothing but the name is known has neither readiness nor a date."""
    chosen: dict[str, Any] = {}

    def spy(rows: Rows, *given: np.ndarray, value: np.ndarray) -> Constants:
        chosen.update(rows=rows, readiness=given[0], day=given[2], value=value)
        return fold.constants

    monkeypatch.setattr(past, "choose", spy)
    origin = material.calendar.origins[0]
    at, told = origin - 80 * DAY, {"value": 9_000.0}
    named = Event(event_id="named", lead_id="named", type="identify", occurred_at=at, recorded_at=at, properties=told)
    history = as_known(pa.concat_tables([material.events, events_table([named])]), origin)
    past.learn(history, origin, Settings(horizons=(7, 30), costs=DEALS), DEAL_CHARGES, seed=1, step=3)
    dated, own = np.isfinite(chosen["day"]), chosen["rows"].lead == history.lead_index["named"]
    assert dated.any()
    assert np.isfinite(chosen["value"][dated]).all(), "without a value they are worth next to nothing"
    assert np.isnan(chosen["value"]).any()
    assert own.any()
    assert np.array_equal(np.isnan(chosen["readiness"]), own)
    assert not dated[own].any()


def test_without_a_known_value_of_any_lead_all_deals_are_alike(material: Material, replayed: Replay) -> None:
    charges = Charges.of(CallCosts(deal_lost_after=14.0, deal_value=500.0), longest=30.0)
    unknown = replace(replayed, looks=replace(replayed.looks, value=np.full(len(replayed.rows), np.nan)))
    for name, result in unknown.results(charges).items():
        plan = replayed.plans.get(name)
        alike = hindsight(replayed.rows, charges) if plan is None else settle(replayed.rows, plan, charges)
        assert result.cost.tobytes() == alike.cost.tobytes(), name


def test_a_lead_of_whom_only_the_name_is_known_is_called_by_no_score(material: Material, fold: past.Fold) -> None:
    created = material.calendar.origins[0] + 6 * HOUR
    visited = created + 12 * DAY
    named = [(f"crm {n}", kind, at) for n in range(3) for kind, at in (("identify", created), ("page_view", visited))]
    events = [
        Event(event_id=f"{lead} {kind}", lead_id=lead, type=kind, occurred_at=at, recorded_at=at)
        for lead, kind, at in named
    ]
    done = run(material, pa.concat_tables([material.events, events_table(events)]), learned=lambda *_, **__: fold)
    history = History.from_table(pa.concat_tables([material.events, events_table(events)]))
    own = np.isin(done.rows.lead, [history.lead_index[f"crm {n}"] for n in range(3)])
    before, after = own & (done.rows.as_of < visited), own & (done.rows.as_of >= visited)
    assert before.sum() == 3 * 4
    assert after.any()
    for name in ("day", "handoff", "readiness"):
        assert np.isnan(getattr(done.looks, name)[before]).all(), name
    assert np.isfinite(done.looks.readiness[after]).all()
    for name in (OWN, WAITED, AHEAD, KEPT, READY):
        assert np.isnan(done.plans[name][before]).all(), name
    assert np.isfinite(done.plans[ONCE][before]).all(), "which needs no score"


def test_the_report_needs_no_other_file_and_says_what_a_replay_cannot_know(
    material: Material, replayed: Replay
) -> None:
    found = Findings.of(replayed, material.calendar, CHARGES, source="a <folder>", seed=1)
    page = html(found)
    assert page == html(Findings.of(replayed, material.calendar, CHARGES, source="a <folder>", seed=1))
    assert page.count("<svg") == 4
    assert "a &lt;folder&gt;" in page
    assert "Calls would have changed what happened" in page
    assert "handoff_holdout" in page
    for wrong in ("<script", "<link", "<img", "@import", "nan"):
        assert wrong not in page
    for lead in material.history.lead_ids:
        assert lead not in page, "it is an artifact that outlives the erasure of a lead"
    total = sum(month[0].cost.value * month[0].leads for month in found.months.values())
    assert total == pytest.approx(found.results[OWN].cost.sum())


def test_the_calendar_leaves_room_to_learn_and_to_follow_up(material: Material) -> None:
    calendar = material.calendar
    assert len(calendar.origins) == 2
    assert calendar.until + 30 * DAY <= calendar.known_by
    assert calendar.enter_until + 30 * DAY <= calendar.until
    assert calendar.since - calendar.begins >= (30 + 56) * DAY
    with pytest.raises(InputError, match="at least 266 days"):
        plan(material.history, known_by=NOW, longest=90, folds=2, retrain_days=30)


def test_the_job_logs_its_run_and_writes_the_report(
    material: Material,
    fold: past.Fold,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    from mlflow import MlflowClient

    monkeypatch.setattr("training.backtest.replay.learn", lambda *_, **__: fold)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.setenv("LEADTIME_HORIZONS", "7,30")
    options = ["--folds", "1", "--every", "7", "--leads", "50", "--as-known-at", to_iso(NOW)]
    assert main(["--data", str(material.folder), *options]) == 0
    said = capsys.readouterr()
    assert "fold 1 of 1" in said.err
    assert "leadtime, first date kept" in said.out
    assert "In hindsight handoff_days_ahead = " in said.out
    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    experiment = client.get_experiment_by_name("leadtime")
    assert experiment is not None
    (logged,) = client.search_runs([experiment.experiment_id])
    assert logged.data.tags["job"] == "backtest"
    assert {"cost_leadtime", "cost_at_once", "cost_hindsight", "late_share"} <= set(logged.data.metrics)
    saved = client.download_artifacts(logged.info.run_id, "backtest/report.html")
    assert Path(saved).read_bytes() == (tmp_path / "var/backtest.html").read_bytes()
    monkeypatch.setenv("LEADTIME_HORIZONS", "7,90")
    assert main(["--data", str(material.folder), *options]) == 2
    assert "at least 266 days" in capsys.readouterr().err
