"""A scorer that is trained in a moment: no features but the lead's age, the hazards of Aalen-Johansen."""

from __future__ import annotations

import numpy as np
import pandas as pd

from features.catalogue import Catalogue
from features.feature_spec import FeatureSpec
from model.calibration import Calibration
from model.decision import CallCosts
from model.frame import endings
from model.hazard import PurchaseHazard
from model.readiness import Readiness
from model.scorer import Scorer
from model.window import Windows

HORIZONS = (7, 30)


def small_scorer(version: str, *, rate: float = 1 / 40, known_by: str = "2026-01-01") -> Scorer:
    """``rate``: of purchases a day."""
    rng = np.random.default_rng(1)
    n = 300
    bought, lost = rng.exponential(1 / rate, n), rng.exponential(60, n)
    duration = np.minimum(np.minimum(bought, lost), 60.0)
    outcome = np.where(duration == 60, 0, np.where(duration == bought, 1, 2))
    hazard = PurchaseHazard(HORIZONS, min_events=2**31, n_jobs=1)
    hazard.fit(pd.DataFrame({"age_days": np.zeros(n)}), endings(outcome, duration))
    return Scorer(
        catalogue=Catalogue((FeatureSpec(name="age_days", aggregation="age"),)),
        hazard=hazard,
        calibration=Calibration.identity(HORIZONS),
        windows=Windows.nominal(0.8),
        readiness=Readiness((0.0, 1.0), (0.0, 100.0)),
        horizons=HORIZONS,
        costs=CallCosts(),
        version=version,
        notes={"train_known_by": known_by},
    )
