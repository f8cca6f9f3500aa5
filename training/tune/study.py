"""The study: where trials are kept, how a search that was broken off goes on, and what one trial does."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import sqlalchemy as sa
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.samplers import TPESampler
from optuna.storages import RDBStorage, RetryHeartbeatStaleTrialCallback
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from features.errors import InputError, StoreUnavailable
from features.estimator_settings import Parameter
from features.settings import Settings
from training.tune.folds import Fold, losses
from training.tune.space import fixed, readable, start_of, suggest

BEAT, GRACE = 15, 60  # seconds between signs of life of a trial under way, and without one until it is tried again
_RETRIES = 3
_STARTUP, _BEFORE_PRUNING = 8, 4  # trials drawn at random first; trials that are never pruned
_BUSY_SECONDS = 60
REFERENCE = "reference"  # user attribute: the trial with the settings in force
_SESSION = "session"
_DONE = (TrialState.COMPLETE, TrialState.PRUNED)


def open_storage(url: str, *, beat: int = BEAT, grace: int = GRACE) -> RDBStorage:
    """Where trials are kept: a SQLite file or a PostgreSQL database of its own. ``beat``, ``grace``: seconds."""
    try:
        parsed = sa.make_url(url)
    except ArgumentError:
        raise _unusable("a text that is no database URL") from None
    backend = parsed.get_backend_name()
    options: dict[str, Any] = {"connect_args": {"timeout": _BUSY_SECONDS}}
    if backend == "sqlite" and parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    elif backend in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
        options = {"pool_pre_ping": True, "connect_args": {"connect_timeout": 5}}
    else:
        raise _unusable(parsed.render_as_string(hide_password=True))
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        _check_own(parsed, options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return RDBStorage(
                parsed.render_as_string(hide_password=False),
                engine_kwargs=options,
                heartbeat_interval=beat,
                grace_period=grace,
                heartbeat_stale_trial_callback=RetryHeartbeatStaleTrialCallback(max_retry=_RETRIES),
            )
    except (SQLAlchemyError, StorageInternalError, RuntimeError, OSError) as error:
        said = str(error).strip().splitlines()[0]
        raise StoreUnavailable(
            f"cannot keep trials at {parsed.render_as_string(hide_password=True)}: {said}; set LEADTIME_TUNING_URL"
        ) from error


def _check_own(url: sa.URL, options: dict[str, Any]) -> None:
    """Optuna's tables would come between those of the log, for both keep their version in the same one."""
    engine = sa.create_engine(url, **options)
    try:
        tables = set(sa.inspect(engine).get_table_names())
    finally:
        engine.dispose()
    if "alembic_version" in tables and "studies" not in tables:
        raise StoreUnavailable(
            f"{url.render_as_string(hide_password=True)} is a database of something else; "
            "set LEADTIME_TUNING_URL to one of its own"
        )


def _unusable(got: str) -> InputError:
    return InputError(
        where="tuning_url",
        expected="sqlite:///path/to/file.db or postgresql://user:password@host:port/database",
        got=got,
        remedy="Set LEADTIME_TUNING_URL",
    )


def open_study(storage: RDBStorage, name: str, *, seed: int) -> Study:
    """The study of this name, with its trials of before. ``seed``: of the sampler."""
    sampler = make_sampler(seed)
    pruner = optuna.pruners.MedianPruner(n_startup_trials=_BEFORE_PRUNING)
    return optuna.create_study(
        storage=storage, study_name=name, sampler=sampler, pruner=pruner, direction="minimize", load_if_exists=True
    )


def make_sampler(seed: int) -> TPESampler:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        return TPESampler(n_startup_trials=_STARTUP, multivariate=True, constant_liar=True, seed=seed)


def enqueue_reference(study: Study, parameters: Mapping[str, Parameter]) -> None:
    """The settings in force are the next trial, unless they have been tried or are about to be."""
    there = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.WAITING, TrialState.RUNNING))
    if not any(REFERENCE in trial.user_attrs for trial in there):
        study.enqueue_trial(start_of(parameters), user_attrs={REFERENCE: True})


def reference_of(study: Study) -> FrozenTrial | None:
    """The completed trial with the settings in force."""
    return next((trial for trial in completed(study) if REFERENCE in trial.user_attrs), None)


def completed(study: Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))


def finished(study: Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=_DONE)


@dataclass(frozen=True)
class Budget:
    """When to begin no more trials: ``until`` (monotonic seconds), or so many ``trials`` in the study, all starts
    together. ``session``: names this start, so that its processes count each other's trials under way.
    """

    until: float
    trials: int
    session: str

    def spent(self, study: Study) -> bool:
        """Also where a trial that takes as long as most did would not end in time."""
        done = finished(study)
        under_way = [
            trial
            for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
            if trial.user_attrs.get(_SESSION) == self.session
        ]
        seconds = [each.duration.total_seconds() for each in done if each.duration is not None]
        expected = float(np.median(seconds)) if len(done) > 1 else 0.0
        return len(done) + len(under_way) >= self.trials or time.monotonic() + expected > self.until


Trial = Callable[[optuna.Trial], float]


@dataclass(frozen=True, eq=False)
class Objective:
    """One trial: the mean over folds of the integrated Brier score, each as a share of Aalen-Johansen's.

    After each fold the mean so far is reported; a trial above the median of the others at that fold is broken off.
    """

    folds: list[Fold]
    settings: Settings
    seed: int
    session: str

    def __call__(self, trial: optuna.Trial) -> float:
        trial.set_user_attr(_SESSION, self.session)
        suggest(trial)
        parameters = {**fixed(self.settings.estimator.parameters), **readable(trial.params)}
        found: list[float] = []
        for k, fold in enumerate(self.folds):
            own = losses(fold, self.settings, parameters, seed=self.seed)
            found.append(float(own.mean()) / fold.reference)
            trial.set_user_attr(f"fold_{k + 1}", found[-1])
            trial.report(float(np.mean(found)), k)
            last = k + 1 == len(self.folds)
            if not last and REFERENCE not in trial.user_attrs and trial.should_prune():
                raise optuna.TrialPruned
        return float(np.mean(found))


def search(study: Study, objective: Trial, budget: Budget, *, after: Callable[[], object] = lambda: True) -> None:
    """Trials until the budget is spent or ``after`` (called after each) gives False."""
    while not budget.spent(study):
        study.optimize(objective, n_trials=1)
        if after() is False:
            return
