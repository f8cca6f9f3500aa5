"""What following the dates would have cost and won, on your own past: ``python -m training.backtest``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from features.errors import InputError
from features.events import to_iso
from features.history import History
from features.lives import lead_lives
from features.settings import Settings, load_settings
from model.decision import CallCosts
from model.replay.account import Charges
from training.backtest.calendar import plan
from training.backtest.replay import replay
from training.backtest.report import Findings, html
from training.backtest.said import metrics, summary
from training.backtest.truth import true_curves_of
from training.ending import exit_code
from training.fitting import check_enough
from training.inputs import Source, digest, moment_known, seed_asked
from training.progress import stage
from training.tracking import Tracking

FOLDS, RETRAIN, LEADS = 6, 30, 2_000


def backtest(source: Source, settings: Settings, given: argparse.Namespace, *, known_by: int, now: int) -> Findings:
    """The whole job, on what was known at ``known_by``; InputError where that is too little."""
    seed = seed_asked(given.seed, settings)
    with stage("read the log") as reading:
        position = source.position()
        events = source.events(known_by=known_by, now=now, up_to=position)
        history = History.from_table(events)
        reading.note = f"{history.n_events:,} events of {history.n_leads:,} leads"
    check_enough(lead_lives(history, known_by))
    longest = settings.horizons[-1]
    calendar = plan(history, known_by=known_by, longest=longest, folds=given.folds, retrain_days=given.retrain_days)
    with stage("open the tracking database"):  # before the work that would be in vain without it
        tracking = Tracking(settings.mlflow_tracking_uri, model_name=settings.model_name)
    if given.missed_days is not None:
        costs = settings.costs.model_copy(update={"missed_days": given.missed_days})
        settings = settings.model_copy(update={"costs": costs})
    charges = Charges.of(CallCosts.of(settings.costs), longest=longest)
    replayed = replay(
        events,
        history,
        calendar,
        settings,
        charges,
        step=given.every,
        most_leads=given.leads,
        seed=seed,
        truth=true_curves_of(source.data, longest),
    )
    with stage("compare, draw and log") as logging:
        found = Findings.of(replayed, calendar, charges, source=str(source), seed=seed)
        page = html(found).encode()
        given.out.parent.mkdir(parents=True, exist_ok=True)
        given.out.write_bytes(page)
        with tracking.run(f"backtest {to_iso(calendar.since)[:10]}") as run:
            params = {
                "source": source,
                "log_position": position,
                "seed": seed,
                "since": to_iso(calendar.since),
                "until": to_iso(calendar.until),
                "known_by": to_iso(calendar.known_by),
                "folds": len(calendar.origins),
                "retrain_days": given.retrain_days,
                "every_days": given.every,
                "leads": len(replayed.rows.leads),
                "costs": settings.costs.model_dump_json(),
                "missed_days": charges.missed_days,
            }
            run.log(params=params, metrics=metrics(found), tags={"job": "backtest", "data": digest(events)})
            run.files("backtest", {"report.html": page})
        logging.note = str(given.out)
    print(f"\n{summary(found)}")
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.backtest", description=__doc__)
    parser.add_argument("--data", type=Path, metavar="DIR", help="replay a folder of tables instead of the store")
    parser.add_argument("--out", type=Path, default=Path("var/backtest.html"), help="the report (%(default)s)")
    parser.add_argument("--every", type=_days, default=1, metavar="DAYS", help="between two looks (%(default)s)")
    parser.add_argument("--folds", type=_days, default=FOLDS, help="how often to train, at most (%(default)s)")
    parser.add_argument("--retrain-days", type=_days, default=RETRAIN, help="between two models (%(default)s)")
    parser.add_argument("--leads", type=_days, default=LEADS, help="replayed at most, drawn at random (%(default)s)")
    parser.add_argument(
        "--missed-days",
        type=float,
        metavar="DAYS",
        help="a purchase before any call counts as so many days late; as [costs] say if not given",
    )
    parser.add_argument("--seed", type=int, help="the same data, settings and seed give the same report")
    parser.add_argument("--as-known-at", metavar="TIME", help="replay what was known then instead of now (ISO 8601)")
    return parser


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 10**9:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, got {text!r}")
    return int(text)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; 0 when done, 2 when the input cannot be used."""
    given = _parser().parse_args(argv)
    return exit_code(lambda: _run(given), interrupted="nothing was logged", out=given.out)


def _run(given: argparse.Namespace) -> None:
    now = time.time_ns() // 1000
    if given.missed_days is not None and not 0 <= given.missed_days < float("inf"):
        raise InputError(where="--missed-days", expected="a number of days from 0 on", got=str(given.missed_days))
    settings = load_settings()
    known_by = moment_known(given.as_known_at, now=now)
    began = time.perf_counter()
    backtest(Source(settings.database_url, given.data), settings, given, known_by=known_by, now=now)
    print(f"replayed in {time.perf_counter() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
