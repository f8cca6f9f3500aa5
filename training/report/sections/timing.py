"""What the call dates would have cost."""

from __future__ import annotations

from training.report.parts import Figure, Section, Table, number, number_range
from training.report.svg import Row, intervals
from training.timing import AT_ONCE, FIXED, MODEL, NEVER, Timing

_EXPLAINED = (
    "Every look counts as one decision, taken then and kept; in use, dates are decided anew each day. "
    "python -m training.backtest replays that."
)


def timing_section(found: Timing) -> Section:
    names = {
        MODEL: "the model\u2019s dates",
        AT_ONCE: "calling at once",
        FIXED: f"calling after {found.delay} days",
        NEVER: "never calling",
    }
    drawn = {k: e for k, e in found.cost.items() if k != NEVER}  # which costs so much that all others would look alike
    rows = [Row(names[k], e.value, e.low, e.high, "s1" if k == MODEL else "s2") for k, e in drawn.items()]
    said = "; ".join(f"{row.name} {number(row.value)} ({number(row.low)} to {number(row.high)})" for row in rows)
    figure = Figure(
        "Cost of calling too early, too late or in vain",
        "The further left, the less a lead costs on average by the costs in the settings; the fixed delay is the one "
        "that was cheapest on earlier leads.",
        (
            intervals(
                rows, lambda v: number(v, 1), title="cost of a lead at one look", alt=f"Mean cost: {said}.", wide=180
            ),
        ),
        table=Table(
            "Mean cost of a lead at one look, and what the model saves against it (paired by lead)",
            ("policy", "cost", "95\u202f% interval", "saved by the model", "95\u202f% interval"),
            tuple(
                (
                    names[k],
                    number(e.value),
                    number_range(e),
                    number(found.saved[k].value) if k in found.saved else "",
                    number_range(found.saved[k]) if k in found.saved else "",
                )
                for k, e in found.cost.items()
            ),
        ),
    )
    return Section(
        "timing",
        "Timing cost",
        (_EXPLAINED,),
        (figure,),
    )
