"""All checks of the gate, and how often chance may fail them."""

from __future__ import annotations

import numpy as np

from features.history import History
from features.settings import Settings
from model.decision import CallCosts
from model.examples import Examples
from model.metrics import expected_observed
from model.scorer import Scorer
from training.gate.alone import beats_reference, calibrated
from training.gate.duel import Duel, Rival, share
from training.gate.paired import not_worse
from training.gate.segments import segments
from training.gate.verdict import Verdict
from training.measuring import Measured


def judge(
    measured: Measured,
    scorer: Scorer,
    test: Examples,
    history: History,
    settings: Settings,
    *,
    champion: Rival | None = None,
    best: Rival | None = None,
    seed: int,
) -> Verdict:
    """``scorer`` as it was ``measured`` on the newest block ``test``; ``champion``: what serves.

    ``best``: the last version that was shown to be better than the best before it. Many nights of losses too small to
    be shown add up; against it they are.

    There are three families of checks: the integrated Brier score against each rival, the other figures, and the
    segments. Within each a check has its share (Bonferroni) of ``settings.gate.chance``.
    """
    if best is not None and champion is not None and best.version == champion.version:
        best = None
    found, gate = measured.evaluation, settings.gate
    rivals = [rival for rival in (champion, best) if rival is not None]
    parts = segments(history, test, measured.answers.readiness, trait=settings.measurement.segment)
    duels = [Duel.on(history, test, measured.answers, rival, scorer, parts, seed=seed) for rival in rivals]
    leads = len(np.unique(measured.block.groups))
    serving = _ratios(duels[0]) if champion is not None else None
    checks = [beats_reference(found.skill), *calibrated(found.ratio, found.ici, leads=leads, serving=serving)]
    better = True
    for duel in duels:
        gap = duel.brier()
        chance = gate.chance / len(duels)
        margin = share(gate.brier_margin, gap)
        checks.append(
            not_worse("integrated Brier score", gap, margin=margin, chance=chance, rival=duel.rival, main=True)
        )
        better = gap is not None and gap.limits(chance)[1] < 0  # in the end: than the best so far
    for duel in duels:
        checks += duel.others(
            gate, CallCosts.of(settings.costs), settings.window_coverage, chance=gate.chance / len(duels)
        )
    if champion is not None:
        checks += duels[0].by_segment(parts.members, gate)
    return Verdict(tuple(checks), better=better, champion=None if champion is None else champion.version)


def _ratios(duel: Duel) -> dict[int, float]:
    """Expected over observed of the rival, by horizon."""
    horizons = list(duel.block.horizons)
    ratios = expected_observed(duel.block.weights(horizons), duel.other.curves.at(horizons)[0])
    return dict(zip(horizons, ratios.tolist(), strict=True))
