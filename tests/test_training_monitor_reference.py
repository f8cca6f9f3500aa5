"""What the watch compares the market of today with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from small_scorer import small_scorer
from weekly_rhythm import CATALOGUE, weekly_rhythm

from features.catalogue import Catalogue
from features.events import DAY, parse_time
from features.feature_spec import FeatureSpec
from features.history import History
from features.monitor_settings import MonitorSettings
from model.scorer import Scorer
from training.monitor.checks import drift
from training.monitor.material import Material

GIVEN = MonitorSettings()
MONDAY = parse_time("2026-10-05")


@pytest.fixture(scope="module")
def rhythm() -> History:
    return weekly_rhythm(MONDAY - 120 * DAY, 150)


def scorer_of(learned_until: str) -> Scorer:
    return replace(small_scorer("1", known_by=learned_until), catalogue=CATALOGUE)


@pytest.mark.parametrize("weekday", range(7))
def test_a_weekend_is_no_drift(rhythm: History, weekday: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.monitor.checks._scores", lambda *_: None)
    now = MONDAY + (7 + weekday) * DAY + 3_600_000_000
    data = Material.of(rhythm, scorer_of("2026-10-05T01:00:00Z"), now)
    _, features = drift(data, GIVEN)
    assert features.status == "fine", features.came
    assert np.isfinite(features.figures["strongest"])


def test_of_a_model_of_the_calendar_alone_no_feature_can_drift(
    rhythm: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.monitor.checks._scores", lambda *_: None)
    weekday = Catalogue((FeatureSpec(name="weekday", aggregation="weekday"),))
    scorer = replace(scorer_of("2026-10-05"), catalogue=weekday)
    _, features = drift(Material.of(rhythm, scorer, MONDAY + 7 * DAY), GIVEN)
    assert (features.name, features.status) == ("features", "unknown")
