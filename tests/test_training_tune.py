"""The search for better parameters: what it may see, how it goes on, and what it says of its result."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from features.errors import InputError
from features.estimator_settings import Estimator
from features.events import parse_time
from features.history import History
from features.settings import Settings, load_settings
from features.sources.simulator import WORLDS
from features.sources.simulator.dynamics import Span
from features.sources.simulator.stream import write_simulation
from model.examples import calendar_split
from model.metrics import Estimate
from training.inputs import Source
from training.tracking import Tracking
from training.tune import __main__ as command
from training.tune.compare import Compared, compare
from training.tune.folds import Fold, prepare, rolling_origin
from training.tune.job import Asked, Result, study_name, tune
from training.tune.space import SPACE, start_of
from training.tune.study import REFERENCE, Objective, open_storage, open_study

END = date(2026, 11, 1)
KNOWN_BY = parse_time(END.isoformat(), where="test")
ASKED = Asked(known_by=KNOWN_BY, now=KNOWN_BY, seed=1, minutes=10.0, trials=2, jobs=1, folds=2)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    folder = tmp_path_factory.mktemp("tables")
    write_simulation(folder, leads=300, seed=1, world=WORLDS["rich"], span=Span(END, 360), file_format="parquet")
    return Source("", folder)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    folder = tmp_path_factory.mktemp("var")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)  # as it is within each test
        # without endings enough to learn from, a trial costs nothing and all trials are alike
        never = {"parameters": {"min_events": 10**9}}
        yield load_settings(horizons=(7, 30), tuning_url=f"sqlite:///{folder}/tuning.db", estimator=never)


@pytest.fixture(scope="module")
def starts(source: Source, settings: Settings) -> list[Result]:
    """Two starts of one search: two trials, then two more in two processes."""
    return [tune(source, settings, ASKED), tune(source, settings, replace(ASKED, trials=4, jobs=2))]


@pytest.fixture(scope="module")
def fold(source: Source, settings: Settings) -> Fold:
    history = History.from_table(source.events(known_by=KNOWN_BY, now=KNOWN_BY))
    found = prepare(history, calendar_split(history, known_by=KNOWN_BY, longest=30), settings, seed=1)
    assert found is not None
    return found


def test_the_second_start_goes_on_where_the_first_ended(settings: Settings, starts: list[Result]) -> None:
    assert starts[0].study == starts[1].study
    assert starts[0].trials == 2
    assert starts[1].trials in (4, 5)  # two processes may both begin the last one


def test_the_first_trial_has_the_settings_in_force_and_only_it(settings: Settings, starts: list[Result]) -> None:
    storage = open_storage(settings.tuning_url)
    trials = open_study(storage, starts[1].study, seed=1).get_trials()
    storage.engine.dispose()
    assert trials[0].params == start_of({})
    assert [REFERENCE in trial.user_attrs for trial in trials] == [True, *[False] * (len(trials) - 1)]
    assert all(set(trial.params) == set(SPACE) for trial in trials if trial.state == TrialState.COMPLETE)
    assert starts[1].score_in_force == starts[1].best_score == trials[0].value
    assert starts[1].compared is None


def test_each_trial_has_one_run_beneath_its_search(settings: Settings, starts: list[Result]) -> None:
    client = Tracking(settings.mlflow_tracking_uri, model_name="leadtime").client
    experiment = client.get_experiment_by_name("leadtime")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id], order_by=["start_time"])
    parents = [run for run in runs if run.data.tags.get("job") == "tune"]
    children = [run for run in runs if run.data.tags.get("job") == "trial"]
    assert [run.info.status for run in parents] == ["FINISHED"] * 2
    beneath = [sum(run.data.tags["mlflow.parentRunId"] == each.info.run_id for run in children) for each in parents]
    assert beneath == [starts[0].trials, starts[1].trials - starts[0].trials]
    assert sorted(int(run.data.tags["trial"]) for run in children) == list(range(starts[1].trials))
    for run in children:
        assert run.data.tags["state"] in {"complete", "pruned"}
        assert set(run.data.params) == set(SPACE)
        assert "fold_1" in run.data.metrics
    pictures = {each.path for each in client.list_artifacts(parents[1].info.run_id, "pictures")}
    assert "pictures/search.png" in pictures


def test_the_result_is_of_a_block_that_no_fold_has_seen(source: Source) -> None:
    history = History.from_table(source.events(known_by=KNOWN_BY, now=KNOWN_BY))
    held_out = calendar_split(history, known_by=KNOWN_BY, longest=30)
    splits = rolling_origin(history, held_out, folds=2, longest=30)
    assert len(splits) == 2
    assert max(split.known_by for split in splits) <= held_out.test_since
    for older, newer in itertools.pairwise(splits):
        assert older.test_until <= newer.test_since
        assert older.known_by <= newer.known_by


def test_a_past_too_short_for_several_folds_gives_fewer(source: Source) -> None:
    history = History.from_table(source.events(known_by=KNOWN_BY, now=KNOWN_BY))
    held_out = calendar_split(history, known_by=KNOWN_BY, longest=30)
    assert 1 <= len(rolling_origin(history, held_out, folds=100, longest=30)) < 100


def of_few_features(fold: Fold) -> Fold:
    """Time is what fits cost, and it goes by the number of features."""
    whole = [spec for spec in fold.catalogue.features if spec.aggregation != "ratio"]
    catalogue = replace(fold.catalogue, features=tuple(whole[::15]))
    parts = {name: getattr(fold, name) for name in ("train", "calibrate", "test")}
    kept = {name: replace(part, X=part.features[list(catalogue.names)]) for name, part in parts.items()}
    return replace(fold, catalogue=catalogue, **kept)


def test_parameters_make_a_difference_which_is_compared_by_lead(fold: Fold) -> None:
    small = {"max_trees": 5, "max_rows": 1_000}
    in_force = load_settings(horizons=(7, 30), estimator={"parameters": small})
    compared = compare(of_few_features(fold), in_force, {**small, "learning_rate": 0.2, "l2": 0.5}, seed=1)
    assert 0 < compared.in_force < 0.25
    assert 0 < compared.found < 0.25
    assert compared.gap.value == pytest.approx(compared.found - compared.in_force)
    assert compared.gap.low < compared.gap.value < compared.gap.high


@pytest.mark.parametrize(("reference", "state"), [(False, TrialState.PRUNED), (True, TrialState.COMPLETE)])
def test_a_trial_worse_than_most_is_broken_off_unless_it_is_the_reference(
    reference: bool, state: TrialState, fold: Fold, settings: Settings
) -> None:
    storage = open_storage(settings.tuning_url)
    study = open_study(storage, f"pruning {reference}", seed=1)
    distributions: dict[str, BaseDistribution] = {
        name: FloatDistribution(each.low, each.high, log=each.log) for name, each in SPACE.items()
    }
    distributions["rows_per_lead"] = IntDistribution(10, 50, log=True)
    for _ in range(4):
        study.add_trial(
            create_trial(value=0.1, params=start_of({}), distributions=distributions, intermediate_values={0: 0.1})
        )
    study.enqueue_trial(start_of({}), user_attrs={REFERENCE: True} if reference else {})
    study.optimize(Objective([fold, fold], settings, 1, "session"), n_trials=1)
    trial = study.get_trials()[-1]
    storage.engine.dispose()
    assert trial.state == state
    assert len(trial.intermediate_values) == (2 if reference else 1)


def test_another_search_has_another_name(settings: Settings, fold: Fold) -> None:
    usual = study_name(settings, fold.split, [fold], data="a", seed=1)
    others = [
        study_name(settings, fold.split, [fold], data="b", seed=1),
        study_name(settings, fold.split, [fold], data="a", seed=2),
        study_name(settings, fold.split, [fold, fold], data="a", seed=1),
        study_name(settings.model_copy(update={"horizons": (7,)}), fold.split, [fold], data="a", seed=1),
        study_name(settings.model_copy(update={"estimator": Estimator()}), fold.split, [fold], data="a", seed=1),
    ]
    assert usual == study_name(settings.model_copy(update={"port": 1}), fold.split, [fold], data="a", seed=1)
    assert len({usual, *others}) == 6
    assert usual.startswith("2026-10-")


def result_of(gap: tuple[float, float, float]) -> Result:
    compared = Compared(found=0.1 + gap[0], in_force=0.1, gap=Estimate(*gap))
    return Result("s", {"max_trees": 90, **start_of({}), "l2": 3.0}, compared, 9, 2, 0.8, 0.9)


def test_only_what_is_better_beyond_chance_is_proposed() -> None:
    better, luck = result_of((-0.002, -0.003, -0.001)), result_of((-0.002, -0.005, 0.001))
    assert better.better
    assert "a gain of 2.00 % (1.00 to 3.00)" in better.said
    assert not luck.better
    assert "the settings in force stay" in luck.said
    assert not replace(better, compared=None).better


@pytest.mark.parametrize("better", [True, False])
def test_what_is_better_is_written_where_that_was_asked_for(
    better: bool,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    sign = -1 if better else 1
    monkeypatch.setattr(command, "tune", lambda *_: result_of((sign * 0.002, sign * 0.003, sign * 0.001)))
    assert command.main(["--as-known-at", "2026-11-01"]) == 0
    assert ("l2 = 3.0" in capsys.readouterr().out) == better
    Path("leadtime.toml").write_text("[estimator.parameters]\nmax_trees = 90  # ours\nl2 = 8.0\n")
    assert command.main(["--as-known-at", "2026-11-01", "--write"]) == 0
    in_force = load_settings().estimator.parameters
    assert (in_force["max_trees"], in_force["l2"]) == (90, 3.0 if better else 8.0)
    assert "max_trees = 90  # ours\n" in Path("leadtime.toml").read_text()


def test_another_estimator_is_not_searched(source: Source) -> None:
    with pytest.raises(InputError, match="my_models:Cox"):
        tune(source, load_settings(estimator={"class": "my_models:Cox"}), ASKED)


@pytest.mark.parametrize("wrong", ["--trials", "--jobs", "--folds"])
def test_a_search_of_nothing_is_refused(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main([wrong, "0"]) == 2
    assert wrong in capsys.readouterr().err
