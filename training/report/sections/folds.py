"""Would it have been good at other times?"""

from __future__ import annotations

from features.events import to_iso
from training.folds import Folds
from training.report.parts import Figure, Section, Table, count, number, percent, percent_range
from training.report.svg import Row, intervals


def folds_section(found: Folds) -> Section:
    mean = found.over("skill")
    rows = [
        Row(f"{to_iso(f.split.test_since)[:10]} to {to_iso(f.split.test_until)[:10]}", s.value, s.low, s.high, "s2")
        for f in found.folds
        for s in (f.measured.evaluation.skill,)
    ]
    rows.append(Row("mean of the folds", mean.value, mean.low, mean.high))
    said = "; ".join(f"{row.name} {percent(row.value)}" for row in rows)
    figure = Figure(
        "Skill by fold",
        "Each dot is a model that was trained on what was known before those dates alone and measured on them: dots "
        "that lie together mean that the skill can be relied on.",
        (
            intervals(
                rows,
                lambda v: percent(v, 0),
                title="error taken away, against no features",
                alt=f"Skill by fold: {said}.",
                mark=0.0,
                wide=190,
            ),
        ),
        table=Table(
            "Folds of calendar time",
            ("tested on", "looks", "skill", "95\u202f% interval", "integrated Brier score", "windows kept"),
            tuple(
                (
                    row.name,
                    count(len(f.measured.block)),
                    percent(row.value),
                    percent_range(f.measured.evaluation.skill),
                    number(f.measured.evaluation.ibs.value, 4),
                    percent(f.measured.windows.coverage, 0),
                )
                for row, f in zip(rows[:-1], found.folds, strict=True)
            ),
        ),
    )
    told = f"The mean skill is {percent(mean.value)}, its 95\u202f% interval over the folds {percent_range(mean)}."
    return Section("folds", "Rolling-origin folds", (told,), (figure,))
