"""How far the data have moved since the serving model was trained."""

from __future__ import annotations

from features.events import to_iso
from model.drift import LITTLE, MUCH
from training.drift import PERIOD, Drift
from training.report.parts import Figure, Section, Table, number
from training.report.svg import Row, bars

SHOWN = 12


def drift_section(found: Drift, labels: dict[str, str]) -> Section:
    top = list(found.features.items())[:SHOWN]
    rows = [Row("readiness (the scores)", found.scores, style="s1")]
    rows += [Row(labels.get(name, name), value, style="s2") for name, value in top]
    much = sum(value > MUCH for value in found.features.values())
    weeks = PERIOD // (7 * 86_400_000_000)
    whose = "the model itself (none serves yet)" if found.agreement is None else "the serving model"
    told = (
        f"What {whose} sees: open leads of the {weeks} weeks before {to_iso(found.then)[:10]}, when it was trained, "
        f"beside those of the {weeks} weeks before {to_iso(found.now)[:10]}. {much} of {len(found.features)} features "
        f"are above {number(MUCH)}."
    )
    agreed = ""
    if found.agreement is not None:
        agreed = (
            "Lead by lead, the rank correlation of the new model\u2019s chances and the serving one\u2019s is "
            f"{number(found.agreement)}."
        )
    figure = Figure(
        "Population stability index",
        "The longer the bar, the more differently leads are spread over the values of that feature than then: below "
        f"{number(LITTLE, 1)} (first mark) little has changed, above {number(MUCH)} (second mark) much has.",
        (
            bars(
                rows,
                number,
                title="population stability index",
                alt="Drift: " + "; ".join(f"{row.name} {number(row.value)}" for row in rows[:6]) + ".",
                marks=(LITTLE, MUCH),
            ),
        ),
        (("s1", "scores"), ("s2", "features that moved most")),
        Table(
            f"Population stability index; chance alone gives about {number(found.chance)}",
            ("column", "index"),
            tuple((row.name, number(row.value, 3)) for row in rows),
        ),
    )
    return Section("drift", "Drift since the serving model", tuple(filter(None, (told, agreed))), (figure,))
