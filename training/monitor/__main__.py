"""Is the serving model still right? ``python -m training.monitor`` (docs/watching.md).

Exit code 0: fine, or something to look at; 1: train anew; 2: the watch itself failed.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import orjson

from features.events import DAY, to_iso
from features.history import History
from features.settings import Settings, load_settings
from features.store import Store
from features.store.monitoring import Result, asked_anew, kept_forecasts, put_result
from model.scorer import Scorer
from model.watching.forecasts import STEP
from model.watching.verdict import RETRAIN
from training import train
from training.ending import exit_code
from training.inputs import Source, moment_known
from training.monitor.keep import keep
from training.monitor.look import Look, look
from training.monitor.material import Material
from training.monitor.reference import Reference, reference
from training.monitor.said import summary
from training.progress import stage
from training.tracking import Tracking


def monitor(source: Source, settings: Settings, *, model: str | None, known_by: int, now: int) -> Look:
    """The whole job. Without ``model`` the serving one is watched, and what was found is kept in the store.

    InputError where there is no model, or nothing to hold it against.
    """
    with stage("load the model") as loading:
        tracking = Tracking(settings.mlflow_tracking_uri, model_name=settings.model_name)
        registered = tracking.find(model or settings.model_alias)
        files = tracking.load(model or settings.model_alias)
        scorer = Scorer.from_files(files, trusted=settings.estimator.trusts, costs=settings.costs)
        loading.note = f"version {registered}, {scorer.version}"
    with stage("read the log") as reading:
        history = History.from_table(source.events(known_by=known_by, now=now))
        reading.note = f"{history.n_events:,} events of {history.n_leads:,} leads"
    data = Material.of(history, scorer, known_by)
    stored = source.data is None and model is None and known_by == now
    kept, since, compared = {}, 0, Reference(data.learned_until, known_by, data.learned_until)
    if stored:
        with Store.open(settings.database_url) as store, store.reading() as connection:
            since = asked_anew(connection, str(registered)) or 0
            kept = kept_forecasts(connection, known_by - settings.monitor.weeks * STEP * DAY)
            compared = reference(
                connection,
                str(registered),
                learned_until=data.learned_until,
                now=known_by,
                weeks=settings.monitor.weeks,
            )
        data = replace(data, reference=compared.until)
    with stage("hold it against what came") as looking:
        found = look(data, settings.monitor, kept, since=since, seed=settings.seed)
        looking.note = f"{len(found.weeks.begins)} weeks, {found.replayed} of them replayed"
    result = found.to_json(at=known_by, model_version=scorer.version) | compared.to_json()
    if stored:  # before what a registry that takes no run would keep from being kept
        with stage("keep"), Store.open(settings.database_url) as store:
            keep(store, data, kept, forget_before=known_by - settings.monitor.weeks * STEP * DAY)
            with store.writing() as connection:
                put_result(connection, Result(known_by, str(registered), scorer.version, found.verdict, result))
    try:
        with stage("log"), tracking.run(f"monitor {to_iso(known_by)[:10]}") as run:
            run.log(
                params={"source": source, "model": registered, "model_version": scorer.version},
                metrics=found.metrics(),
                tags={"job": "monitor", "verdict": found.verdict, "why": found.why[:500]},
            )
            run.files("monitor", {"result.json": orjson.dumps(result, option=orjson.OPT_INDENT_2)})
    finally:
        print(f"\n{summary(found)}")
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.monitor",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="look at a folder of tables; nothing is kept")
    parser.add_argument("--model", metavar="ALIAS", help="alias or version to watch instead of the serving one")
    parser.add_argument("--as-known-at", metavar="TIME", help="look at what was known then; nothing is kept")
    parser.add_argument("--retrain", action="store_true", help="train anew when that is what is to be done")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(argv)
    try:
        return _ended(given)
    except Exception:  # noqa: BLE001 - whatever it is: Python's own exit code for it is that of "train anew"
        traceback.print_exc()
        return 2


def _ended(given: argparse.Namespace) -> int:
    verdicts: list[str] = []
    code = exit_code(lambda: verdicts.append(_watch(given)), interrupted="look again: python -m training.monitor")
    if code or verdicts != [RETRAIN]:
        return code
    if not given.retrain:
        return 1
    print("\nTraining anew\n")
    where = [] if given.data is None else ["--data", str(given.data)]
    when = [] if given.as_known_at is None else ["--as-known-at", given.as_known_at]
    return train.main([*where, *when, "--no-hints"])


def _watch(given: argparse.Namespace) -> str:
    now = time.time_ns() // 1000
    settings = load_settings()
    known_by = moment_known(given.as_known_at, now=now)
    source = Source(settings.database_url, given.data)
    return monitor(source, settings, model=given.model, known_by=known_by, now=now).verdict


if __name__ == "__main__":
    sys.exit(main())
