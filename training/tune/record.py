"""The search in MLflow: a run for each start, with a child for each trial."""

from __future__ import annotations

from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from training.tracking import Run
from training.tune.space import readable
from training.tune.study import REFERENCE

_LOGGED = "logged"  # user attribute of the study: numbers of trials that have their run
_ENDED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


def log_trials(run: Run, study: Study) -> list[FrozenTrial]:
    """A child for each trial that has ended and has none yet, whichever process or start it was of; these trials."""
    logged = set(study.user_attrs.get(_LOGGED, []))
    new = []
    for trial in study.get_trials(deepcopy=False, states=_ENDED):
        if trial.number in logged:
            continue
        _log(run, study.study_name, trial)
        logged.add(trial.number)
        study.set_user_attr(_LOGGED, sorted(logged))
        new.append(trial)
    return new


def _log(run: Run, study: str, trial: FrozenTrial) -> None:
    tags = {"job": "trial", "study": study, "trial": str(trial.number), "state": trial.state.name.lower()}
    with run.child(f"trial {trial.number}", tags=tags) as child:
        scores = {name: value for name, value in trial.user_attrs.items() if name.startswith("fold_")}
        seconds = {} if trial.duration is None else {"seconds": trial.duration.total_seconds()}
        score = {} if trial.state != TrialState.COMPLETE or trial.value is None else {"score": trial.value}
        child.log(
            params=readable(trial.params),
            metrics={**scores, **score, **seconds},
            tags={"settings": "in force"} if REFERENCE in trial.user_attrs else {},
        )
