"""How many days before the date to call on a handoff would have cost least, beside the rule that is in force."""

from __future__ import annotations

from dataclasses import dataclass

from model.metrics import Estimate
from model.replay import policies
from model.replay.account import Charges, settle
from model.replay.choose import WITHIN
from model.replay.compare import compare
from training.backtest.replay import OWN, Replay


@dataclass(frozen=True)
class DaysAhead:
    """``best``: the cheapest of ``WITHIN``; ``near``: those that the interval (95 %, paired by lead) does not tell
    apart from it; ``cost`` a lead, and how much it is ``above`` the rule in force.
    """

    best: int
    near: tuple[int, ...]
    cost: Estimate
    above: Estimate


def days_ahead(replayed: Replay, charges: Charges, *, seed: int) -> DaysAhead:
    """On the leads that were replayed, all of them known to the end: no rule of the past could choose better."""
    value = replayed.looks.value
    results = {OWN: settle(replayed.rows, replayed.plans[OWN], charges, value)}
    for days in WITHIN:
        results[str(days)] = settle(replayed.rows, policies.due(replayed.looks.day, days), charges, value)
    best = min(WITHIN, key=lambda days: float(results[str(days)].cost.sum()))
    beside = {line.policy: line for line in compare(results, own=str(best), seed=seed)}
    own = next(line for line in compare(results, own=OWN, seed=seed) if line.policy == str(best))
    near = tuple(days for days in WITHIN if days == best or beside[str(days)].above.low <= 0)
    return DaysAhead(best, near, own.cost, own.above)


def sentence(found: DaysAhead, in_force: int | None) -> str:
    """For the terminal and the report."""
    rule = "the rule of handoffs" if in_force is None else f"handoff_days_ahead = {in_force}"
    least, most = min(found.near), max(found.near)
    near = "" if least == most else f" ({least} to {most} are as good as far as these leads tell)"
    more, low, high = found.above.value, found.above.low, found.above.high
    return (
        f"In hindsight handoff_days_ahead = {found.best} would have cost least{near}: {found.cost.value:.2f} a lead, "
        f"{more:+.2f} ({low:+.2f} to {high:+.2f}) beside {rule}."
    )
