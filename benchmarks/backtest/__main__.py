"""When to call, rule by rule, over worlds, seeds, costs and real histories: ``python -m benchmarks.backtest``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.backtest.outcomes import Pooled, outcomes
from benchmarks.backtest.report import TITLE, section
from benchmarks.backtest.sources import REAL
from benchmarks.document import put_section
from features.sources.simulator import WORLDS
from training.progress import stage


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backtest", description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, help="of each world and each draw of real leads")
    parser.add_argument("--only", nargs="+", choices=(*WORLDS, *REAL), default=[*WORLDS, *REAL], metavar="NAME")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="keep and use what was replayed before")
    parser.add_argument("--document", action="store_true", help="write docs/benchmarks.md")
    given = parser.parse_args()
    pooled = {}
    with tempfile.TemporaryDirectory() as temporary:
        for name in given.only:
            with stage(name) as current:
                found = [outcomes(name, seed, given.cache or Path(temporary)) for seed in range(1, given.seeds + 1)]
                there = [each for each in found if each is not None]
                if not there:
                    current.note = (
                        "skipped: its files are not under ../shared/data; name that folder with LEADTIME_DATA"
                    )
                    continue
                pooled[name] = [Pooled.of(list(each)) for each in zip(*there, strict=True)]
    text = section(pooled)
    if given.document:
        put_section(TITLE, text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
