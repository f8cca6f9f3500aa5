"""How good the curves are, beside the baselines and the serving model."""

from __future__ import annotations

import numpy as np

from features.builder import build
from model.aalen_johansen import aalen_johansen
from model.curves import Curves, Float
from model.metrics import Estimate, brier_losses, gain_curve
from training.abstention import gain_over
from training.evaluation import Block, ibs_losses
from training.measuring import not_learned_from
from training.report.parts import Figure, Section, Table, number, number_range, percent, percent_range
from training.report.svg import WIDE, Plot, Row, intervals
from training.trained import Trained

FIFTHS = ("lowest fifth", "second fifth", "third fifth", "fourth fifth", "highest fifth")


def quality(trained: Trained) -> Section:
    figures = [_gains(trained), _over_time(trained), _fifths(trained), _ranking(trained)]
    told = (
        f"Measured on the newest block, which the measured model has not seen: {len(trained.test):,} looks at "
        f"{_leads(trained):,} leads. 95\u202f% intervals, by resampling whole leads."
    )
    return Section(
        "quality",
        "Quality against baselines",
        (told,),
        tuple(figures),
        (_figures(trained),),
    )


def _leads(trained: Trained) -> int:
    return len(np.unique(trained.measured.block.groups))


def over_champion(trained: Trained) -> Estimate | None:
    """The gain over the serving model, on what that had not learned from; None where nothing serves."""
    if trained.champion is None:
        return None
    fresh = not_learned_from(trained.champion, trained.test.as_of)
    test, own = trained.test.rows(fresh), trained.measured.curves.rows(fresh)
    longest = min(trained.champion.horizons[-1], trained.measured.block.horizons[-1])
    block = Block(test.duration, test.outcome, test.lead_ids.astype(str), (longest,))
    theirs = trained.champion.curves(build(trained.history, test.requests(), trained.champion.catalogue), test.as_of)
    return gain_over(ibs_losses(block, own), ibs_losses(block, theirs), block, seed=trained.seed)


def _gains(trained: Trained) -> Figure:
    rows = [("no features (Aalen\u2013Johansen)", trained.measured.evaluation.skill)]
    if trained.signal.gain is not None and not trained.signal.baseline:
        rows.append(("age and calendar alone", Estimate(*trained.signal.gain)))
    champion = over_champion(trained)
    if champion is not None:
        rows.append(("the serving model", champion))
    said = "; ".join(f"over {name} {percent(e.value)} ({percent_range(e)})" for name, e in rows)
    return Figure(
        "How much better than what is simpler",
        "Each dot is the share of the error that the model takes away, its line the 95\u202f% interval: right of the "
        "mark at 0 the model is better, and a line that crosses the mark may be chance.",
        (
            intervals(
                [Row(name, e.value, e.low, e.high) for name, e in rows],
                lambda v: percent(v, 0),
                title="integrated Brier score taken away",
                alt=f"Gain of the model: {said}.",
                mark=0.0,
                wide=220,
            ),
        ),
        table=Table(
            "Gain in integrated Brier score, paired by lead",
            ("over", "gain", "95\u202f% interval"),
            tuple((name, percent(e.value), percent_range(e)) for name, e in rows),
        ),
    )


def _over_time(trained: Trained) -> Figure:
    block = trained.measured.block
    weights = block.weights()
    own = brier_losses(weights, trained.measured.curves.at(block.grid)[0]).mean(axis=0)
    none = brier_losses(weights, _baseline(trained).at(block.grid)[0]).mean(axis=0)
    top = 1.08 * float(max(own.max(), none.max()))
    plot = Plot((0, float(block.horizons[-1])), (0, top), margins=(24, 16, 44, 58))
    plot.x_axis(lambda v: number(v, 0), "days after the look", at=[0, *map(float, block.horizons)])
    plot.y_axis(lambda v: number(v, 2), "Brier score")
    plot.line([(0.0, 0.0), *zip(block.grid, none, strict=True)], "soft dashed")
    plot.line([(0.0, 0.0), *zip(block.grid, own, strict=True)], "s1")
    picked = [int(h) - 1 for h in block.horizons]
    said = ", ".join(f"{number(own[j], 3)} against {number(none[j], 3)} on day {j + 1}" for j in picked)
    return Figure(
        "Error by the day that is predicted",
        "The lower the line, the better are chances of a purchase by that day; the gap between the lines is what the "
        "features add.",
        (plot.svg(f"Brier score of the model and without features: {said}."),),
        (("s1", "the model"), ("soft dashed", "no features")),
        Table(
            "Brier score by day",
            ("day", "model", "no features"),
            tuple((str(j + 1), number(own[j], 4), number(none[j], 4)) for j in picked),
        ),
    )


def _baseline(trained: Trained) -> Curves:
    return trained.fitted.baseline(len(trained.test))


def _fifths(trained: Trained) -> Figure:
    block, curves = trained.measured.block, trained.measured.curves
    score = curves.at([block.horizons[-1]])[0][:, 0]
    member = np.searchsorted(np.quantile(score, [0.2, 0.4, 0.6, 0.8]), score, side="left")
    grid = np.concatenate(([0.0], block.grid))
    drawn: list[tuple[int, Float, Float, Float]] = []
    for group in np.unique(member).tolist():
        rows = member == group
        at, bought, _ = aalen_johansen(block.duration[rows], block.outcome[rows])
        shown = at <= block.horizons[-1]
        drawn.append((group, curves.rows(rows).at(grid)[0].mean(axis=0), at[shown], bought[shown]))
    top = 1.08 * max(0.01, *(max(predicted[-1], *seen, 0.0) for _, predicted, _, seen in drawn))
    plot = Plot((0, float(grid[-1])), (0, top), size=(WIDE, 350), margins=(24, 16, 44, 58))
    plot.x_axis(lambda v: number(v, 0), "days after the look", at=[0, *map(float, block.horizons)])
    plot.y_axis(lambda v: percent(v, 0), "have bought")
    for group, predicted, at, seen in drawn:
        plot.line(list(zip(grid, predicted, strict=True)), f"f{group}")
        plot.steps(
            [(0.0, 0.0), *zip(at, seen, strict=True), (grid[-1], seen[-1] if len(seen) else 0.0)],
            f"f{group} thin dashed",
        )
    rows_said = [
        (FIFTHS[g], percent(p[-1]), percent(float(seen[-1]) if len(seen) else 0.0)) for g, p, _, seen in reversed(drawn)
    ]
    return Figure(
        "Purchase curves, predicted and true",
        "Leads in five groups by their predicted chance: where a solid line (predicted) lies on its dashed one (what "
        "happened, Aalen\u2013Johansen), the prediction came true.",
        (plot.svg("; ".join(f"{name}: predicted {p}, happened {o}" for name, p, o in rows_said) + "."),),
        tuple((f"f{group}", FIFTHS[group]) for group, *_ in reversed(drawn)),
        Table(f"Bought by day {block.horizons[-1]}", ("group", "predicted", "happened"), tuple(rows_said)),
    )


def _ranking(trained: Trained) -> Figure:
    block, curves = trained.measured.block, trained.measured.curves
    horizons = list(block.horizons)
    weights, predicted = block.weights(horizons), curves.at(horizons)[0]
    plot = Plot((0, 1), (0, 1), size=(WIDE, 350), margins=(24, 16, 44, 58))
    plot.x_axis(lambda v: percent(v, 0), "of the leads called, the best first")
    plot.y_axis(lambda v: percent(v, 0), "of the purchases reached")
    plot.line([(0, 0), (1, 1)], "soft dashed")
    rows, shares = [], (0.1, 0.2, 0.5)
    for j, horizon in enumerate(horizons):
        called, gained = (np.asarray(v, dtype=np.float64) for v in gain_curve(weights, predicted[:, j], column=j))
        keep = np.unique(np.linspace(0, len(called) - 1, 201).astype(int))
        plot.line(list(zip(called[keep], gained[keep], strict=True)), f"s{j % 3 + 1}")
        rows.append(
            (f"bought within {horizon} days", *(percent(float(np.interp(s, called, gained)), 0) for s in shares))
        )
    return Figure(
        "Calling the best leads first",
        "The steeper a line rises above the dashed one (leads called in any order), the fewer calls reach the same "
        "purchases.",
        (plot.svg("; ".join(f"{row[0]}: the first tenth reaches {row[1]}" for row in rows) + "."),),
        (*((f"s{j % 3 + 1}", f"within {h} days") for j, h in enumerate(horizons)), ("soft dashed", "any order")),
        Table(
            "Share of the purchases that the first leads reach",
            ("purchases", *(f"first {percent(s, 0)}" for s in shares)),
            tuple(rows),
        ),
    )


def _figures(trained: Trained) -> Table:
    model, none = trained.measured.evaluation, trained.measured.reference
    rows = [
        ("Integrated Brier score", number(model.ibs.value, 4), number_range(model.ibs, 4), number(none.ibs.value, 4))
    ]
    rows += [
        (f"AUC, bought by day {h}", number(found.value, 3), number_range(found, 3), "0.500")
        for h, found in model.auc.items()
    ]
    rows.append(("Lift of the first tenth", number(model.lift, 1), "\u2013", "1.0"))
    return Table(
        "All figures of the newest block", ("figure", "model", "95\u202f% interval", "no features"), tuple(rows)
    )
