"""How good the model gets with more leads."""

from __future__ import annotations

import numpy as np

from training.learning_curve import LearningCurve
from training.report.parts import Figure, Section, Table, count, number, percent
from training.report.svg import Plot, padded, ticks


def learning_section(found: LearningCurve) -> Section:
    points = found.points
    x = [float(np.log2(point.leads)) for point in points]
    low, high = padded([v for p in points for v in (p.skill, p.skill_low, p.skill_high)], include=0)
    plot = Plot(padded(x, share=0.08), (low, high), margins=(24, 24, 44, 58))
    plot.x_axis(lambda v: count(2**v), "leads that were learned from", at=x)
    plot.y_axis(lambda v: percent(v, 0), "skill", at=ticks(low, high))
    plot.level(0.0, "mark")
    plot.line([(at, point.skill) for at, point in zip(x, points, strict=True)], "s1 thin")
    for at, point in zip(x, points, strict=True):
        plot.line([(at, point.skill_low), (at, point.skill_high)], "s1 thick")
        plot.dot(at, point.skill, "s1", f"{point.leads:,} leads: {percent(point.skill)}")
    said = "; ".join(f"{p.leads:,} leads {percent(p.skill)}" for p in points)
    figure = Figure(
        "Skill by the number of leads",
        "While the line still rises, more leads make a better model; where an upright line, the 95\u202f% interval, "
        "crosses the mark at 0, the curve without features may do as well.",
        (plot.svg(f"Skill on the newest block: {said}."),),
        table=Table(
            "Learning curve, on the newest block",
            ("leads", "purchases", "skill", "95\u202f% interval"),
            tuple(
                (
                    count(p.leads),
                    count(p.purchases),
                    percent(p.skill),
                    f"{number(100 * p.skill_low, 1)} to {percent(p.skill_high)}",
                )
                for p in points
            ),
        ),
    )
    told = f"{found.verdict[:1].upper()}{found.verdict[1:]}."
    return Section("learning", "Learning curve", (told,), (figure,))
