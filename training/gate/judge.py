"""All checks of the gate, and how often chance may fail them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from features.history import History
from features.settings import Settings
from model.decision import CallCosts
from model.examples import Examples
from model.metrics import expected_observed
from model.scorer import Scorer
from training.gate.alone import beats_reference, calibrated
from training.gate.duel import Duel, share
from training.gate.paired import Int64, not_worse
from training.gate.rivals import Rivals
from training.gate.segments import segments
from training.gate.verdict import Check, Verdict
from training.measuring import Measured


def judge(
    measured: Measured,
    scorer: Scorer,
    test: Examples,
    history: History,
    settings: Settings,
    *,
    rivals: Rivals,
    seed: int,
) -> Verdict:
    """``scorer`` as it was ``measured`` on the newest block ``test``."""
    parts = segments(history, test, measured.answers.readiness, trait=settings.measurement.segment)
    duels = [
        Duel.on(history, test, measured.answers, rival, own=scorer, groups=parts.groups, seed=seed)
        for rival in (rivals.champion, rivals.best)
        if rival is not None
    ]
    found = measured.evaluation
    leads = len(np.unique(measured.block.groups))
    serving = None if rivals.champion is None else _ratios(duels[0])
    alone = [beats_reference(found.skill), *calibrated(found.ratio, found.ici, leads=leads, serving=serving)]
    checks, better = compare(duels, parts.members if rivals.champion is not None else {}, settings)
    return Verdict((*alone, *checks), better=better, champion=rivals.serving)


def compare(duels: Sequence[Duel], members: Mapping[str, Int64], settings: Settings) -> tuple[list[Check], bool]:
    """The checks against each rival, and whether the last one is shown to be beaten; True where there is no rival.

    ``members``: the rows of each segment, looked at in the first duel, which is that with the serving model.
    Many nights of losses too small to be shown would add up; hence the second duel, with the best so far, which stays
    until something is shown to be better.

    There are three families of checks: the integrated Brier score against each rival, the other figures, and the
    segments. Within each a check has its share (Bonferroni) of ``settings.gate.chance``.
    """
    gate, better = settings.gate, True
    checks = []
    for duel in duels:
        gap, chance = duel.brier(), gate.chance / len(duels)
        margin = share(gate.brier_margin, gap)
        checks.append(
            not_worse("integrated Brier score", gap, margin=margin, chance=chance, rival=duel.rival, main=True)
        )
        better = gap is not None and gap.limits(chance)[1] < 0
    for duel in duels:
        costs, chance = CallCosts.of(settings.costs), gate.chance / len(duels)
        checks += duel.others(gate, costs, settings.window_coverage, chance=chance)
    if duels:
        checks += duels[0].by_segment(members, gate)
    return checks, better


def _ratios(duel: Duel) -> dict[int, float]:
    """Expected over observed of the rival, by horizon."""
    horizons = list(duel.block.horizons)
    ratios = expected_observed(duel.block.weights(horizons), duel.other.curves.at(horizons)[0])
    return dict(zip(horizons, ratios.tolist(), strict=True))
