"""Whom to call under capacity, policy by policy, over worlds and real histories: ``python -m benchmarks.ranking``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.backtest.sources import REAL
from benchmarks.document import put_section
from benchmarks.ranking.compare import SETTINGS, Compared, compare, games
from benchmarks.ranking.report import TITLE, section
from features.sources.simulator import WORLDS
from training.progress import stage


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ranking", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="of each world and each draw of real leads")
    parser.add_argument("--only", nargs="+", choices=(*WORLDS, *REAL), default=[*WORLDS, *REAL], metavar="NAME")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="keep and use what was replayed before")
    parser.add_argument("--document", action="store_true", help="write docs/benchmarks.md")
    given = parser.parse_args()
    compared: dict[str, Compared] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for name in given.only:
            with stage(name) as current:
                found = [games(name, seed, given.cache or Path(temporary)) for seed in range(1, given.seeds + 1)]
                there = [each for each in found if each is not None]
                if there:
                    compared[name] = compare(there)
                else:
                    current.note = "skipped: no files under ../shared/data; name that folder with LEADTIME_DATA"
    text = section(compared, SETTINGS)
    if given.document:
        put_section(TITLE, text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
