"""Whom to call under capacity, policy by policy, over worlds and real histories: ``python -m benchmarks.ranking``."""

from __future__ import annotations

import sys

from benchmarks.backtest.runs import over_seeds, parser
from benchmarks.document import put_section
from benchmarks.ranking.compare import SETTINGS, compare, games
from benchmarks.ranking.report import TITLE, section


def main() -> int:
    given = parser("python -m benchmarks.ranking", __doc__).parse_args()
    text = section({name: compare(each) for name, each in over_seeds(given, games).items()}, SETTINGS)
    if given.document:
        put_section(TITLE, text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
