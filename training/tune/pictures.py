"""Pictures of a search: how it came to its result, and which parameters made a difference."""

from __future__ import annotations

import numpy as np
import optuna
from matplotlib.figure import Figure
from optuna.study import Study
from optuna.trial import TrialState

from training.pictures import MAIN, SOFT, blank_figure, label_axes
from training.tune.study import completed, reference_of

_LEAST = 8  # completed trials below which importances are noise


def history(study: Study) -> Figure:
    """The score of each trial, the best so far, and the settings in force."""
    figure, (ax,) = blank_figure(7.2, 4.0)
    scores = {each.number: each.value for each in completed(study) if each.value is not None}
    pruned = study.get_trials(deepcopy=False, states=(TrialState.PRUNED,))
    numbers, values = list(scores), list(scores.values())
    ax.plot(numbers, values, "o", color=MAIN, ms=5, label="completed")
    ax.step(numbers, np.minimum.accumulate(values), where="post", color=MAIN, lw=1.4, label="best so far")
    broken = [(each.number, list(each.intermediate_values.values())[-1]) for each in pruned if each.intermediate_values]
    if broken:
        ax.plot(*zip(*broken, strict=True), "x", color=SOFT, ms=5, label="broken off, mean until then")
    reference = reference_of(study)
    if reference is not None and reference.value is not None:
        ax.axhline(reference.value, color="#b2182b", lw=1, ls="--", label="settings in force")
    label_axes(ax, "The search", "trial", "integrated Brier score / Aalen-Johansen's")
    ax.legend(fontsize=8)
    return figure


def importances(study: Study) -> dict[str, float] | None:
    """Each parameter's share of the variance of the score over completed trials (functional ANOVA: Hutter, Hoos and
    Leyton-Brown 2014), the largest first. None where there are too few.
    """
    done = completed(study)
    if len(done) < _LEAST or len({each.value for each in done}) < 2:
        return None
    return optuna.importance.get_param_importances(study, evaluator=optuna.importance.FanovaImportanceEvaluator(seed=0))


def importance(shares: dict[str, float]) -> Figure:
    figure, (ax,) = blank_figure(7.2, 3.2)
    ax.barh(list(shares)[::-1], list(shares.values())[::-1], color=MAIN, height=0.7)
    label_axes(ax, "What made a difference", "share of the variance of the score", "")
    ax.grid(axis="y", visible=False)
    return figure
