"""The gate on a simulated market: ``python -m benchmarks.gate``."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.document import markdown_table, put_section
from benchmarks.gate.world import BLOCK, LONGEST, Market, Model, Night, of_another_market, shrunk, train
from features.settings import Settings
from training.gate.judge import compare

TITLE = "The gate: nights without anybody watching"
SIZES, NIGHTS, DECAY = (2, 8), 14, 0.95  # leads a day; share of the effects that is left each night
BEGIN = 400.0  # days of history before the first night
Challenge = Callable[[Market, float, np.random.Generator], Model]
WORSE: dict[str, Challenge] = {
    "without the strongest feature": lambda market, until, rng: train(market, until, rng, without=0),
    "without the second": lambda market, until, rng: train(market, until, rng, without=1),
    "purchases dated 20 days too early": lambda market, until, rng: train(market, until, rng, shift=20.0),
    "half of each effect": lambda market, until, rng: shrunk(train(market, until, rng), 0.5),
    "learned in another market": lambda market, until, rng: of_another_market(train(market, until, rng)),
}


@dataclass
class Told:
    """What became of some nights."""

    nights: int = 0
    refused: int = 0
    because: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        """The share with its interval (Wilson's, 95 %)."""
        z, n, p = 1.96, self.nights, self.refused / self.nights
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        reach = z / (1 + z * z / n) * float(np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)))
        return f"{100 * p:.0f} % ({100 * (middle - reach):.0f} to {100 * (middle + reach):.0f})"


def decide(night: Night, own: Model, serving: Model, best: Model | None, told: Told) -> tuple[bool, bool]:
    """Whether ``own`` passes, and whether it is shown to be better than the best so far."""
    duels = [night.duel(own, serving)] + ([] if best is None else [night.duel(own, best, rival="the best so far")])
    checks, better = compare(duels, night.segments(), Settings())
    failed = [check.name for check in checks if not check.passed]
    told.nights += 1
    told.refused += bool(failed)
    told.because.update(name.split(",")[0] for name in failed)
    return not failed, better


def nights(market: Market, told: Told, seed: int, *, decay: float = 1.0, remember: bool = True) -> tuple[float, float]:
    """Retrain night after night; the integrated Brier score of what serves in the end, and of the first night's."""
    rng = np.random.default_rng(seed)
    first = serving = train(market, BEGIN - 1 - LONGEST - BLOCK, rng)
    best = first
    for k in range(NIGHTS):
        now = BEGIN + k
        night = Night.at(market, now)
        own = shrunk(train(market, now - LONGEST - BLOCK, rng), decay**k)
        known_best = best if remember and best is not serving else None
        passed, better = decide(night, own, serving, known_best, told)
        if passed:
            serving = own
            best = own if better else best
    last = Night.at(market, BEGIN + NIGHTS)
    return last.ibs(serving), last.ibs(first)


def as_good(times: int) -> str:
    rows = []
    for a_day in SIZES:
        told = Told()
        for seed in range(times):
            nights(Market.of(a_day, BEGIN + NIGHTS, seed), told, seed)
        leads = len(np.unique(Night.at(Market.of(a_day, BEGIN, 0), BEGIN).lead))
        why = ", ".join(f"{name} {count}" for name, count in told.because.most_common()) or "-"
        rows.append((f"{a_day}", f"{leads}", f"{told.nights}", str(told), why))
    return markdown_table(("leads a day", "leads in the newest block", "nights", "refused", "by which checks"), rows)


def worse(times: int) -> str:
    rows = []
    for name, challenge in WORSE.items():
        shares = []
        for a_day in (*SIZES, 30):
            told = Told()
            for seed in range(times):
                market, rng = Market.of(a_day, BEGIN, 1000 + seed), np.random.default_rng(seed)
                until = BEGIN - LONGEST - BLOCK
                decide(Night.at(market, BEGIN), challenge(market, until, rng), train(market, until, rng), None, told)
            shares.append(str(told))
        rows.append((name, *shares))
    return markdown_table(("challenger", *(f"refused at {a_day} leads a day" for a_day in (*SIZES, 30))), rows)


def steps_down(times: int) -> str:
    rows = []
    for label, remember in (("against the serving model alone", False), ("against the best so far, too", True)):
        told, lost = Told(), []
        for seed in range(times):
            ended, began = nights(Market.of(8, BEGIN + NIGHTS, 2000 + seed), told, seed, decay=DECAY, remember=remember)
            lost.append(100 * (ended / began - 1))
        rows.append((label, str(told), f"{np.mean(lost):+.1f} % ({min(lost):+.1f} to {max(lost):+.1f})"))
    return markdown_table(("held", "nights refused", "integrated Brier score in the end"), rows)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate", description=__doc__)
    parser.add_argument("--times", type=int, default=8, help="markets for each row (%(default)s)")
    parser.add_argument("--dry", action="store_true", help="print, and leave docs/benchmarks.md as it is")
    given = parser.parse_args(argv)
    body = f"""`python -m benchmarks.gate`. A simulated market of constant rates and models that are exponential \
regressions, each on leads drawn anew, so that two of one night differ by chance. Default settings of `[gate]`; eight \
segments; horizons 7, 30 and 90 days.

As good: {given.times} markets of {NIGHTS} nights each, retrained every night, promoted where the gate lets it.

{as_good(given.times)}

Worse on purpose: one night in {given.times} markets each, against a model that was trained as it should be.

{worse(given.times)}

Small steps down: each night the new model has lost {100 * (1 - DECAY):.0f} % more of its effects, {NIGHTS} nights, 8 \
leads a day, {max(2, given.times // 2)} markets. The last column is how much worse what serves in the end is than what \
served at first, on the same block (mean, least and most).

{steps_down(max(2, given.times // 2))}
"""
    print(body)
    if not given.dry:
        put_section(TITLE, body)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
