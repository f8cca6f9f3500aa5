"""From examples to a scorer: the hazard on all of them, everything else on the newest, by members without the lead."""

from __future__ import annotations

from collections.abc import Sequence

from features.catalogue import Catalogue
from features.errors import InputError
from features.events import to_iso
from features.lives import BOUGHT
from model.calibration import Calibration
from model.curve_model import CurveModel
from model.deadlines import slips
from model.decision import CallCosts, Costs
from model.examples import Examples
from model.grid import nearest_horizon
from model.hazard import PurchaseHazard
from model.readiness import Readiness
from model.scorer import Scorer
from model.signal import Signal
from model.usual import Usual
from model.window import Windows


def fit_scorer(
    train: Examples,
    calibrate: Examples,
    catalogue: Catalogue,
    *,
    horizons: Sequence[int],
    costs: Costs,
    window_coverage: float = 0.8,
    seed: int = 0,
    version: str = "",
    hazard: CurveModel | None = None,
    signal: Signal | None = None,
) -> Scorer:
    """``train``, ``calibrate``: examples with features of ``catalogue`` and groups in common; the second ones are the
    newest, as scores are made. ``hazard``: an unfitted estimator to use instead of the default one. ``signal``: what
    was found about the features, told with each score. InputError when either block is empty.
    """
    for name, block in (("train", train), ("calibrate", calibrate)):
        if not len(block):
            raise InputError(
                where=f"{name} block", expected="leads that were open", got="none", remedy="Load a longer history"
            )
    estimator: CurveModel = hazard or PurchaseHazard(horizons, seed=seed)
    estimator.fit(train.features, train.y, groups=train.group, as_of=train.as_of)
    raw = estimator.predict_held_out(calibrate.features, calibrate.group, as_of=calibrate.as_of)
    calibration = Calibration.fit(raw, calibrate, horizons)
    curves = calibration.apply(raw)
    chance = curves.at([nearest_horizon(horizons, 30)])[0][:, 0]
    readiness = Readiness.fit(chance)
    newest = estimator.columns_.encode(calibrate.features)
    return Scorer(
        catalogue=catalogue,
        hazard=estimator,
        calibration=calibration,
        windows=Windows.fit(curves, readiness.of(chance), calibrate, window_coverage),
        readiness=readiness,
        horizons=tuple(int(h) for h in horizons),
        costs=CallCosts.of(costs),
        version=version,
        signal=signal,
        usual=Usual.of(catalogue, newest),
        slips=slips(catalogue, newest, calibrate.group, calibrate.as_of),
        notes={
            "train_leads": len(set(train.group.tolist())),
            "train_examples": len(train),
            "train_purchases": int((train.outcome == BOUGHT).sum()),
            "train_known_by": to_iso(train.known_by),
            "calibrate_examples": len(calibrate),
        },
    )
