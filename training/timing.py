"""What the call dates would have cost on the newest block, beside calling at once and after a fixed delay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from model.curves import Curves, Float
from model.decision import call_days, decide, realised_cost
from model.examples import Examples
from model.metrics import Estimate, bootstrap_means, interval, ipcw
from model.scorer import Scorer
from training.measuring import known_values

MODEL, AT_ONCE, FIXED, NEVER = "model", "at once", "fixed delay", "never"


@dataclass(frozen=True)
class Timing:
    """``cost``: of each policy, the mean of a lead at one look, in the currency of the costs. ``saved``: that of each
    other policy less that of the model, paired by lead. ``delay``: days of the fixed delay, chosen on earlier leads.
    """

    cost: Mapping[str, Estimate]
    saved: Mapping[str, Estimate]
    delay: int

    def metrics(self) -> dict[str, float]:
        own = self.cost[MODEL]
        found = {"timing_cost": own.value, "timing_cost_low": own.low, "timing_cost_high": own.high}
        for name in (AT_ONCE, FIXED):
            found[f"timing_cost_{name.replace(' ', '_')}"] = self.cost[name].value
        return found


def timing(scorer: Scorer, curves: Curves, test: Examples, calibrate: Examples, *, seed: int = 0) -> Timing:
    """``curves``: of ``test``. Every row counts as one decision, taken at its as-of time and kept. A row that is
    censored before the longest horizon has no weight, the others their share (IPCW).
    """
    longest = float(scorer.horizons[-1])
    decision = decide(curves, scorer.costs, _values(scorer, test))
    delay = _best_delay(scorer, calibrate, longest)
    always, none = np.ones(len(test), dtype=bool), np.zeros(len(test), dtype=bool)
    plans = {
        MODEL: (decision.call, decision.day),
        AT_ONCE: (always, np.zeros(len(test))),
        FIXED: (always, np.full(len(test), float(delay))),
        NEVER: (none, np.zeros(len(test))),
    }
    weight = ipcw(test.duration, test.outcome, [longest]).weight[:, 0]
    costs = [
        realised_cost(*plan, test.duration, test.outcome, scorer.costs, longest=longest, value=_values(scorer, test))
        for plan in plans.values()
    ]
    table = np.column_stack([*(weight * cost for cost in costs), weight])
    draws, means = bootstrap_means(table, test.lead_ids.astype(str), seed=seed), table.mean(axis=0)
    draws, means = draws[:, :-1] / draws[:, -1:], means[:-1] / means[-1]
    return Timing(
        cost={name: interval(means[j], draws[:, j]) for j, name in enumerate(plans)},
        saved={name: interval(means[j] - means[0], draws[:, j] - draws[:, 0]) for j, name in enumerate(plans) if j},
        delay=delay,
    )


def _best_delay(scorer: Scorer, earlier: Examples, longest: float) -> int:
    """The whole number of days after the look that cost least on earlier leads."""
    weight = ipcw(earlier.duration, earlier.outcome, [longest]).weight[:, 0]
    always, value = np.ones(len(earlier), dtype=bool), _values(scorer, earlier)
    totals = [
        weight
        @ realised_cost(
            always,
            np.full(len(earlier), day),
            earlier.duration,
            earlier.outcome,
            scorer.costs,
            longest=longest,
            value=value,
        )
        for day in call_days(longest)
    ]
    return int(np.argmin(totals))


def _values(scorer: Scorer, rows: Examples) -> Float | None:
    return known_values(scorer, rows.features[list(scorer.catalogue.names)])
