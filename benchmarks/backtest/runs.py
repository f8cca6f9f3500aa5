"""What the benchmarks on these histories share: their options, and every dataset with all of its seeds."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from benchmarks.backtest.sources import REAL
from features.sources.simulator import WORLDS
from training.progress import stage

Found = TypeVar("Found")


def parser(prog: str, description: str | None) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog=prog, description=description)
    made.add_argument("--seeds", type=int, default=3, help="of each world and each draw of real leads")
    made.add_argument("--only", nargs="+", choices=(*WORLDS, *REAL), default=[*WORLDS, *REAL], metavar="NAME")
    made.add_argument("--cache", type=Path, metavar="DIR", help="keep and use what was replayed before")
    made.add_argument("--document", action="store_true", help="write docs/benchmarks.md")
    return made


def over_seeds(given: argparse.Namespace, one: Callable[[str, int, Path], Found | None]) -> dict[str, list[Found]]:
    """What ``one`` gives for each dataset and seed; datasets whose files are absent are left out, and that is said."""
    found: dict[str, list[Found]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for name in given.only:
            with stage(name) as current:
                each = [one(name, seed, given.cache or Path(temporary)) for seed in range(1, given.seeds + 1)]
                there = [result for result in each if result is not None]
                if there:
                    found[name] = there
                else:
                    current.note = "skipped: no files under ../shared/data; name that folder with LEADTIME_DATA"
    return found
