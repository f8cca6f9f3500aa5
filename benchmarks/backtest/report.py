"""The section of docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.backtest.outcomes import Pooled
from benchmarks.backtest.rules import (
    AHEAD,
    BEST,
    DAYS_AHEAD,
    DEADLINE,
    DELAY,
    HALF,
    NOW,
    ONCE,
    PATIENT,
    READY,
    SETTINGS,
    THIRD,
    TRUE_AHEAD,
    TRUE_NOW,
    days_ahead,
)
from benchmarks.document import markdown_table
from model.metrics import Estimate

TITLE = "Backtest: when to call"
OWN = HALF  # the rule of the service
OLD = days_ahead(21)
ROWS = (HALF, NOW, PATIENT, OLD, AHEAD, ONCE, DELAY, READY, DEADLINE, TRUE_NOW, TRUE_AHEAD, BEST)
ABOUT = """`make bench-backtest` (`python -m benchmarks.backtest`). Leads that came in during the first half of a replay are
looked at day by day, scored by a model of what was known before it began, and each rule calls each lead at most once.
Simulated worlds: {simulated}; `bpic2012`: applications, horizon 30 days; `online_retail`: waits for the next purchase, 90 days. In
these two nobody's sales calls are recorded. The model learns from a third of the accounts, constants that are *chosen* are those
that would have cost least on the other leads of the past. A purchase before any call is counted in three ways: as a call so late as the
longest horizon (how not calling is weighed, decision 6), 30 or 14 days late. A lead that still waits when the replay ends
costs nothing; a table shows the other end, that it is called then. Figures are costs a lead, by drawing seeds and then leads
with replacement (95 %).

*Waiting costs more*: call when no later day, and never calling, costs less than calling today, a purchase before the call counted
as missed (`model/decision/stopping.py`); with a miss weighed at all, half or a third of its cost, or at the best share on the past.
*N days ahead*: call when the date of least expected cost, made anew each day, lies at most so many days ahead.
*By the truth*: with the simulator's curves given what the tables show. *Hindsight* knows what will become of the lead."""


def section(pooled: Mapping[str, Sequence[Pooled]]) -> str:
    sizes = [f"`{name}` {found[0].leads:,} leads in {len(found[0].chosen)} seeds" for name, found in pooled.items()]
    parts = [ABOUT.format(simulated=", ".join(sizes))]
    parts += ["### What the rule of the service saves\n", _against(pooled)]
    for k, setting in enumerate(SETTINGS):
        parts += [f"### {setting.title}", _costs({name: found[k] for name, found in pooled.items()})]
    parts += ["### How many days ahead", _SWEEP, _sweep(pooled)]
    parts += ["### If those who still wait were called on the last day", _pressed(pooled)]
    parts += ["### Chosen on the past", _chosen(pooled)]
    return "\n\n".join(parts)


_SWEEP = """The cost a lead when calls begin so many days before the date, and the share of a miss at which *waiting costs more*
is cheapest on the past. In bold the cheapest number of days; with a star those that the interval does not tell apart from it."""


def _against(pooled: Mapping[str, Sequence[Pooled]]) -> str:
    rows = []
    for k, setting in enumerate(SETTINGS):
        for other in (OLD, ONCE, AHEAD, READY):
            cells = [_shown(found[k].above(other, OWN)) for found in pooled.values()]
            rows.append([f"{setting.title}: {other}", *cells])
    return markdown_table([f"costs more than *{OWN}*", *pooled], rows)


def _costs(pooled: Mapping[str, Pooled]) -> str:
    rows = []
    for rule in ROWS:
        cells = [_shown(p.cost(rule)) if rule in p.rules else "" for p in pooled.values()]
        rows.append([rule, *cells])
    return markdown_table(["cost a lead", *pooled], rows)


def _sweep(pooled: Mapping[str, Sequence[Pooled]]) -> str:
    names = [days_ahead(days) for days in DAYS_AHEAD]
    rows = []
    for name, found in pooled.items():
        for k, setting in enumerate(SETTINGS):
            one = found[k]
            best = min(names, key=lambda rule: one.mean[one.rules.index(rule)])
            cells = []
            for rule in names:
                text = f"{one.mean[one.rules.index(rule)]:.1f}"
                near = one.above(rule, best).low <= 0
                cells.append(f"**{text}**" if rule == best else f"{text}*" if near else text)
            shares = ", ".join(f"{chosen['share']:g}" for chosen in one.chosen)
            rows.append([f"{name}: {setting.title}", *cells, f"{one.mean[one.rules.index(OWN)]:.1f}", shares])
    return markdown_table(["days ahead", *(f"{days}" for days in DAYS_AHEAD), OWN, "shares chosen"], rows)


def _pressed(pooled: Mapping[str, Sequence[Pooled]]) -> str:
    rows = []
    for k, setting in enumerate(SETTINGS):
        for rule in (HALF, NOW, THIRD, OLD, AHEAD, ONCE, READY):
            cells = [f"{found[k].pressed[found[k].rules.index(rule)]:.2f}" for found in pooled.values()]
            rows.append([f"{setting.title}: {rule}", *cells])
    return markdown_table(["cost a lead", *pooled], rows)


def _chosen(pooled: Mapping[str, Sequence[Pooled]]) -> str:
    rows = []
    for name, found in pooled.items():
        for k, setting in enumerate(SETTINGS):
            each = found[k].chosen
            cells = [", ".join(f"{c[key]:g}" for c in each) for key in ("share", "ahead", "delay", "readiness")]
            rows.append([f"{name}: {setting.title}", *cells])
    return markdown_table(["by seed", "share of a miss", "days ahead", "days of delay", "readiness"], rows)


def _shown(figure: Estimate) -> str:
    return f"{figure.value:.1f} ({figure.low:.1f} to {figure.high:.1f})"
