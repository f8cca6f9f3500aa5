"""What went in."""

from __future__ import annotations

from training.data_report import DataReport
from training.report.parts import Figure, Section, Table, count, percent
from training.report.svg import WIDE, Plot
from training.trained import Trained


def data_section(trained: Trained, found: DataReport | None) -> Section:
    if found is None:
        return Section("data", "What went in", (), (), (_blocks(trained),))
    told = (
        f"{count(found.events)} events of {count(found.leads)} leads from {found.source or 'the source'}, "
        f"{found.first_event[:10]} to {found.last_event[:10]}: {count(found.bought)} bought, {count(found.lost)} were "
        f"lost, {count(found.open)} are open."
    )
    tables = [_blocks(trained)]
    out = {**found.left_out, **found.refused}
    if out:
        tables.append(
            Table("Left out or refused", ("reason", "leads or rows"), tuple((k, count(v)) for k, v in out.items()))
        )
    return Section("data", "What went in", (told,), (_months(found),) if found.months else (), tuple(tables))


def _months(found: DataReport) -> Figure:
    months = found.months
    top = 1.08 * max(1, *(m.created for m in months))
    plot = Plot((-0.6, len(months) - 0.4), (0, top), size=(WIDE, 270), margins=(24, 16, 44, 58))
    every = max(1, len(months) // 9)
    plot.x_axis(lambda v: months[int(v)].month, at=[float(j) for j in range(0, len(months), every)], grid=False)
    plot.y_axis(count, "leads")
    for j, m in enumerate(months):
        floor = 0
        for style, n, said in (("s1", m.bought, "bought"), ("s2", m.lost, "lost"), ("data", m.open, "open")):
            if n:
                plot.bar((j - 0.38, j + 0.38), (floor, floor + n), style, f"{m.month}: {n:,} {said}")
            floor += n
    said = "; ".join(f"{m.month} {m.created} leads, {m.bought} bought, {m.lost} lost" for m in months[-12:])
    return Figure(
        "Leads by the month in which they were first seen",
        "Each bar is the leads that came in a month, by what has become of them; recent months are still open, which "
        "the model allows for.",
        (plot.svg(f"The last months: {said}."),),
        (("s1", "bought"), ("s2", "lost"), ("data", "open")),
        Table(
            "Leads and endings by month",
            ("month", "new leads", "bought", "lost", "open", "purchases", "losses"),
            tuple(
                (m.month, *(count(v) for v in (m.created, m.bought, m.lost, m.open, m.purchases, m.losses)))
                for m in months
            ),
        ),
    )


def _blocks(trained: Trained) -> Table:
    rows = []
    for logged in trained.datasets:
        p = logged.profile
        n = len(logged.frame)
        rows.append(
            (
                logged.context,
                f"{str(p['as_of_since'])[:10]} to {str(p['as_of_until'])[:10]}",
                *(count(float(str(p[name]))) for name in ("leads",)),
                count(n),
                *(percent(float(str(p[name])) / max(1, n)) for name in ("purchased", "lost", "censored")),
                logged.digest,
            )
        )
    return Table(
        "Blocks of calendar time",
        ("block", "looks between", "leads", "looks", "purchased", "lost", "censored", "digest"),
        tuple(rows),
        text=frozenset({0, 1}),
    )
