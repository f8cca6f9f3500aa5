"""When to call, rule by rule, over worlds, seeds, costs and real histories: ``python -m benchmarks.backtest``."""

from __future__ import annotations

import sys

from benchmarks.backtest.outcomes import Pooled, outcomes
from benchmarks.backtest.report import TITLE, section
from benchmarks.backtest.runs import over_seeds, parser
from benchmarks.document import put_section


def main() -> int:
    given = parser("python -m benchmarks.backtest", __doc__).parse_args()
    found = over_seeds(given, outcomes)
    text = section(
        {name: [Pooled.of(list(seeds)) for seeds in zip(*each, strict=True)] for name, each in found.items()}
    )
    if given.document:
        put_section(TITLE, text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
