"""The learning curve: what is learned from and what is asked are apart, and what the table makes of draws."""

import numpy as np
import pytest

from benchmarks.learning_curve import material as materials
from benchmarks.learning_curve.draw import Drawn, learn
from benchmarks.learning_curve.material import Material
from benchmarks.learning_curve.report import relative, report


@pytest.fixture(scope="module")
def material() -> Material:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(materials, "ASKED_LEADS", 800)
        return materials.simulated("rich", 200)


def drawn(size: int, *ratios: float, refused: str = "") -> list[Drawn]:
    return [Drawn(size, 5, own=0.1 * r, reference=0.1, low=r - 0.02, high=r + 0.02, refused=refused) for r in ratios]


def test_leads_that_are_asked_about_are_not_learned_from(material: Material) -> None:
    assert len(material.order) >= 200
    assert not set(material.order) & set(material.asked.lead_ids)
    assert set(material.later["lead_id"].to_pylist()) >= set(material.asked.lead_ids)


def test_nothing_is_known_after_the_origin_from_which_on_all_are_asked(material: Material) -> None:
    assert max(material.events["occurred_at"].to_pylist()) <= material.origin
    assert max(material.events["recorded_at"].to_pylist()) <= material.origin
    assert material.asked.as_of.min() >= material.origin
    assert material.asked.followed.min() >= material.horizons[-1]


def test_draws_hold_as_many_leads_as_wanted_and_others_where_there_are_enough(material: Material) -> None:
    first, second = (set(material.history_of(50, k, 4).lead_ids) for k in (0, 1))
    assert len(first) == len(second) == 50
    assert not first & second
    assert len(material.history_of(len(material.order), 3, 4).lead_ids) == len(material.order)


def test_after_few_leads_it_is_aalen_johansen(material: Material) -> None:
    found = learn(material, 30, 0, 4)
    assert found.refused == ""
    assert found.own / found.reference == pytest.approx(1.0, abs=0.02)
    assert found.best < found.reference


def test_what_cannot_be_learned_from_says_why(material: Material) -> None:
    found = learn(material, 1, 0, 200)
    assert "purchases" in found.refused or "days" in found.refused
    assert np.isnan(found.own)


def test_the_interval_is_that_of_the_mean_over_draws() -> None:
    found = relative([*drawn(50, 0.9, 1.0, 1.1), *drawn(50, 9.0, refused="no purchases")])
    assert found.value == pytest.approx(1.0)
    assert found.high - found.value == pytest.approx(4.303 * 0.1 / np.sqrt(3), abs=1e-3)
    alone = relative(drawn(50, 0.9))
    assert (alone.low, alone.high) == pytest.approx((0.88, 0.92))


def test_the_verdict_names_where_it_is_worse_by_more_than_noise(material: Material) -> None:
    worse = report({"made-up": (material, [*drawn(30, 2.0), *drawn(50, 1.1), *drawn(100, 1.01)])}, "python", 1.0)
    assert "noise (the whole interval above 1): **made-up at 50 leads**." in worse
    assert report({"made-up": (material, drawn(50, 1.01))}, "python", 1.0).endswith("nowhere.")


def test_the_table_says_what_could_not_be_learned_from(material: Material) -> None:
    told = report({"made-up": (material, drawn(30, 1.0, refused="no purchases"))}, "python", 1.0)
    assert "0 of 1" in told
    assert "30 leads: no purchases" in told
