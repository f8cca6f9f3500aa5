"""The section of docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.backtest.outcomes import Pooled
from benchmarks.backtest.rules import (
    AHEAD,
    BEST,
    CHOSEN,
    DAYS_AHEAD,
    DEADLINE,
    DELAY,
    FULL,
    NOW,
    ONCE,
    READY,
    SETTINGS,
    TRUE_AHEAD,
    TRUE_NOW,
    days_ahead,
)
from benchmarks.document import markdown_table
from model.metrics import Estimate

TITLE = "Backtest: when to call"
OLD = days_ahead(21)
ROWS = (NOW, FULL, CHOSEN, OLD, AHEAD, ONCE, DELAY, READY, DEADLINE, TRUE_NOW, TRUE_AHEAD, BEST)
ABOUT = """`make bench-backtest` (`python -m benchmarks.backtest`). Leads that came in during the first half of a replay
are looked at day by day, scored by a model of what was known before it began, and each rule calls each lead at most
once. {sizes}. `bpic2012`: loan applications, longest horizon 30 days; `online_retail`: waits for the next
purchase, 90 days, as the four simulated worlds. In these two no sales calls are recorded. The model learns from a
third of the accounts; constants that are *chosen* are those that would have cost least on the other leads of the past.
A purchase before any call counts as a call that comes by the longest horizon too late (as never calling does in
decision 6), or 30 or 14 days too late. A lead that still waits when the replay ends costs nothing; a table shows
the other end, that it is called then. Figures are costs a lead, with intervals by drawing seeds and then leads with
replacement (95 %).

- *waiting costs more*: calls when no later day, nor never calling, costs less than a call today, a purchase before the
  call counted as missed (`model/decision/stopping.py`, what the service does). A miss is weighed by two thirds, and
  by no more than a third of the horizon; *in full*: by all of it; *chosen*: by the share that was cheapest on the past.
- *days ahead*: calls when the date of least expected cost, made anew each day, lies at most so many days ahead.
- *by the truth*: the same two by the simulator's curves given what the tables show.
- *hindsight* knows what will become of the lead: it costs least by construction.

How a miss is weighed was found on the first seed of each dataset (half of it at first, two thirds after a look at
others), so the rule is a little flattered here."""
_SWEEP = """The cost a lead when calls begin so many days before the date of least expected cost, beside *waiting costs
more*. In bold the cheapest number of days, with a star those that the interval does not tell apart from it."""


def section(pooled: Mapping[str, Sequence[Pooled]]) -> str:
    sizes = [f"`{name}`: {found[0].leads:,} leads of {len(found[0].chosen)} seeds" for name, found in pooled.items()]
    parts = [
        ABOUT.format(sizes=", ".join(sizes)),
        "### What others cost more than waiting costs more",
        _against(pooled),
    ]
    for k, setting in enumerate(SETTINGS):
        parts += [f"### {setting.title}", _costs({name: found[k] for name, found in pooled.items()})]
    parts += ["### How many days ahead", _SWEEP, _sweep(pooled)]
    parts += ["### If those who still wait were called on the last day", _pressed(pooled)]
    parts += ["### Chosen on the past", _chosen(pooled)]
    return "\n\n".join(parts)


def _against(pooled: Mapping[str, Sequence[Pooled]]) -> str:
    rows = []
    for k, setting in enumerate(SETTINGS):
        for other in (OLD, ONCE, AHEAD, READY):
            cells = [_shown(found[k].above(other, NOW)) for found in pooled.values()]
            rows.append([f"{setting.title}: {other}", *cells])
    return markdown_table(["cost a lead, above", *pooled], rows)


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
            rows.append([f"{name}: {setting.title}", *cells, f"{one.mean[one.rules.index(NOW)]:.1f}"])
    return markdown_table(["days ahead", *(f"{days}" for days in DAYS_AHEAD), NOW], rows)


def _pressed(pooled: Mapping[str, Sequence[Pooled]]) -> str:
    rows = []
    for k, setting in enumerate(SETTINGS):
        for rule in (NOW, FULL, OLD, AHEAD, ONCE, READY):
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
