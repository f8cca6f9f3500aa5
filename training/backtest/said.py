"""What a backtest says on the terminal and in MLflow's columns."""

from __future__ import annotations

from model.metrics import Estimate
from training.backtest.days_ahead import sentence
from training.backtest.replay import AHEAD, BEST, DEADLINE_RULE, DELAY, KEPT, ONCE, OWN, READY, TRUTH, WAITED
from training.backtest.report import Findings

NAMES = {
    OWN: "leadtime",
    WAITED: "date_awaited",
    AHEAD: "days_ahead",
    KEPT: "first_date",
    ONCE: "at_once",
    DELAY: "fixed_delay",
    READY: "readiness",
    DEADLINE_RULE: "deadline",
    TRUTH: "truth",
    BEST: "hindsight",
}


def metrics(found: Findings) -> dict[str, float]:
    """The cost by lead of each policy, and what leadtime's calls came to."""
    costs = {f"cost_{NAMES[line.policy]}": line.cost.value for line in found.lines}
    own = next(line for line in found.lines if line.policy == OWN)
    return {
        **costs,
        "wasted_share": own.wasted_share.value,
        "late_share": own.late_share.value,
        "purchases_by_call": own.conversion.value,
        "calls_by_lead": own.calls / own.leads,
        "best_days_ahead": float(found.days_ahead.best),
    }


def summary(found: Findings) -> str:
    above = f"{'more than leadtime':<26}more than days ahead"
    head = f"  {'':<30}{'calls':>7}{'wasted':>8}{'lost':>6}{'cost by lead':>14}   {above}"
    rows = [head]
    for line, ahead in zip(found.lines, found.ahead, strict=True):
        own = "" if line.policy == OWN else _with_limits(line.above)
        more = f"{own:<26}" + ("" if line.policy == AHEAD else _with_limits(ahead.above))
        counts = f"{line.calls:>7,}{line.wasted:>8,}{line.late:>6,}{line.cost.value:>14.2f}"
        rows.append(f"  {line.policy:<30}{counts}   {more}".rstrip())
    leads, missed = len(found.replay.rows.leads), found.charges.missed_days
    began = (
        f"{leads:,} leads, each called at most once; lost: purchases before any call, counted as {missed:g} days late:"
    )
    ended = "Calls would have changed what happened: the report says what a replay cannot know."
    best = sentence(found.days_ahead, found.replay.in_force)
    return "\n".join([began, "", *rows, "", best, ended])


def _with_limits(found: Estimate) -> str:
    return f"{found.value:+.2f} ({found.low:+.2f} to {found.high:+.2f})"
