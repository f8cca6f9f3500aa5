"""Pictures of a search, and which parameters made a difference."""

from __future__ import annotations

import numpy as np
import optuna
import pytest
from optuna.study import Study

from training.tune import pictures
from training.tune.space import start_of, suggest
from training.tune.study import REFERENCE


def study_of(trials: int) -> Study:
    """The score depends on the learning rate alone; every fourth trial is broken off."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))

    def objective(trial: optuna.Trial) -> float:
        suggest(trial)
        score = 0.8 + 0.1 * abs(float(np.log(trial.params["learning_rate"] / 0.05)))
        trial.report(score, 0)
        if trial.number % 4 == 3:
            raise optuna.TrialPruned
        return score

    study.enqueue_trial(start_of({}), user_attrs={REFERENCE: True})
    study.optimize(objective, n_trials=trials)
    return study


def test_the_parameter_that_decides_is_found() -> None:
    shares = pictures.importances(study_of(40))
    assert shares is not None
    assert next(iter(shares)) == "learning_rate"
    assert shares["learning_rate"] > 0.8
    assert sum(shares.values()) == pytest.approx(1.0)
    axes = pictures.importance(shares).axes[0]
    assert [text.get_text() for text in axes.get_yticklabels()][-1] == "learning_rate"


def test_of_few_trials_nothing_is_said() -> None:
    assert pictures.importances(study_of(6)) is None


def test_the_course_shows_each_trial_the_best_so_far_and_the_settings_in_force() -> None:
    study = study_of(12)
    lines = {line.get_label(): line for line in pictures.history(study).axes[0].lines}
    assert set(lines) == {"completed", "best so far", "broken off, mean until then", "settings in force"}
    assert np.size(lines["completed"].get_xdata()) == 9
    assert np.size(lines["broken off, mean until then"].get_xdata()) == 3
    best = np.asarray(lines["best so far"].get_ydata())
    assert (np.diff(best) <= 0).all()
    assert best[-1] == study.best_value
