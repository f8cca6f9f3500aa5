"""Train a model, measure it, register it, and let it serve if it passes the gate: ``python -m training.train``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from features.errors import InputError, LeadtimeError
from features.events import DAY, content_id, parse_time, to_iso
from features.history import History
from features.lives import BOUGHT, lead_lives
from features.own_rows import rows_digest
from features.settings import Settings, load_settings
from model.examples import Examples, Split, calendar_split
from model.scorer import Scorer
from training import pictures
from training.abstention import choose
from training.fitting import Fitted, check_enough, fit, serving_split
from training.gate import Verdict, judge
from training.inputs import Source, digest
from training.measuring import Measured, against, measure
from training.progress import stage
from training.summary import decision, next_steps, summary
from training.tracking import MEASURED, Run, Tracking


def champions(tracking: Tracking, settings: Settings) -> Scorer | None:
    """What the serving model was measured by, if one serves: fitted without the newest block of its own training.

    None, too, where its files are of a format that this program no longer reads, which is said on stderr: the
    remedy is a new model, so nothing may keep it from being trained.
    """
    if tracking.find(settings.model_alias) is None:
        return None
    files = tracking.load(settings.model_alias, folder=MEASURED)
    try:
        return Scorer.from_files(files, trusted=settings.estimator.trusts)
    except InputError as error:
        print(f"the serving model cannot be compared with: {error}", file=sys.stderr)
        return None


def train(source: Source, settings: Settings, *, known_by: int, now: int, seed: int, hints: bool = True) -> Verdict:
    """The whole job. What is known at ``known_by`` is learned from; InputError where that is too little.

    ``hints``: say what to type next.
    """
    with stage("read the log") as reading:
        position = source.position()
        events = source.events(known_by=known_by, now=now, up_to=position)
        history = History.from_table(events)
        reading.note = f"{history.n_events:,} events of {history.n_leads:,} leads"
    lives = lead_lives(history, known_by)
    check_enough(lives)
    split = calendar_split(history, known_by=known_by, longest=settings.horizons[-1])
    seen = digest(events)
    version = version_name(settings, split, data=seen, seed=seed)
    with stage("open the tracking database"):  # before the work that would be in vain without it
        tracking = Tracking(settings.mlflow_tracking_uri, model_name=settings.model_name)
        champion = champions(tracking, settings)
    with stage("fit on the older blocks") as fitting:
        fitted = fit(history, split, settings, seed=seed, version=version)
        fitting.note = f"{len(fitted.train):,} examples of {fitted.train.features.shape[1]} features"
    with stage("measure on the newest block") as measuring:
        test = split.test(history).with_features(history, fitted.scorer.catalogue)
        _check_test(test, split)
        measured = measure(fitted, test, seed=seed)
        measuring.note = f"{len(test):,} examples, {int((test.outcome == BOUGHT).sum()):,} purchases"
    with stage("tell signal from chance") as telling:
        signal, fitted = choose(
            history,
            split,
            settings,
            fitted,
            test=test,
            block=measured.block,
            evaluation=measured.evaluation,
            seed=seed,
            version=version,
        )
        if signal.baseline:
            measured = measure(fitted, test, seed=seed)
        telling.note = signal.verdict
    with stage("fit again on all blocks") as fitting:
        serving = fit(history, serving_split(split), settings, seed=seed, version=version, signal=signal)
        fitting.note = f"{len(serving.train):,} examples"
    with stage("judge, log and register") as logging, tracking.run(version) as run:
        verdict = judge(
            skill=measured.evaluation.skill,
            ratios=measured.evaluation.ratio,
            icis=measured.evaluation.ici,
            leads=len(np.unique(measured.block.groups)),
            against_champion=None if champion is None else against(champion, history, test, measured, seed=seed),
        )
        run.log(
            params=_params(settings, split, serving, seed=seed, source=source, position=position),
            metrics=measured.metrics(),
            tags={
                "gate": "passed" if verdict.passed else "refused",
                "gate_reasons": verdict.reasons,
                "data": seen,
                "signal": signal.verdict,
                "basis": signal.baseline or signal.basis,
            },
        )
        _draw(run, measured, serving)
        run.files(MEASURED, fitted.scorer.to_files())
        registered = tracking.register(run, serving.scorer.to_files(), tags={"model_version": version})
        if verdict.passed:
            tracking.promote(registered, settings.model_alias)
        logging.note = f"version {registered} of {settings.model_name}"
    print("\nOn the newest block, which the measured model has not seen:\n")
    print(summary(measured.evaluation, measured.reference, measured.windows, asked=settings.window_coverage))
    print(f"\n  {signal.why[:1].upper()}{signal.why[1:]}.")
    print(f"\n{decision(verdict, version=registered, settings=settings)}")
    if hints:
        serves = verdict.passed or champion is not None
        print(f"\n{next_steps(settings, source, version=registered, serves=serves)}")
    return verdict


def _check_test(test: Examples, split: Split) -> None:
    if not len(test):
        raise InputError(
            where="history",
            expected=f"leads that are open between {to_iso(split.test_since)} and {to_iso(split.test_until)}",
            got="none",
            remedy="Load a longer or more recent history",
        )


def version_name(settings: Settings, split: Split, *, data: str, seed: int) -> str:
    """The date until which was learned, and 8 digits that differ when data, seed, estimator or business settings do."""
    chosen = settings.model_dump_json(include={"horizons", "window_coverage", "costs", "events", "estimator"})
    own = rows_digest(settings.features_file)
    return f"{to_iso(split.known_by)[:10]}-{content_id(data, seed, chosen + own)[:8]}"


def _params(
    settings: Settings, split: Split, serving: Fitted, *, seed: int, source: Source, position: int | None
) -> dict[str, object]:
    return {
        "source": source,
        "log_position": position,
        "seed": seed,
        "horizons": ",".join(map(str, settings.horizons)),
        "window_coverage": settings.window_coverage,
        "known_by": to_iso(split.known_by),
        "calibrate_gap_days": f"{split.gap:.1f}",
        "test_since": to_iso(split.test_since),
        "test_until": to_iso(split.test_until),
        "features": len(serving.train.features.columns),
        **serving.scorer.notes,
    }


def _draw(run: Run, measured: Measured, serving: Fitted) -> None:
    run.picture("calibration", pictures.calibration(measured.block, measured.curves))
    run.picture("curves", pictures.curve_groups(measured.block, measured.curves))
    run.picture("lift", pictures.lift(measured.block, measured.curves))
    booster = serving.scorer.hazard.booster(BOUGHT)
    if booster is not None:
        gains = booster.feature_importance("gain")
        run.picture(
            "importance", pictures.importance(dict(zip(serving.scorer.hazard.feature_names_, gains, strict=True)))
        )


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__)
    parser.add_argument("--data", type=Path, metavar="DIR", help="learn from a folder of tables instead of the store")
    parser.add_argument("--seed", type=int, help="the same data, settings and seed give the same model")
    parser.add_argument(
        "--as-known-at", metavar="TIME", help="learn from what was known then instead of now (ISO 8601)"
    )
    parser.add_argument("--no-hints", action="store_true", help="do not say what to type next")
    given = parser.parse_args(argv)
    now = time.time_ns() // 1000
    try:
        settings = load_settings()
        known_by = now if given.as_known_at is None else parse_time(given.as_known_at, where="--as-known-at")
        if known_by > now + DAY:
            raise InputError(where="--as-known-at", expected="a time that is not in the future", got=given.as_known_at)
        began = time.perf_counter()
        seed = settings.seed if given.seed is None else given.seed
        train(
            Source(settings.database_url, given.data),
            settings,
            known_by=known_by,
            now=now,
            seed=seed,
            hints=not given.no_hints,
        )
        print(f"trained in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    except LeadtimeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; no version was promoted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
