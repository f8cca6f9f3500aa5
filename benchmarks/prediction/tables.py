"""The tables of one dataset."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from benchmarks.document import markdown_table
from benchmarks.prediction.cells import NONE, bold, interval_of, number, percent, seconds, signed
from benchmarks.prediction.kept import NOT_APPLICABLE
from benchmarks.prediction.measure import TRUTH, Measured, Scored
from benchmarks.prediction.product import ABLATIONS, NAME
from benchmarks.prediction.timing import Line
from benchmarks.prediction.windows import BANDS, WindowsFound


def in_order(one: Measured) -> list[Scored]:
    """The product, its peers from the best on, its ablations, the truth."""
    names = [NAME, *(peer.name for peer in one.peers), *ABLATIONS, TRUTH]
    return [one.scored[name] for name in names if name in one.scored]


def scores(one: Measured) -> str:
    """Scores, seconds and memory; a row for what failed too."""
    head = [
        "method",
        "IBS",
        "skill",
        f"IBS less {NAME}'s, paired",
        "tuning s",
        "fit s",
        "predict s",
        "peak MB",
        "wrong",
    ]
    if one.simulated:
        head.insert(3, "of the truth")
    rows = []
    for found in in_order(one):
        cells = [
            found.name,
            interval_of(found.ibs, 4),
            percent(found.skill),
            "" if found.name == NAME else bold(signed(found.worse_by, 4), found.worse_by.high < 0),
            seconds(found.tuning_seconds),
            seconds(found.fit_seconds),
            seconds(found.predict_seconds),
            number(found.peak_mb, 0),
            f"{found.wrong:,}",
        ]
        if one.simulated:
            cells.insert(3, percent(one.share_of_truth(found)))
        rows.append(cells)
    # a part that a dataset has no use for is no news; that a peer has none is
    failed = {n: told for n, told in one.failed.items() if n not in ABLATIONS or not told.startswith(NOT_APPLICABLE)}
    rows += [[name, told.replace("|", "/"), *[NONE] * (len(head) - 2)] for name, told in failed.items()]
    return markdown_table(head, rows)


def ranking(one: Measured) -> str:
    rows = []
    for found in in_order(one):
        cells = [
            interval_of(found.auc[h], 3)
            if found.name == NAME
            else bold(number(found.auc[h].value, 3), found.auc_worse_by[h].high < 0)
            for h in one.horizons
        ]
        rows.append([found.name, *cells])
    return markdown_table(["method", *(f"{h} days" for h in one.horizons)], rows)


def reliability(one: Measured) -> str:
    rows = []
    for found in in_order(one):
        ratios = [bold(number(found.ratio[h].value, 2), found.ratio_worse_by[h].high < 0) for h in one.horizons]
        own = one.own
        indices = [
            bold(number(found.ici[h], 4), own is not None and found.ici[h] + found.ici_noise[h] < own.ici[h])
            for h in one.horizons
        ]
        rows.append([found.name, *ratios, *indices])
    head = ["method", *(f"E/O {h} d" for h in one.horizons), *(f"ICI {h} d" for h in one.horizons)]
    any_scored = next(iter(one.scored.values()), None)
    if any_scored is not None:
        noise = [number(any_scored.ici_noise[h], 4) for h in one.horizons]
        rows.append(["(noise alone)", *[""] * len(one.horizons), *noise])
    return markdown_table(head, rows)


def dates(lines: Sequence[Line]) -> str:
    """Costs of ways to choose dates: the product first, then from the cheapest on; last what not every lead allows."""
    if not lines:
        return ""
    first = list(lines[0].cost)
    rows = []
    for line in sorted(lines, key=lambda line: (line.policy != NAME, bool(line.note), line.cost[first[0]].value)):
        cells = []
        for late in first:
            if line.policy == NAME:
                cells.append(interval_of(line.cost[late], 2))
            else:
                gap = line.above[late]
                cells.append(f"{number(line.cost[late].value, 2)}, {bold(signed(gap, 2), gap.high < 0)}")
        rows.append([f"{line.policy} ({line.note})" if line.note else line.policy, *cells])
    return markdown_table(["dates", *(f"late {late:g}" for late in first)], rows)


def windows(found: Sequence[tuple[str, WindowsFound]]) -> str:
    bands = [f"{low} to {high}" for low, high in pairwise(BANDS)]
    head = ["dataset", "purchasers", "with a window", "coverage", *bands, "width, days", "interval score"]
    rows = []
    for name, w in found:
        by_band = [
            f"{percent(band, 0)} of {rows_in:,}" if np.isfinite(band.value) else NONE
            for band, rows_in in zip(w.bands, w.band_rows, strict=True)
        ]
        rows.append(
            [
                name,
                f"{w.rows:,}",
                percent(w.share),
                percent(w.coverage),
                *by_band,
                number(w.width.value, 1),
                number(w.score.value, 1),
            ]
        )
    return markdown_table(head, rows)
