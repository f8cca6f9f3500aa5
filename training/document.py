"""What explains a training to people: datasets, pictures and the report, in its MLflow run."""

from __future__ import annotations

from features.lives import BOUGHT
from training import pictures
from training.tracking import Run
from training.trained import Trained


def document(run: Run, trained: Trained) -> str:
    """Log them all; where the report lies is returned."""
    run.datasets(trained.datasets())
    _draw(run, trained)
    return ""


def _draw(run: Run, trained: Trained) -> None:
    measured, hazard = trained.measured, trained.serving.scorer.hazard
    run.picture("calibration", pictures.calibration(measured.block, measured.curves))
    run.picture("curves", pictures.curve_groups(measured.block, measured.curves))
    run.picture("lift", pictures.lift(measured.block, measured.curves))
    booster = hazard.booster(BOUGHT)
    if booster is not None:
        gains = booster.feature_importance("gain")
        run.picture("importance", pictures.importance(dict(zip(hazard.feature_names_, gains, strict=True))))
