"""The report on what handing over brings, as it is answered."""

from __future__ import annotations

from typing import Any

from model.measurement.handoff_lift import Arms, Compared, Plan, compare, plan
from model.metrics.bootstrap import Estimate
from serving.measurement.rows import finite

Answer = dict[str, Any]
ASSUMED = 0.1  # the share that a plan is made for where none is set


def lift(both: Arms, horizons: tuple[int, ...], hoped: float, share: float) -> Answer:
    """``share``: held out by the settings now."""
    found = compare(both, horizons)
    latest = float(both.share[both.at.argmax()]) if len(both) else share or ASSUMED
    wanted = [horizon for horizon in horizons if len(both) and both.followed.max() >= horizon]
    needed = plan(both, wanted[-1], hoped, latest) if wanted else None
    kept = both.held_out
    return {
        "said": _said(both, share, bool(found)),
        "leads_handed_over": int((~kept).sum()),
        "leads_held_out": int(kept.sum()),
        "called_handed_over": int((~kept & both.called).sum()),
        "called_held_out": int((kept & both.called).sum()),
        "plan": None if needed is None else _plan(needed, both),
        "rows": [_row(one) for one in found],
    }


def _said(both: Arms, share: float, found: bool) -> str | None:
    if found:
        return None
    if not both.held_out.any():
        remedy = "the next windows that open are drawn" if 0 < share < 1 else "set handoff_holdout, for instance to 0.1"
        return f"nothing held out yet: {remedy}"
    if both.held_out.all():
        return "nobody was handed over in this period, so there is nothing to hold the held out leads against"
    return "no lead of both groups was followed for the shortest horizon yet"


def _plan(needed: Plan, both: Arms) -> Answer:
    weeks = max(float(both.followed.max()) / 7, 1.0)
    missing = max(needed.needed - len(both), 0)
    return {
        "hoped": needed.hoped,
        "horizon": needed.horizon,
        "share": needed.share,
        "base_rate": finite(needed.base_rate),
        "openings_needed": needed.needed,
        "openings_followed": needed.followed,
        "openings_still_needed": needed.still_needed,
        "weeks": round(missing / (len(both) / weeks), 1),
    }


def _row(one: Compared) -> Answer:
    return {
        "measure": one.measure,
        "horizon": one.horizon,
        **_within("handed_over", one.handed_over),
        **_within("held_out", one.held_out),
        **_within("difference", one.difference),
        **_within("ratio", one.ratio),
        "p": round(one.p, 4),
    }


def _within(name: str, found: Estimate | None) -> Answer:
    value, low, high = (None, None, None) if found is None else (found.value, found.low, found.high)
    return {name: finite(value), f"{name}_low": finite(low), f"{name}_high": finite(high)}
