"""Calibration in the open: windows kept, predictions come true, base rates; open leads are censored, never broken."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from measurement_log import EVER, NOW, Log

from features.events import DAY, to_datetime
from model.aalen_johansen import aalen_johansen, incidence_at
from model.measurement.incidence import incidence, share_within
from model.measurement.kept import base_rates, chances_kept, windows_kept
from model.measurement.period import Period

rows_of_time = st.lists(st.tuples(st.integers(1, 20), st.integers(0, 2)), min_size=1, max_size=40)


@given(rows_of_time)
def test_the_curve_is_aalen_and_johansens(rows: list[tuple[int, int]]) -> None:
    duration, cause = (np.array(column) for column in zip(*rows, strict=True))
    found = incidence(duration, cause, np.arange(len(rows)), causes=2, followed=duration, draws=3)
    days, bought, lost = aalen_johansen(duration, cause)
    for cause_code, curve in ((1, bought), (2, lost)):
        for day in range(1, 21):
            got = found.at(float(day), cause_code)
            if got is not None:
                assert got.value == pytest.approx(float(incidence_at(days, curve, np.array(day))))
                assert 0 <= got.low <= got.value + 1e-12
                assert got.value - 1e-12 <= got.high <= 1


@given(st.integers(0, 200), st.integers(1, 200))
def test_a_share_has_an_interval_with_a_width_even_where_nothing_happened(k: int, n: int) -> None:
    share = min(k, n) / n
    found = share_within(share, np.full(10, share), n)
    assert 0 <= found.low <= share <= found.high <= 1
    assert found.high > found.low


def test_an_open_window_is_never_broken() -> None:
    log = Log()
    log.handoff("open", NOW - 5 * DAY)
    log.handoff("its end has passed", NOW - 40 * DAY)  # it may still be late, and may be lost
    log.handoff("a lead that left", NOW - 100 * DAY)
    log.handoff("kept", NOW - 50 * DAY)
    log.add("kept", "purchased", NOW - 30 * DAY)
    log.handoff("early", NOW - 50 * DAY, window_start=to_datetime(NOW - 40 * DAY).date().isoformat())
    log.add("early", "purchased", NOW - 45 * DAY)
    log.handoff("late", NOW - 50 * DAY)
    log.add("late", "purchased", NOW - 29 * DAY + 1)
    log.handoff("lost", NOW - 50 * DAY)
    log.add("lost", "lost", NOW - 45 * DAY)
    log.handoff("bought after the longest horizon", NOW - 120 * DAY)
    log.add("bought after the longest horizon", "purchased", NOW - DAY)
    log.add("no window", "handoff", NOW - 50 * DAY)
    whole, *_ = windows_kept(log.journeys(), EVER, "month", "")
    counts = (whole.handoffs, whole.open, whole.kept, whole.early, whole.late, whole.lost, whole.not_bought)
    assert counts == (8, 2, 1, 1, 1, 1, 2)
    assert whole.promised == pytest.approx(0.8)


def test_open_windows_alone_say_nothing() -> None:
    log = Log()
    for n in range(20):
        log.handoff(f"a{n}", NOW - 30 * DAY)
    log.add("a0", "purchased", NOW - 29 * DAY)
    whole, *_ = windows_kept(log.journeys(), EVER, "month", "")
    assert (whole.kept, whole.open, whole.share) == (1, 19, None)


def test_windows_of_recent_handoffs_do_not_bias_the_share_that_is_kept() -> None:
    """Half of all purchasers buy within the first 20 days, half from day 40 on; many handoffs are recent."""
    rng = np.random.default_rng(3)
    log = Log()
    early, late = 0, 0
    for n in range(1_500):
        since = int(rng.integers(1, 130))
        at = NOW - since * DAY
        log.handoff(f"a{n}", at)
        day = int(rng.integers(1, 19)) if rng.random() < 0.5 else int(rng.integers(40, 88))
        if day < since:
            log.add(f"a{n}", "purchased", at + day * DAY)
            early, late = early + (day < 20), late + (day >= 20)
    whole, *_ = windows_kept(log.journeys(), EVER, "month", "")
    assert early / (early + late) > 0.6, "counting those who bought so far says too much"
    assert whole.share.low <= 0.5 <= whole.share.high
    assert whole.share.high - whole.share.low < 0.15


def test_predicted_and_happened_by_horizon() -> None:
    rng = np.random.default_rng(4)
    log = Log()
    for n in range(600):
        p, at = float(rng.beta(2, 3)), NOW - int(rng.integers(1, 200)) * DAY
        log.handoff(f"a{n}", at, chance=p)  # a half of it within 30 days, a quarter within 7
        u = float(rng.random()) / p
        if u < 1:
            days = 7 * u / 0.25 if u < 0.25 else 7 + 23 * (u - 0.25) / 0.25 if u < 0.5 else 30 + 60 * (u - 0.5) / 0.5
            when = at + int(days * DAY)
            if when < NOW:
                log.add(f"a{n}", "purchased", when)
    found = [one for one in chances_kept(log.journeys(), EVER, "month", "") if one.whole]
    assert [one.horizon for one in found] == [7, 30, 90]
    for one in found:
        assert one.happened.low <= one.predicted <= one.happened.high
        assert one.handoffs == 600
        assert one.seen < 600


def test_a_prediction_cannot_be_judged_before_its_horizon() -> None:
    log = Log()
    log.handoff("a", NOW - 10 * DAY)
    log.add("a", "purchased", NOW - 9 * DAY)
    found = {one.horizon: one for one in chances_kept(log.journeys(), EVER, "month", "") if one.whole}
    assert found[7].happened.value == 1.0
    assert found[7].happened.low < 0.5, "one lead is hardly anything"
    assert found[30].happened is None


@pytest.mark.parametrize(("by", "groups"), [("month", ["2026-08", "2026-09"]), ("channel", ["ads", None]),
                                            ("segment", ["steel", None])])  # fmt: skip
def test_groups(by: str, groups: list[str | None]) -> None:
    log = Log()
    log.add("a", "page_view", NOW - 90 * DAY, "ads")
    log.add("a", "identify", NOW - 90 * DAY, industry="steel")
    log.handoff("a", NOW - 80 * DAY)
    log.add("b", "page_view", NOW - 90 * DAY, "direct")
    log.handoff("b", NOW - 50 * DAY)
    whole, *rest = windows_kept(log.journeys(), EVER, by, "industry")
    assert (whole.whole, whole.handoffs) == (True, 2)
    assert [(one.whole, one.group, one.handoffs) for one in rest] == [(False, group, 1) for group in groups]
    chances = chances_kept(log.journeys(), EVER, by, "industry")
    assert [one.group for one in chances if not one.whole and one.horizon == 7] == groups


def test_only_handoffs_of_the_period_count() -> None:
    log = Log()
    log.handoff("a", NOW - 80 * DAY)
    log.handoff("b", NOW - 50 * DAY)
    whole, *_ = windows_kept(log.journeys(), Period(NOW - 60 * DAY, NOW), "month", "")
    assert whole.handoffs == 1


def market(rate_of_month: list[float]) -> Log:
    """Months of 200 leads, of which a share buys on the tenth day."""
    log = Log()
    for month, rate in enumerate(rate_of_month):
        for n in range(200):
            at = NOW - (10 + 30 * month) * DAY - n * 60_000_000
            log.add(f"m{month}-{n}", "page_view", at, "web")
            if n < rate * 200 and at + 10 * DAY < NOW:
                log.add(f"m{month}-{n}", "purchased", at + 10 * DAY)
    return log


def test_a_base_rate_that_stays_does_not_drift_and_one_that_changes_does() -> None:
    steady = base_rates(market([0.2] * 6).journeys(), EVER, (30,))
    assert [one.drifted for one in steady if one.rate] == [False] * len([one for one in steady if one.rate])
    moved = {one.month: one for one in base_rates(market([0.2, 0.05, 0.2, 0.2, 0.4]).journeys(), EVER, (30,))}
    drifted = {month for month, one in moved.items() if one.drifted}
    assert len(drifted) == 2
    assert moved["2026-10"].rate is None, "its leads were seen for ten days"
    for one in moved.values():
        assert one.rate is None or one.seen == one.leads == 200


def test_leads_that_are_still_open_are_censored_in_the_base_rate() -> None:
    log = Log()
    for n in range(400):
        at = NOW - (n % 40 + 1) * DAY
        log.add(f"a{n}", "page_view", at)
        if n % 2 and n % 40 > 20:
            log.add(f"a{n}", "purchased", at + 20 * DAY)
    found = base_rates(log.journeys(), EVER, (30,))
    bought = sum(event.type == "purchased" for event in log.events) / 400
    assert bought < 0.27
    whole = found[0].all
    assert whole == pytest.approx(0.5, abs=0.03), "not a quarter: those who were not followed for 20 days say nothing"
