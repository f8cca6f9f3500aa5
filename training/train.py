"""Train a model, measure it, register it, and let it serve if it passes the gate: ``python -m training.train``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from features.settings import Settings, load_settings
from training import past_seconds
from training.cold_start import fit_cold
from training.data_checks import NAMES, checked, told
from training.ending import exit_code
from training.folds import plan_folds, stage_seconds
from training.gate import Verdict, find_rivals
from training.inputs import Source, moment_known, seed_asked
from training.interrupts import stoppable
from training.learn import CURVE, learn
from training.material import gather
from training.progress import Progress
from training.provenance import FILE, FOLDER
from training.registrar import Registrar
from training.repeat import repeat
from training.summary import decision, next_steps
from training.tracking import Tracking


def train(
    source: Source,
    settings: Settings,
    *,
    known_by: int,
    now: int,
    seed: int,
    hints: bool = True,
    folds: int = 0,
    curve: bool = True,
    ignored: Sequence[str] = (),
) -> Verdict:
    """The whole job. What is known at ``known_by`` is learned from; InputError where that is too little.

    ``hints``: say what to type next. ``folds``: of calendar time, each a run beneath this one. ``curve``: learn from
    parts of the leads too. ``ignored``: names of data checks whose refusals are overridden.
    """
    progress = Progress()
    given = gather(source, settings, progress, known_by=known_by, now=now, seed=seed, up_to=None)
    parts = plan_folds(given, folds)
    with progress.stage("open the tracking database"):  # before the work that would be in vain without it
        tracking = Tracking(settings.mlflow_tracking_uri, model_name=settings.model_name)
        rivals = find_rivals(tracking, settings)
        past = past_seconds.newest(tracking)
        stages = stage_seconds(
            {name: took for name, took in past.seconds.items() if curve or name != CURVE}, len(parts)
        )
        progress.expect(stages, given.read.events.num_rows / max(past.events, 1))
    with progress.stage("check the data") as checking:
        findings = checked(given.history, rivals, known_by=known_by, ignored=ignored)
        checking.note = "; ".join(told(findings)) or "as in the weeks before"
    with ExitStack() as last, tracking.run(given.version) as run:
        run.log(params=given.provenance.params(), tags=given.provenance.tags())
        run.files(FOLDER, {FILE: given.provenance.to_json()})
        registrar = Registrar(given, tracking, run, progress, last, rivals, findings, now)
        if given.lacking is None:
            done = registrar.register(learn(given, progress, curve=curve), folds=parts)
            past_seconds.keep(run, progress.seconds, given.read.events.num_rows)
        else:
            with progress.stage("fit one curve for everybody") as fitting:
                fitted = fit_cold(given.history, given.split, settings, given.lacking, seed=seed, version=given.version)
                fitting.note = given.lacking.signal.verdict
            done = registrar.register_cold(fitted)
    print(f"\n{done.said}\n\n{decision(done.verdict, version=done.version, settings=settings)}")
    if hints:
        serves = done.verdict.passed or rivals.serving is not None
        print(f"\n{next_steps(settings, source, version=done.version, serves=serves)}")
    return done.verdict


def main(argv: Sequence[str] | None = None) -> int:
    given = _arguments(argv)
    return exit_code(lambda: _run(given), interrupted="no version was registered")


def _run(given: argparse.Namespace) -> int:
    now = time.time_ns() // 1000
    settings = load_settings()
    with stoppable():
        if given.like is not None:
            return repeat(given.like, settings, data=given.data, now=now)
        began = time.perf_counter()
        train(
            Source(settings.database_url, given.data),
            settings,
            known_by=moment_known(given.as_known_at, now=now),
            now=now,
            seed=seed_asked(given.seed, settings),
            hints=not given.no_hints,
            folds=given.folds,
            curve=not given.no_learning_curve,
            ignored=given.ignore_data_checks,
        )
        print(f"trained in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__)
    parser.add_argument("--data", type=Path, metavar="DIR", help="learn from a folder of tables instead of the store")
    parser.add_argument("--seed", type=int, help="the same data, settings and seed give the same model")
    parser.add_argument(
        "--as-known-at", metavar="TIME", help="learn from what was known then instead of now (ISO 8601)"
    )
    parser.add_argument(
        "--like",
        metavar="VERSION",
        help="train again exactly as a registered version was, and say whether the same files come out; registers "
        "nothing",
    )
    parser.add_argument(
        "--folds", type=int, default=0, metavar="N", help="also train on N pasts and measure on what followed each"
    )
    parser.add_argument(
        "--ignore-data-checks",
        action="append",
        default=[],
        choices=NAMES,
        metavar="NAME",
        help=f"learn though this check refuses the data; may be given again: {', '.join(NAMES)}",
    )
    parser.add_argument("--no-learning-curve", action="store_true", help="do not learn from parts of the leads too")
    parser.add_argument("--no-hints", action="store_true", help="do not say what to type next")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
