"""All sections in their order, in the template."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from features.events import to_iso
from training.drift import Drift
from training.report.parts import Section, Table, number, number_range, percent, percent_range
from training.report.sections.calibration import calibration, windows
from training.report.sections.data import data_section
from training.report.sections.drift import drift_section
from training.report.sections.features import features
from training.report.sections.folds import folds_section
from training.report.sections.learning import learning_section
from training.report.sections.quality import quality
from training.report.sections.timing import timing_section
from training.timing import AT_ONCE, Timing
from training.trained import Trained

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Key:
    """A figure that stands at the top."""

    name: str
    value: str
    note: str


def render(trained: Trained, *, timing: Timing, drift: Drift | None, made_at: str = "") -> str:
    """The whole page. ``made_at``: when, as it is to be shown."""
    environment = Environment(
        loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("report.html.j2").render(
        style=Markup((_HERE / "report.css").read_text(encoding="utf-8")),  # noqa: S704 - a file of this program
        svg=Markup,
        version=trained.version,
        made_at=made_at,
        verdict=trained.verdict,
        signal=trained.signal,
        keys=_keys(trained, timing),
        sections=_sections(trained, timing=timing, drift=drift),
    )


def _sections(trained: Trained, *, timing: Timing, drift: Drift | None) -> list[Section]:
    labels = {spec.name: spec.label or spec.name for spec in trained.fitted.scorer.catalogue.features}
    found = [quality(trained), calibration(trained), windows(trained), timing_section(timing), *features(trained)]
    if trained.folds is not None:
        found.append(folds_section(trained.folds))
    if trained.learning_curve is not None:
        found.append(learning_section(trained.learning_curve))
    if drift is not None:
        found.append(drift_section(drift, labels))
    return [*found, data_section(trained, trained.data_report), _how(trained)]


def _keys(trained: Trained, timing: Timing) -> list[Key]:
    found, windows_fit = trained.measured.evaluation, trained.measured.windows
    middle = trained.fitted.scorer.ready_horizon
    saved = timing.saved[AT_ONCE]
    return [
        Key(
            "Skill",
            percent(found.skill.value),
            f"{percent_range(found.skill)}, of the error without features taken away",
        ),
        Key(
            f"AUC, {middle} days",
            number(found.auc[middle].value, 3),
            f"{number_range(found.auc[middle], 3)}; 0.5 is chance",
        ),
        Key(
            "Windows kept",
            percent(windows_fit.coverage, 0),
            f"asked: {percent(trained.fitted.scorer.window_coverage, 0)}; {number(windows_fit.width, 0)} days wide",
        ),
        Key("Saved by the dates", number(saved.value), f"{number_range(saved)} a lead, against calling at once"),
    ]


def _how(trained: Trained) -> Section:
    split, settings = trained.split, trained.settings
    rows = [
        ("version", trained.version),
        ("learned from what was known by", to_iso(split.known_by)),
        ("tested on looks between", f"{to_iso(split.test_since)[:10]} and {to_iso(split.test_until)[:10]}"),
        ("horizons in days", ", ".join(map(str, settings.horizons))),
        ("seed", str(trained.seed)),
        ("digest of the events", trained.data),
        ("position in the log", "\u2013" if trained.position is None else f"{trained.position:,}"),
        ("features", f"{len(trained.serving.scorer.catalogue.names):,}"),
    ]
    rows += [(name.replace("_", " "), str(value)) for name, value in trained.serving.scorer.notes.items()]
    table = Table(
        "The same data, settings and seed give the same model", ("what", "value"), tuple(rows), frozenset({0, 1})
    )
    return Section("how", "How it was made", (), (), (table,))
