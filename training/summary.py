"""What a training run says at its end."""

from __future__ import annotations

import shlex

from features.settings import Settings
from model.metrics import WindowFit
from training.evaluation import Evaluation
from training.gate import Verdict
from training.inputs import Source


def summary(model: Evaluation, reference: Evaluation, windows: WindowFit, *, asked: float) -> str:
    """A short table: the model beside the curve without features, on the newest block.

    ``asked``: the share of purchasers who were to buy within their window.
    """
    rows: list[tuple[str, str, str, str]] = [("", "model", "no features", "")]
    skill = f"{100 * model.skill.value:.1f} % ({100 * model.skill.low:.1f} to {100 * model.skill.high:.1f})"
    rows.append(
        (
            "integrated Brier score",
            f"{model.ibs.value:.4f}",
            f"{reference.ibs.value:.4f}",
            f"skill {skill}",
        )
    )
    rows += [(f"AUC, bought by day {h}", f"{found.value:.3f}", "0.500", "") for h, found in model.auc.items()]
    rows += [
        (
            f"expected / observed, day {h}",
            f"{found.value:.2f}",
            f"{reference.ratio[h].value:.2f}",
            f"calibration index {model.ici[h]:.3f}",
        )
        for h, found in model.ratio.items()
    ]
    width = (
        f"asked: {100 * asked:.0f} %; {windows.width:.0f} days wide on average; "
        f"{100 * windows.with_window:.0f} % of the purchasers had one"
    )
    rows.append(("bought in their window", f"{100 * windows.coverage:.0f} %", "", width))
    rows.append(("lift of the first tenth", f"{model.lift:.1f}", "1.0", ""))
    return "\n".join(f"  {name:<30}{one:>8}{other:>14}   {note}".rstrip() for name, one, other, note in rows)


def decision(verdict: Verdict, *, version: str, settings: Settings) -> str:
    """What became of the version, and why."""
    said = f"Version {version} of {settings.model_name} is registered"
    if verdict.passed:
        return f"{said} and serves now as {settings.model_alias!r}."
    return f"{said} but does not serve: it did not pass the gate ({verdict.reasons})."


def next_steps(settings: Settings, source: Source, *, version: str, serves: bool) -> str:
    """What to type next. ``serves``: some version does; else only ``version`` can be asked, by its number."""
    data = "" if source.data is None else f" --data {shlex.quote(str(source.data))}"
    model = "" if serves else f" --model {version}"
    uri = settings.mlflow_tracking_uri
    # a tracking server has its own page
    ui = uri if uri.startswith("http") else f"mlflow ui --backend-store-uri {shlex.quote(uri)}"
    port = "" if uri.startswith("http") else f" --port {settings.mlflow_port}"
    lines = ["Next:", f"  python -m training.score --out scores.csv{data}{model}"]
    lines += ["  python -m serving"] if serves else []
    return "\n".join([*lines, f"  {ui}{port}"])
