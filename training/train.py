"""Train a model, measure it, register it, and let it serve if it passes the gate: ``python -m training.train``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from features.errors import InputError, LeadtimeError
from features.events import DAY, parse_time
from features.settings import Settings, load_settings
from model.scorer import Scorer
from training import past_seconds
from training.cold_start import fit_cold
from training.gate import Verdict
from training.inputs import Source
from training.interrupts import stoppable
from training.learn import learn
from training.material import gather
from training.progress import Progress
from training.provenance import FILE, FOLDER
from training.registrar import Registrar
from training.repeat import repeat
from training.summary import decision, next_steps
from training.tracking import MEASURED, Tracking


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
) -> Verdict:
    """The whole job. What is known at ``known_by`` is learned from; InputError where that is too little.

    ``hints``: say what to type next. ``folds``: of calendar time, each a run beneath this one. ``curve``: learn from
    parts of the leads too.
    """
    progress = Progress()
    given = gather(source, settings, progress, known_by=known_by, now=now, seed=seed, up_to=None)
    with progress.stage("open the tracking database"):  # before the work that would be in vain without it
        tracking = Tracking(settings.mlflow_tracking_uri, model_name=settings.model_name)
        champion = champions(tracking, settings)
        past = past_seconds.newest(tracking)
        progress.expect(past.seconds, given.read.events.num_rows / max(past.events, 1))
    with ExitStack() as last, tracking.run(given.version) as run:
        run.log(params=given.provenance.params(), tags=given.provenance.tags())
        run.files(FOLDER, {FILE: given.provenance.to_json()})
        registrar = Registrar(given, tracking, run, progress, last)
        if given.lacking is None:
            done = registrar.register(learn(given, progress, curve=curve), champion, folds=folds)
            past_seconds.keep(run, progress.seconds, given.read.events.num_rows)
        else:
            with progress.stage("fit one curve for everybody") as fitting:
                fitted = fit_cold(given.history, given.split, settings, given.lacking, seed=seed, version=given.version)
                fitting.note = given.lacking.signal.verdict
            done = registrar.register_cold(fitted, serves=champion is not None)
    print(f"\n{done.said}\n\n{decision(done.verdict, version=done.version, settings=settings)}")
    if hints:
        serves = done.verdict.passed or champion is not None
        print(f"\n{next_steps(settings, source, version=done.version, serves=serves)}")
    return done.verdict


def main(argv: Sequence[str] | None = None) -> int:
    given = _arguments(argv)
    now = time.time_ns() // 1000
    try:
        settings = load_settings()
        with stoppable():
            if given.like is not None:
                return repeat(given.like, settings, data=given.data, now=now)
            known_by = now if given.as_known_at is None else parse_time(given.as_known_at, where="--as-known-at")
            if known_by > now + DAY:
                raise InputError(
                    where="--as-known-at", expected="a time that is not in the future", got=given.as_known_at
                )
            began = time.perf_counter()
            train(
                Source(settings.database_url, given.data),
                settings,
                known_by=known_by,
                now=now,
                seed=settings.seed if given.seed is None else given.seed,
                hints=not given.no_hints,
                folds=given.folds,
                curve=not given.no_learning_curve,
            )
            print(f"trained in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    except LeadtimeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; no version was registered", file=sys.stderr)
        return 130
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
    parser.add_argument("--no-learning-curve", action="store_true", help="do not learn from parts of the leads too")
    parser.add_argument("--no-hints", action="store_true", help="do not say what to type next")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
