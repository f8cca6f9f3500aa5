"""Do chances come true, and are windows kept?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from model.decision import decide
from model.metrics import Estimate, bootstrap_means, deciles, interval, ipcw
from model.window import date_span
from training.report.parts import Figure, Section, Table, count, number, number_range, percent, percent_range
from training.report.svg import Plot, Row, intervals
from training.trained import Trained

_BANDS = (0.0, 20.0, 40.0, 60.0, 80.0, 100.0)
_EXPLAINED = (
    "Expected over observed is 1 where as many leads bought as were predicted to; the calibration index is the mean "
    "distance from the diagonal."
)
_FEWEST = 10  # leads that bought; a band with fewer says nothing


def calibration(trained: Trained) -> Section:
    block, curves, found = trained.measured.block, trained.measured.curves, trained.measured.evaluation
    predicted = curves.at(list(block.horizons))[0]
    pictures = tuple(_panel(trained, j, predicted[:, j]) for j in range(len(block.horizons)))
    rows = tuple(
        (f"day {h}", number(ratio.value), number_range(ratio), number(found.ici[h], 3))
        for h, ratio in found.ratio.items()
    )
    figure = Figure(
        "Predicted chance against what happened",
        "Each dot is a tenth of the leads by predicted chance: on the diagonal chances came true, below it the model "
        "promised too much, above it too little.",
        pictures,
        (("s1", "a tenth of the leads"), ("soft dashed", "perfect")),
        Table(
            "Calibration by horizon",
            ("horizon", "expected / observed", "95\u202f% interval", "calibration index"),
            rows,
        ),
    )
    return Section(
        "calibration",
        "Calibration",
        (_EXPLAINED,),
        (figure,),
    )


def _panel(trained: Trained, j: int, predicted: np.ndarray[tuple[int], np.dtype[np.float64]]) -> str:
    block = trained.measured.block
    horizon = block.horizons[j]
    points = deciles(block.duration, block.outcome, horizon, predicted)
    top = max(0.02, 1.1 * max(v for p in points for v in (p.predicted, p.observed)))
    digits = 0 if top > 0.1 else 1
    plot = Plot((0, top), (0, top), size=(300, 290), margins=(30, 14, 44, 50))
    plot.title(f"within {horizon} days")
    plot.x_axis(lambda v: percent(v, digits), "predicted to buy")
    plot.y_axis(lambda v: percent(v, digits))
    plot.line([(0, 0), (top, top)], "soft dashed")
    plot.line([(p.predicted, p.observed) for p in points], "s1 thin")
    for p in points:
        said = f"predicted {percent(p.predicted)}, bought {percent(p.observed)}, {p.rows} rows"
        plot.dot(p.predicted, p.observed, "s1", said)
    all_said = ", ".join(f"{percent(p.predicted)} came to {percent(p.observed)}" for p in points)
    return plot.svg(f"Within {horizon} days, by tenths, predicted chances came true as follows: {all_said}.")


@dataclass(frozen=True)
class Band:
    """``leads``: in this band that bought in time and were given a window. ``kept``: share of their windows."""

    name: str
    leads: int
    kept: Estimate
    width: float


def window_bands(trained: Trained) -> list[Band]:
    """Windows as they are answered (whole dates), of those who bought by the longest horizon, by readiness."""
    scorer, test, curves = trained.fitted.scorer, trained.test, trained.measured.curves
    readiness = scorer.readiness.of(curves.at([scorer.ready_horizon])[0][:, 0])
    first, _, last = scorer.windows.days(curves, readiness)
    start, end = date_span(first, test.as_of)[0], date_span(last, test.as_of)[1]
    weights = ipcw(test.duration, test.outcome, [scorer.horizons[-1]])
    counted = decide(curves, scorer.costs).call & weights.bought[:, 0]
    inside = (start <= test.duration) & (test.duration <= end)
    bands = []
    for low, high in pairwise(_BANDS):
        rows = counted & (readiness >= low) & ((readiness < high) | (high == _BANDS[-1]))
        leads = len(np.unique(test.group[rows]))
        if leads < _FEWEST:
            continue
        weight = weights.weight[rows, 0]
        table = np.column_stack((weight * inside[rows], weight))
        draws = bootstrap_means(table, test.lead_ids[rows].astype(str), seed=trained.seed)
        kept = interval(float(table[:, 0].sum() / weight.sum()), draws[:, 0] / draws[:, 1])
        width = float(np.average((end - start)[rows], weights=weight))
        bands.append(Band(f"readiness {low:.0f} to {high:.0f}", leads, kept, width))
    return bands


def windows(trained: Trained) -> Section:
    bands, asked = window_bands(trained), trained.fitted.scorer.window_coverage
    fit = trained.measured.windows
    text = (
        f"{percent(asked, 0)} of those who buy within {trained.settings.horizons[-1]} days are to buy within "
        f"their window; {percent(fit.coverage, 0)} did, with windows {number(fit.width, 0)} days wide on average, and "
        f"{percent(fit.with_window, 0)} of the purchasers had been given one."
    )
    if not bands:
        return Section("windows", "Purchase windows", (text, "Too few leads bought to look at bands of readiness."))
    said = "; ".join(f"{b.name}: {percent(b.kept.value, 0)} ({percent_range(b.kept, 0)})" for b in bands)
    figure = Figure(
        "Windows kept, by readiness",
        "Each dot is the share of purchasers who bought within the window they were given; it should lie at the mark, "
        f"the {percent(asked, 0)} that were asked for, or its line should cross it.",
        (
            intervals(
                [Row(b.name, b.kept.value, b.kept.low, b.kept.high) for b in bands],
                lambda v: percent(v, 0),
                title="bought within the window",
                alt=f"Windows kept: {said}; asked were {percent(asked, 0)}.",
                mark=asked,
                wide=150,
            ),
        ),
        table=Table(
            "Windows kept, by readiness",
            ("band", "purchasers", "kept", "95\u202f% interval", "width in days"),
            tuple(
                (b.name, count(b.leads), percent(b.kept.value, 0), percent_range(b.kept, 0), number(b.width, 0))
                for b in bands
            ),
        ),
    )
    return Section("windows", "Purchase windows", (text,), (figure,))
