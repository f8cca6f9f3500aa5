"""Every figure in which another method is ahead of the product."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.prediction.cells import number, signed
from benchmarks.prediction.measure import TRUTH, Measured
from benchmarks.prediction.product import ABLATIONS, NAME
from benchmarks.prediction.timing import Line
from model.metrics import Estimate

NOTHING_LOST = "In no figure is another method ahead beyond the interval."


def lost(one: Measured) -> list[str]:
    """Lines of text, for what another method is ahead in beyond the paired interval; then what is within it."""
    own = one.own
    if own is None:
        return [f"{NAME} has no answer here"]
    rivals = one.peers
    found = []
    for peer in rivals:
        if peer.worse_by.high < 0:
            found.append(f"{peer.name}: integrated Brier score, {signed(peer.worse_by, 4)}")
        for what, by_horizon in (
            ("AUC", {h: peer.auc_worse_by[h].high < 0 for h in one.horizons}),
            ("expected over observed", {h: peer.ratio_worse_by[h].high < 0 for h in one.horizons}),
            ("calibration index", {h: peer.ici[h] + peer.ici_noise[h] < own.ici[h] for h in one.horizons}),
        ):
            ahead = [h for h, is_ahead in by_horizon.items() if is_ahead]
            if ahead:
                found.append(f"{peer.name}: {what}, {', '.join(map(str, ahead))} days")
    found += _dates(one)
    quicker = [p.name for p in rivals if p.fit_seconds + p.tuning_seconds < own.fit_seconds]
    smaller = [p.name for p in rivals if p.peak_mb < own.peak_mb]
    if quicker:
        found.append(f"tuned and fitted in less time: {', '.join(quicker)}")
    if smaller:
        found.append(f"fitted in less memory: {', '.join(smaller)}")
    return found


def barely(one: Measured) -> list[str]:
    """The same for what is within the interval, where nobody can tell who is ahead."""
    if one.own is None:
        return []
    rivals = one.peers
    scores = [p.name for p in rivals if _within(p.worse_by)]
    found = [f"integrated Brier score: {', '.join(scores)}"] if scores else []
    for h in one.horizons:
        names = [p.name for p in rivals if _within(p.auc_worse_by[h])]
        if names:
            found.append(f"AUC, {h} days: {', '.join(names)}")
    return found


def _within(worse_by: Estimate) -> bool:
    return worse_by.value < 0 <= worse_by.high


def _dates(one: Measured) -> list[str]:
    if one.timing is None:
        return []
    found = []
    tables: list[tuple[str, Sequence[Line], Callable[[float], str]]] = [
        ("timing among purchasers", one.timing.purchasers, lambda x: number(x, 2)),
        ("cost with wasted calls", one.timing.everyone, lambda x: number(x, 2)),
    ]
    for what, lines, shown in tables:
        for line in lines:
            if line.policy in (NAME, TRUTH, *ABLATIONS):
                continue
            ahead = [f"{late:g} ({shown(-gap.value)} less)" for late, gap in line.above.items() if gap.high < 0]
            if ahead:
                found.append(f"{line.policy}: {what}, a day late costing {', '.join(ahead)}")
    return found
