"""What explains a training to people: datasets, pictures and the report, in its MLflow run."""

from __future__ import annotations

from features.events import to_iso
from training import pictures
from training.drift import drift
from training.report import render
from training.report.sections.features import gains
from training.timing import timing
from training.tracking import Run
from training.trained import Trained

REPORT = "report.html"


def document(run: Run, trained: Trained) -> str:
    """Log them all; where the report lies is returned, a path where it lies on this machine."""
    run.datasets(trained.datasets)
    _draw(run, trained)
    timed = timing(
        trained.fitted.scorer, trained.measured.curves, trained.test, trained.fitted.calibrate, seed=trained.seed
    )
    drifted = drift(
        trained.history, known_by=trained.split.known_by, fresh=trained.fitted.scorer, champion=trained.champion
    )
    run.log(metrics={**timed.metrics(), **({} if drifted is None else drifted.metrics())})
    page = render(trained, timing=timed, drift=drifted, made_at=to_iso(run.started_at)[:16])
    run.files("", {REPORT: page.encode()})
    return run.place_of(REPORT)


def _draw(run: Run, trained: Trained) -> None:
    measured, gain = trained.measured, gains(trained.serving.scorer)
    run.picture("calibration", pictures.calibration(measured.block, measured.curves))
    run.picture("curves", pictures.curve_groups(measured.block, measured.curves))
    run.picture("lift", pictures.lift(measured.block, measured.curves))
    if gain:
        run.picture("importance", pictures.importance(gain))
