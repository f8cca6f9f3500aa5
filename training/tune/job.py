"""The whole search: folds, trials, the comparison on the newest block, and what MLflow is told."""

from __future__ import annotations

import math
import secrets
import sys
import time
from dataclasses import dataclass

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from features.errors import InputError
from features.estimator_settings import PURCHASE_HAZARD, Parameter
from features.events import content_id, to_iso
from features.history import History
from features.lives import lead_lives
from features.settings import Settings
from model.examples import Split, calendar_split
from training.fitting import check_enough
from training.inputs import Source, digest
from training.progress import stage
from training.tracking import Run, Tracking
from training.tune import pictures
from training.tune.compare import Compared, compare
from training.tune.folds import Fold, prepare, rolling_origin
from training.tune.record import log_trials
from training.tune.space import SPACE, described, fixed, readable, start_of
from training.tune.study import (
    REFERENCE,
    Budget,
    Objective,
    completed,
    enqueue_reference,
    finished,
    make_sampler,
    open_storage,
    open_study,
    reference_of,
    search,
)
from training.tune.workers import Job, helped_by


@dataclass(frozen=True)
class Asked:
    """``known_by``, ``now``: microseconds. ``minutes`` of this start, ``trials`` of all starts together."""

    known_by: int
    now: int
    seed: int
    minutes: float
    trials: int
    jobs: int
    folds: int


@dataclass(frozen=True)
class Result:
    """``parameters``: of the best trial, with those that are set and not searched for. ``compared``: None where the
    settings in force were the best trial themselves. Scores: on the folds, as Objective gives them.
    """

    study: str
    parameters: dict[str, Parameter]
    compared: Compared | None
    trials: int
    pruned: int
    best_score: float
    score_in_force: float

    @property
    def searched(self) -> dict[str, Parameter]:
        """Those of the parameters that were searched for, which is what is new about them."""
        return {name: value for name, value in self.parameters.items() if name in SPACE}

    @property
    def better(self) -> bool:
        return self.compared is not None and self.compared.better

    @property
    def said(self) -> str:
        counted = f"{self.trials} trials in study {self.study}, {self.pruned} of them broken off early."
        if self.compared is None:
            return f"{counted}\nNone was better than the settings in force: they stay."
        verdict = "is better" if self.better else "did not prove better, so the settings in force stay"
        return f"{counted}\nOn the newest block, which none has seen, the best one {verdict}:\n{self.compared.said}."


def tune(source: Source, settings: Settings, asked: Asked) -> Result:
    """InputError where there is too little to learn from, or where another estimator is set."""
    if settings.estimator.class_ != PURCHASE_HAZARD:
        raise InputError(
            where="estimator.class",
            expected=f"{PURCHASE_HAZARD}, whose parameters are known here",
            got=settings.estimator.class_,
            remedy="Tune another estimator with its own tools",
        )
    with stage("read the log") as reading:
        events = source.events(known_by=asked.known_by, now=asked.now, up_to=source.position())
        history = History.from_table(events)
        reading.note = f"{history.n_events:,} events of {history.n_leads:,} leads"
    check_enough(lead_lives(history, asked.known_by))
    longest = settings.horizons[-1]
    held_out = calendar_split(history, known_by=asked.known_by, longest=longest)
    splits = rolling_origin(history, held_out, folds=asked.folds, longest=longest)
    with stage("build the folds") as building:
        prepared = [prepare(history, split, settings, seed=asked.seed) for split in splits]
        folds = [fold for fold in prepared if fold is not None]
        if not folds:
            raise InputError(
                where="history", expected="purchases in the blocks to judge by", got="none", remedy="Load outcomes"
            )
        building.note = "; ".join(fold.said for fold in folds)
    name = study_name(settings, held_out, folds, data=digest(events), seed=asked.seed)
    with stage("open study and tracking"):
        tracking = Tracking(settings.mlflow_tracking_uri, model_name=settings.model_name)
        storage = open_storage(settings.tuning_url)
    try:
        study = open_study(storage, name, seed=asked.seed)
        params = {
            "source": source,
            "known_by": to_iso(held_out.known_by),
            "seed": asked.seed,
            "minutes": asked.minutes,
            "trials": asked.trials,
            "jobs": asked.jobs,
            "folds": len(folds),
            "trials_before": len(finished(study)),
        }
        with tracking.run(f"tune {name}", tags={"job": "tune", "study": name, "data": digest(events)}) as run:
            run.log(params=params)
            _search(study, folds, settings, asked, run)
            with stage("compare on the newest block") as comparing:
                result = _result(study, prepare(history, held_out, settings, seed=asked.seed), settings, asked)
                comparing.note = "better" if result.better else "not better"
            _log(run, study, result)
    finally:
        storage.engine.dispose()
    return result


def study_name(settings: Settings, held_out: Split, folds: list[Fold], *, data: str, seed: int) -> str:
    """The date until which is searched, and 8 digits that differ when what a score depends on does."""
    chosen = settings.model_dump_json(include={"horizons", "events", "estimator"})
    parts = [f"{fold.split} {fold.catalogue.to_json()}" for fold in folds]
    return f"{to_iso(held_out.known_by)[:10]}-{content_id(data, seed, chosen, described(), held_out, *parts)[:8]}"


def _search(study: Study, folds: list[Fold], settings: Settings, asked: Asked, run: Run) -> None:
    """Trials here and in helping processes, each logged as it ends; one has the settings in force in any case."""
    session = secrets.token_hex(8)
    budget = Budget(time.monotonic() + 60 * asked.minutes, asked.trials, session)
    objective = Objective(folds, settings, asked.seed, session)
    enqueue_reference(study, settings.estimator.parameters)
    helpers = [
        Job(settings.tuning_url, study.study_name, objective, budget, _sampler_seed(study, asked, k))
        for k in range(1, asked.jobs)
    ]
    study.sampler = make_sampler(_sampler_seed(study, asked, 0))

    def after() -> None:
        for trial in log_trials(run, study):
            print(f"  {said_of(trial, study)}", file=sys.stderr)

    try:
        with helped_by(helpers):
            search(study, objective, budget, after=after)
        if reference_of(study) is None:  # broken off, and nobody has tried it again yet
            study.enqueue_trial(start_of(settings.estimator.parameters), user_attrs={REFERENCE: True})
            while reference_of(study) is None:  # others may be waiting before it
                study.optimize(objective, n_trials=1)
    finally:
        after()


def _sampler_seed(study: Study, asked: Asked, process: int) -> int:
    """Another for each process and each start: none draws what another has drawn."""
    return int(content_id(asked.seed, len(study.get_trials(deepcopy=False)), process)[:7], 16)


def said_of(trial: FrozenTrial, study: Study) -> str:
    """A line on a trial that has ended."""
    seconds = 0.0 if trial.duration is None else trial.duration.total_seconds()
    scores = list(trial.intermediate_values.values())
    score = f"{scores[-1]:.4f}" if scores else "     -"
    done = {
        TrialState.COMPLETE: "",
        TrialState.PRUNED: f"broken off early: behind others after {len(scores)} of the folds",
        TrialState.FAIL: "interrupted",
    }
    mark = "settings in force" if REFERENCE in trial.user_attrs else done[trial.state]
    best = f"best {study.best_value:.4f}" if completed(study) else ""
    return f"trial {trial.number:<4} {seconds:6.1f} s   {score}   {best}   {mark}".rstrip()


def _result(study: Study, newest: Fold | None, settings: Settings, asked: Asked) -> Result:
    if newest is None:
        raise InputError(
            where="history", expected="purchases in the newest block", got="none", remedy="Load more recent outcomes"
        )
    best, done = study.best_trial, finished(study)
    found = {**fixed(settings.estimator.parameters), **readable(best.params)}
    reference = reference_of(study)
    own = None if REFERENCE in best.user_attrs else compare(newest, settings, found, seed=asked.seed)
    return Result(
        study=study.study_name,
        parameters=found,
        compared=own,
        trials=len(done),
        pruned=sum(trial.state == TrialState.PRUNED for trial in done),
        best_score=study.best_value,
        score_in_force=math.nan if reference is None or reference.value is None else reference.value,
    )


def _log(run: Run, study: Study, result: Result) -> None:
    metrics = {
        "trials": result.trials,
        "trials_pruned": result.pruned,
        "best_score": result.best_score,
        "score_in_force": result.score_in_force,
    }
    compared = result.compared
    if compared is not None:
        metrics |= {
            "ibs": compared.found,
            "ibs_in_force": compared.in_force,
            "ibs_gap": compared.gap.value,
            "ibs_gap_low": compared.gap.low,
            "ibs_gap_high": compared.gap.high,
        }
    run.log(
        params={f"best_{name}": value for name, value in result.parameters.items()},
        metrics=metrics,
        tags={"better": str(result.better).lower(), "result": result.said},
    )
    run.picture("search", pictures.history(study))
    shares = pictures.importances(study)
    if shares is not None:
        run.log(metrics={f"importance_{name}": share for name, share in shares.items()})
        run.picture("parameters", pictures.importance(shares))
