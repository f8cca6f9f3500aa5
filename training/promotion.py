"""From a verdict to what serves: a version is tried before the alias moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import orjson

from features.errors import InputError, LeadtimeError
from features.settings import Settings
from model.scorer import Scorer
from training.data_checks import Finding
from training.gate import Check, Verdict
from training.tracking import Run, Tracking
from training.tracking.versions import Versions

GATE = "the gate"


def fault(tracking: Tracking, version: str) -> str | None:
    """Why a version cannot serve; None when its files are those that were registered, load, and score a lead."""
    try:
        try_out(Scorer.from_files(tracking.load(version)))
    except LeadtimeError as error:
        return str(error).rstrip(".")
    except Exception as error:  # noqa: BLE001 - what damaged files do to the libraries that read them cannot be foreseen
        return f"{type(error).__name__}: {error}"
    return None


def try_out(scorer: Scorer) -> None:
    """InputError unless the scorer answers with probabilities for a lead of which nothing is known."""
    unknown = np.full((1, len(scorer.catalogue.names)), np.nan)
    scored = scorer.score_columns(["trial"], np.zeros(1, dtype=np.int64), unknown)
    chances = np.concatenate([scored[f"{kind}_{h}"] for kind in ("p", "p_lost") for h in scorer.horizons])
    if not (np.isfinite(chances) & (chances >= 0) & (chances <= 1)).all():
        got = ", ".join(f"{chance:g}" for chance in chances)
        raise InputError(where="model", expected="probabilities from 0 to 1", got=got, remedy="Train the model anew")


def let_serve(tracking: Tracking, settings: Settings, verdict: Verdict, version: str, *, now: int) -> Verdict:
    """Promote what passed the gate; the verdict with what else kept it from serving."""
    versions = Versions(tracking, settings.model_alias)
    if verdict.passed:
        wrong = fault(tracking, version)
        if wrong is not None:
            verdict = _with(verdict, "can serve", f"it cannot serve: {wrong}")
        elif not versions.promote(
            version,
            kind="gate",
            by=GATE,
            why=verdict.reasons,
            now=now,
            best=verdict.better,
            instead_of=verdict.champion,
        ):
            held = f"version {verdict.champion}" if verdict.champion else "nothing"
            reason = f"it was held against {held}, but version {versions.serving} serves by now"
            verdict = _with(verdict, "nothing else was promoted meanwhile", reason)
    versions.tag(version, "gate", "passed" if verdict.passed else "refused")
    versions.tag(version, "gate_reasons", verdict.reasons)
    return verdict


def log_checks(run: Run, findings: Sequence[Finding], verdict: Verdict) -> None:
    """Into the run: what the data checks found, which of them were overridden, and the figures of the gate."""
    overridden = sorted({found.name for found in findings if found.level == "ignored"})
    worst = "ignored" if overridden else "warned" if any(found.level == "warn" for found in findings) else "ok"
    tags = {"gate": "passed" if verdict.passed else "refused", "gate_reasons": verdict.reasons[:5000]}
    tags |= {"data_checks": worst} | ({"data_checks_ignored": ", ".join(overridden)} if overridden else {})
    run.log(tags=tags)
    checks = {"data_checks": [found.to_json() for found in findings], "gate": verdict.to_json()}
    run.files("checks", {f"{name}.json": _json(content) for name, content in checks.items()})


def _json(content: object) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_INDENT_2)


def _with(verdict: Verdict, name: str, reason: str) -> Verdict:
    return replace(verdict, checks=(*verdict.checks, Check(name, False, reason)))
