"""Which models may serve."""

from model.metrics import Estimate
from training.gate import Verdict, judge

GOOD = Estimate(0.2, 0.15, 0.25)
RIGHT = {7: Estimate(1.02, 0.9, 1.1), 30: Estimate(0.97, 0.9, 1.05)}
ICIS = {7: 0.01, 30: 0.02}


def verdict(
    skill: Estimate = GOOD,
    ratios: dict[int, Estimate] = RIGHT,
    icis: dict[int, float] = ICIS,
    leads: int = 2000,
    against_champion: Estimate | None = None,
) -> Verdict:
    return judge(skill=skill, ratios=ratios, icis=icis, leads=leads, against_champion=against_champion)


def test_a_good_first_model_passes() -> None:
    assert verdict().passed
    assert "skill over Aalen-Johansen 0.2000" in verdict().reasons


def test_a_model_equal_to_aalen_johansen_passes() -> None:
    assert verdict(skill=Estimate(-0.001, -0.01, 0.01)).passed


def test_a_model_worse_than_aalen_johansen_is_refused() -> None:
    refused = verdict(skill=Estimate(-0.01, -0.015, -0.005))
    assert not refused.passed
    assert refused.reasons == "skill over Aalen-Johansen -0.0100 (-0.0150 to -0.0050)"


def test_a_large_loss_of_skill_is_refused_even_if_it_may_be_chance() -> None:
    assert not verdict(skill=Estimate(-0.2, -0.5, 0.1)).passed


def test_probabilities_that_mislead_are_refused() -> None:
    assert not verdict(ratios=RIGHT | {30: Estimate(1.6, 1.4, 1.8)}).passed
    assert not verdict(ratios=RIGHT | {7: Estimate(0.5, 0.4, 0.6)}).passed
    assert not verdict(icis=ICIS | {30: 0.2}).passed


def test_a_calibration_index_of_few_leads_may_be_chance() -> None:
    assert verdict(icis=ICIS | {30: 0.12}, leads=100).passed
    assert not verdict(icis=ICIS | {30: 0.12}, leads=5000).passed


def test_a_ratio_that_may_be_chance_or_cannot_be_told_is_not_held_against_it() -> None:
    assert verdict(ratios=RIGHT | {30: Estimate(1.6, 0.9, 3.0)}).passed
    assert verdict(ratios=RIGHT | {7: Estimate(float("nan"), float("nan"), float("nan"))}).passed


def test_it_must_not_be_worse_than_the_serving_model() -> None:
    assert verdict(against_champion=Estimate(0.0005, -0.001, 0.002)).passed
    refused = verdict(against_champion=Estimate(0.004, 0.002, 0.006))
    assert [check.name for check in refused.checks if not check.passed] == ["not worse than the serving model"]
