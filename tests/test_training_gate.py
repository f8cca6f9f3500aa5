"""Which models may serve."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.gate.__main__ import WORSE
from benchmarks.gate.world import BLOCK, LONGEST, Market, Model, Night, train
from features.events import DAY, Event
from features.history import History
from features.settings import Settings
from model.examples import Examples
from model.metrics import Estimate
from training.gate.alone import beats_reference, calibrated
from training.gate.duel import squared
from training.gate.judge import compare
from training.gate.paired import Gap, dealt, gap, mean_of, not_worse
from training.gate.segments import segments
from training.gate.verdict import Check, Verdict

RIGHT = {7: Estimate(1.02, 0.9, 1.1), 30: Estimate(0.97, 0.9, 1.05)}
ICIS = {7: 0.01, 30: 0.02}


def is_calibrated(
    ratios: dict[int, Estimate] = RIGHT,
    icis: dict[int, float] = ICIS,
    leads: int = 2000,
    serving: dict[int, float] | None = None,
) -> bool:
    return all(check.passed for check in calibrated(ratios, icis, leads=leads, serving=serving))


def test_a_model_equal_to_aalen_johansen_passes_and_a_worse_one_does_not() -> None:
    assert beats_reference(Estimate(-0.001, -0.01, 0.01)).passed
    refused = beats_reference(Estimate(-0.01, -0.015, -0.005))
    assert not refused.passed
    assert refused.reason == "skill over Aalen-Johansen -0.0100 (-0.0150 to -0.0050)"


def test_a_large_loss_of_skill_is_refused_even_if_it_may_be_chance() -> None:
    assert not beats_reference(Estimate(-0.2, -0.5, 0.1)).passed


def test_probabilities_that_mislead_are_refused() -> None:
    assert is_calibrated()
    assert not is_calibrated(RIGHT | {30: Estimate(1.6, 1.4, 1.8)})
    assert not is_calibrated(RIGHT | {7: Estimate(0.5, 0.4, 0.6)})
    assert not is_calibrated(icis=ICIS | {30: 0.2})


def test_after_a_change_of_the_market_the_better_of_two_that_mislead_may_serve() -> None:
    wrong = RIGHT | {30: Estimate(1.6, 1.4, 1.8)}
    assert is_calibrated(wrong, serving={7: 1.0, 30: 2.5})
    assert not is_calibrated(wrong, serving={7: 1.0, 30: 1.2})


def test_a_calibration_index_of_few_leads_may_be_chance() -> None:
    assert is_calibrated(icis=ICIS | {30: 0.12}, leads=100)
    assert not is_calibrated(icis=ICIS | {30: 0.12}, leads=5000)


def test_a_ratio_that_may_be_chance_or_cannot_be_told_is_not_held_against_it() -> None:
    assert is_calibrated(RIGHT | {30: Estimate(1.6, 0.9, 3.0)})
    assert is_calibrated(RIGHT | {7: Estimate(float("nan"), float("nan"), float("nan"))})


@pytest.mark.parametrize(
    ("value", "error", "passes"),
    [(0.0, 0.01, True), (0.03, 0.001, False), (0.015, 0.001, True), (0.03, 0.02, True), (0.06, 0.02, False)],
    ids=["equal", "worse", "worse within the margin", "perhaps by chance", "hardly by chance"],
)
def test_worse_is_refused_where_it_is_shown_and_not_shown_to_be_negligible(
    value: float, error: float, passes: bool
) -> None:
    found = not_worse("score", Gap(0.2 + value, 0.2, error, 39), margin=0.02, chance=0.025, rival="the other")
    assert found.passed == passes
    assert found.name == "score, against the other"
    assert found.figures["margin"] == 0.02


def test_what_cannot_be_told_is_not_held_against_a_model() -> None:
    assert not_worse("score", None, margin=0.0, chance=0.025, rival="the other").passed


@given(st.integers(2, 300), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_rows_of_one_lead_are_dealt_to_one_group(leads: int, rows: int, seed: int) -> None:
    names = np.repeat(np.arange(leads).astype(str), rows)
    group = dealt(names, seed=seed)
    assert len(np.unique(group)) == min(40, leads)
    assert all(len(set(group[names == name])) == 1 for name in names)


@given(st.integers(0, 2**32 - 1))
def test_the_jackknife_of_a_mean_is_the_error_of_a_mean(seed: int) -> None:
    rng = np.random.default_rng(seed)
    own, other = rng.normal(size=(2, 40))
    found = gap(mean_of(own, other), np.arange(40))
    assert found is not None
    assert found.error == pytest.approx((own - other).std(ddof=1) / np.sqrt(40))
    assert found.value == pytest.approx((own - other).mean())


def test_a_difference_cannot_be_told_from_one_group_or_from_nothing() -> None:
    zeros = np.zeros(5)
    assert gap(mean_of(zeros, zeros), np.zeros(5, dtype=np.int64)) is None
    assert gap(mean_of(zeros, zeros), np.arange(5), np.zeros(0, dtype=np.int64)) is None


@pytest.fixture(scope="module")
def market() -> Market:
    return Market.of(30, 400, 1)


@pytest.fixture(scope="module")
def night(market: Market) -> Night:
    return Night.at(market, 400.0)


def trained(market: Market, seed: int) -> Model:
    return train(market, 400.0 - LONGEST - BLOCK, np.random.default_rng(seed))


def test_a_model_trained_anew_on_the_same_passes(market: Market, night: Night) -> None:
    checks, better = compare([night.duel(trained(market, 1), trained(market, 2))], night.segments(), Settings())
    assert [check.reason for check in checks if not check.passed] == []
    assert not better, "nor is it shown to be better"
    names = {check.name.split(",")[0] for check in checks}
    assert names == {
        "integrated Brier score",
        "calibration index",
        "expected over observed",
        "window coverage less asked",
        "interval score of windows",
        "cost of the call dates",
    }
    assert sum("quarter" in check.name for check in checks) == 4


@pytest.mark.parametrize("name", sorted(WORSE))
def test_a_model_that_is_worse_on_purpose_is_refused(market: Market, night: Night, name: str) -> None:
    worse = WORSE[name](market, 400.0 - LONGEST - BLOCK, np.random.default_rng(1))
    checks, _ = compare([night.duel(worse, trained(market, 2))], {}, Settings())
    assert not Verdict(tuple(checks)).passed


def test_the_better_of_two_is_shown_to_be_better(market: Market, night: Night) -> None:
    worse = WORSE["without the strongest feature"](market, 254.0, np.random.default_rng(1))
    checks, better = compare([night.duel(trained(market, 2), worse)], night.segments(), Settings())
    assert better
    assert Verdict(tuple(checks)).passed


def test_a_loss_in_one_segment_alone_is_refused(market: Market, night: Night) -> None:
    duel = night.duel(trained(market, 1), trained(market, 2))
    own, other = duel.losses
    hurt = night.segments()["quarter 0"]
    own = other.copy()
    own[hurt] += 0.03
    own[np.setdiff1d(np.arange(len(own)), hurt)] -= 0.012
    checks, _ = compare([replace(duel, losses=(own, other))], night.segments(), Settings())
    assert "integrated Brier score, quarter 0, against the serving model" in [c.name for c in checks if not c.passed]
    assert next(c for c in checks if c.main).passed


def test_chance_refuses_models_as_good_as_seldom_as_was_asked_where_few_bought() -> None:
    """What chance does to the purchases that were observed is the same for both models, and must not cancel out."""
    refused = 0
    for seed in range(60):
        few, rng = Market.of(2, 400, seed), np.random.default_rng(seed)
        duel = Night.at(few, 400.0).duel(train(few, 254.0, rng), train(few, 254.0, rng))
        ratio = duel.ratio()
        refused += not not_worse("ratio", ratio, margin=squared(0.1, ratio), chance=0.05, rival="the other").passed
    assert refused <= 6  # of 60, with a chance of 5 % each: more in 3 % of such tests


def test_small_segments_are_not_looked_at(market: Market, night: Night) -> None:
    duel = night.duel(trained(market, 1), trained(market, 2))
    checks, _ = compare([duel], {"few": np.arange(40)}, Settings())
    assert not any("few" in check.name for check in checks)


def test_segments_and_accounts_are_those_known_at_the_row() -> None:
    def event(lead: str, kind: str, day: int, channel: str | None = None, **said: object) -> Event:
        at = day * DAY
        return Event(
            event_id=f"{lead}{kind}{day}", lead_id=lead, type=kind, occurred_at=at, recorded_at=at, channel=channel,
            properties=said,
        )  # fmt: skip

    history = History.from_events(
        [
            event("a", "identify", 1, source="fair", industry="health"),
            event("a", "visit", 2, channel="web"),
            event("a", "identify", 10, account_id="x", industry="steel"),
            event("b", "identify", 1, account_id="x"),
            event("b", "need_declared", 5, need_by="1970-03-01"),
        ]
    )
    test = Examples(
        lead_ids=np.array(["a", "a", "b"], dtype=object), as_of=np.array([3, 20, 20]) * DAY,
        outcome=np.zeros(3, dtype=np.int8), duration=np.ones(3), group=np.array([0, 0, 1]), known_by=30 * DAY,
    )  # fmt: skip
    found = segments(history, test, np.array([10.0, 60.0, 100.0]), trait="industry")
    rows = {name: members.tolist() for name, members in found.members.items() if len(members)}
    assert rows == {
        "source fair": [0, 1],
        "industry health": [0],
        "industry steel": [1],
        "last channel web": [0, 1],
        "deadline declared": [2],
        "no deadline declared": [0, 1],
        "readiness 0 to 50": [0],
        "readiness 50 to 80": [1],
        "readiness 80 to 100": [2],
    }
    assert found.groups.tolist() == ["a", "account x", "account x"]


def test_a_verdict_gives_the_reasons_of_what_failed_or_else_the_main_ones() -> None:
    good, main = Check("good", True, "it is good"), Check("main", True, "it is better", main=True)
    assert Verdict((good, main)).reasons == "it is better"
    failed = Verdict((good, main, Check("bad", False, "it is bad")))
    assert not failed.passed
    assert failed.reasons == "it is bad"
    assert [check["name"] for check in failed.to_json()["checks"]] == ["good", "main", "bad"]
