"""How soon the watch notices a change of the market, and how often it cries wolf: ``python -m benchmarks.watching``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import numpy as np
from scipy.stats import poisson, t

from benchmarks.document import markdown_table, put_section
from benchmarks.watching import oracle
from benchmarks.watching.market import (
    AFTER,
    OFTEN,
    QUIET,
    RARE,
    SCENARIOS,
    STEADY,
    Market,
    base_rate,
    days_until,
    market,
)
from benchmarks.watching.noticed import GIVEN, alarms
from features.events import DAY
from features.sources.simulator import World
from model.scorer import Scorer
from training.progress import stage

TITLE = "Watching: how soon a change of the market is noticed"
TESTS = ("purchases", "deadlines", "channels")
MOST = 182  # days after the change that are looked at
ORACLES: dict[str, tuple[str, Callable[[Market], float]]] = {
    "base rate from 5 to 31 %": ("purchases", oracle.base_rate),
    "a channel dies": ("channels", oracle.channel),
    "deadlines are put off": ("deadlines", oracle.deadlines),
}


def run(seed: int, leads: int, delays: dict[str, list[tuple[float, float]]], false: dict[str, int]) -> None:
    """Add by scenario the days to notice and the earliest possible, by test the false alarms of the quiet market."""
    with stage(f"seed {seed}: no change") as current:
        quiet = market(STEADY, seed, leads)
        for name, found in alarms(quiet, until=quiet.truth.span.end_micros, tests=TESTS).items():
            false[name] += len(found)
        current.note = str(false)
    for name, world in SCENARIOS.items():
        with stage(f"seed {seed}: {name}") as current:
            known: Scorer | None = quiet.scorer if world.buys == STEADY.buys else None
            delays[name].append(_delay(market(world, seed, leads, known), *ORACLES[name]))
            current.note = "{:.0f} days, earliest {:.0f}".format(*delays[name][-1])


def _delay(found: Market, test: str, earliest: Callable[[Market], float]) -> tuple[float, float]:
    told = alarms(found, until=found.changed_at + MOST * DAY, tests=(test,))[test]
    after = [at for at in told if at > found.changed_at]
    return days_until(after[0] if after else None, found.changed_at), earliest(found)


def _mean(values: list[float]) -> str:
    there = np.array([value for value in values if np.isfinite(value)])
    missed = f", {len(values) - len(there)} not noticed" if len(there) < len(values) else ""
    if len(there) < 2:
        return f"{there.mean():.0f}{missed}" if len(there) else f"none of {len(values)}"
    half = float(t.ppf(0.975, len(there) - 1)) * there.std(ddof=1) / np.sqrt(len(there))
    low = max(there.mean() - half, 0.0)
    return f"{there.mean():.0f} ({low:.0f} to {there.mean() + half:.0f}){missed}"


def report(delays: dict[str, list[tuple[float, float]]], false: dict[str, int], seeds: int, leads: int) -> str:
    rows = []
    for name, found in delays.items():
        noticed, earliest = ([pair[i] for pair in found] for i in (0, 1))
        worst = max((value for value in noticed if np.isfinite(value)), default=np.nan)
        rows.append([name, ORACLES[name][0], _mean(noticed), f"{worst:.0f}", _mean(earliest)])
    years = seeds * (AFTER + QUIET) / 365
    quiet = [
        [name, str(n), f"{n / years:.2f}", f"{_upper(n) / years:.2f}", f"{1 / GIVEN.false_alarm_years:.2f}"]
        for name, n in false.items()
    ]
    rates = [base_rate(World("", buys=buys)) for buys in (RARE, OFTEN)]
    return f"""`make bench-watching`: simulated markets of {leads:,} leads a year, {seeds} of each. A (small)
model learns from the first 540 days and is frozen; {QUIET} days later the market changes for good: the purchase hazards
(bought within 90 days of coming in, measured: {100 * rates[0]:.0f} and then {100 * rates[1]:.0f} %), or a source of a
fifth of the leads goes, or of new deadlines 2 in 10 are meant instead of 98 in 100. Watched with the default settings:
purchases and deadlines each week, channels each day. *Earliest*: a likelihood ratio by one who knows the day of the
change, and the true chances of every lead before and after it (or the true rates), at the same level of evidence,
looking every day.

{markdown_table(["change", "test", "days to notice, mean", "at most", "earliest possible"], rows)}

A changed habit can be seen only when the first deadlines that were declared after the change come due. A week has to be
over before its purchases are counted, and up to a quarter more or less counts as no change: both are in what lies
between the two columns.

Without any change, {years:.0f} years altogether by the frozen models:

{markdown_table(["test", "false alarms", "a year", "95 % upper limit", "promised at most"], quiet)}
"""


def _upper(n: int) -> float:
    """The largest Poisson mean with which so few are not rarer than 5 %."""
    grid = np.linspace(0, 3 * n + 10, 20_001)
    return float(grid[poisson.cdf(n, grid) > 0.05].max())


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.watching", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="markets of each kind (%(default)s)")
    parser.add_argument("--leads", type=int, default=1_500, help="leads a year (%(default)s)")
    parser.add_argument("--document", action="store_true", help="write docs/benchmarks.md")
    given = parser.parse_args()
    delays: dict[str, list[tuple[float, float]]] = {name: [] for name in SCENARIOS}
    false, body = dict.fromkeys(TESTS, 0), ""
    for seed in range(1, given.seeds + 1):
        run(seed, given.leads, delays, false)
        body = report(delays, false, seed, given.leads)
        body += f"\n{time.process_time():.0f} s of CPU time.\n"
        if given.document:  # after each, so that who stops it has what there is
            put_section(TITLE, body)
    print(body)
    return 0


if __name__ == "__main__":
    sys.exit(main())
