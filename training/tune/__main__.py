"""Look for parameters that predict better than those in force: ``python -m training.tune``."""

from __future__ import annotations

import argparse
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from features.errors import InputError
from features.events import to_iso
from features.settings import SETTINGS_FILE, load_settings
from training.ending import exit_code
from training.inputs import Source, moment_known, seed_asked
from training.tune.job import Asked, tune
from training.tune.settings_file import as_block, put


def same_again(asked: Asked, data: Path | None) -> str:
    """The command that goes on with this search, whatever has been recorded since."""
    where = "" if data is None else f" --data {shlex.quote(str(data))}"
    return (
        f"python -m training.tune{where} --as-known-at {to_iso(asked.known_by)} --seed {asked.seed} "
        f"--folds {asked.folds} --trials {asked.trials} --minutes {asked.minutes:g} --jobs {asked.jobs}"
    )


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m training.tune", description=__doc__)
    parser.add_argument("--data", type=Path, metavar="DIR", help="learn from a folder of tables instead of the store")
    parser.add_argument(
        "--as-known-at", metavar="TIME", help="learn from what was known then instead of now (ISO 8601)"
    )
    parser.add_argument("--seed", type=int, help="of the examples and the fits; another makes another study")
    parser.add_argument("--minutes", type=float, default=30.0, help="begin no trial after that (default %(default)g)")
    parser.add_argument("--trials", type=int, default=100, help="of all starts together (default %(default)s)")
    parser.add_argument("--jobs", type=int, default=1, help="processes, each with one thread (default %(default)s)")
    parser.add_argument("--folds", type=int, default=3, help="blocks of the past to judge by (default %(default)s)")
    parser.add_argument(
        "--write", action="store_true", help=f"put what was found into {SETTINGS_FILE}, if it is better"
    )
    given = parser.parse_args(argv)
    kept = "the trials that had ended are kept, the same command goes on"
    return exit_code(lambda: _search(given), interrupted=kept)


def _search(given: argparse.Namespace) -> None:
    now = time.time_ns() // 1000
    for option, least in (("minutes", 0), ("trials", 1), ("jobs", 1), ("folds", 1)):
        if getattr(given, option) < least:
            raise InputError(where=f"--{option}", expected=f"{least} or more", got=str(getattr(given, option)))
    settings = load_settings()
    asked = Asked(
        known_by=moment_known(given.as_known_at, now=now),
        now=now,
        seed=seed_asked(given.seed, settings),
        minutes=given.minutes,
        trials=given.trials,
        jobs=given.jobs,
        folds=given.folds,
    )
    result = tune(Source(settings.database_url, given.data), settings, asked)
    print(f"\n{result.said}")
    if result.better and given.write:
        put(Path(SETTINGS_FILE), result.searched)
        print(f"\nWritten to {SETTINGS_FILE}. python -m training.train makes a model with it.")
    elif result.better:
        print(f"\nTo use it, put this into {SETTINGS_FILE} (or start again with --write):\n")
        print(as_block(result.searched))
    print(f"\nTo go on with this search: {same_again(asked, given.data)}")


if __name__ == "__main__":
    sys.exit(main())
