"""``python -m features.simulate OUT``: write simulated buyer journeys as interchange tables."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from tqdm import tqdm

from features.errors import InputError, LeadtimeError
from features.sources.simulator.dynamics import Span
from features.sources.simulator.market import WORLDS
from features.sources.simulator.stream import FORMATS, write_simulation

DEFAULT_END = date(2026, 11, 1)
FIRST_END, LAST_END = date(1990, 1, 1), date(2200, 1, 1)
MOST_LEADS = 10**8  # lead ids have eight digits


def _date(text: str) -> date:
    try:
        day: date | None = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or not FIRST_END <= day <= LAST_END:
        raise InputError(where="--end", expected=f"a date from {FIRST_END} to {LAST_END}", got=repr(text))
    return day


def _within(option: str, value: int, low: int, high: int) -> int:
    if not low <= value <= high:
        raise InputError(where=option, expected=f"a number from {low} to {high}", got=str(value))
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m features.simulate", description=__doc__)
    parser.add_argument("out", type=Path, help="folder to write leads, events, outcomes and spend into")
    parser.add_argument("--leads", type=int, default=5000, help="how many (default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same journeys")
    parser.add_argument("--end", default=DEFAULT_END.isoformat(), help="the first day not simulated (%(default)s)")
    parser.add_argument("--days", type=int, default=540, help="length of the calendar (default %(default)s)")
    parser.add_argument(
        "--world",
        choices=sorted(WORLDS),
        default="rich",
        help="; ".join(f"{w.name}: {w.describe}" for w in WORLDS.values()),
    )
    parser.add_argument("--format", choices=FORMATS, default="parquet", dest="file_format")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; 0 when done, 2 when the input cannot be used."""
    args = _parser().parse_args(argv)
    try:
        leads = _within("--leads", args.leads, 1, MOST_LEADS)
        span = Span(_date(args.end), _within("--days", args.days, 30, 3650))
        with tqdm(total=leads, unit=" leads", desc="simulating") as bar:
            rows = write_simulation(
                args.out,
                leads=leads,
                seed=args.seed,
                world=WORLDS[args.world],
                span=span,
                file_format=args.file_format,
                advance=bar.update,
            )
    except (LeadtimeError, OSError) as error:
        print(f"simulate: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("simulate: interrupted; the tables are not whole", file=sys.stderr)
        return 130
    print(f"{args.out}: " + ", ".join(f"{count:,} {name}" for name, count in rows.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
