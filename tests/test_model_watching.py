"""What the watch is fed with: weeks of forecasts, deadlines that come due, channels, shares, and the verdict."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from features.events import DAY, Event
from features.history import History
from features.lives import BOUGHT, GONE, OPEN, lead_lives
from model.drift import chance_index
from model.watching.channels import channels
from model.watching.deadlines import due
from model.watching.forecasts import NO_DAY, Forecasts, calibration, dates, weeks, windows_kept
from model.watching.proportions import below_usual, longest_silence, share_limits
from model.watching.sequential import evidence
from model.watching.verdict import FINE, RETRAIN, UNKNOWN, WATCH, Check, verdict, why

BEGIN = 20_000 * DAY


def forecasts(rows: list[tuple[int, int, float, float | None, int]], *, known_by: int) -> Forecasts:
    """Rows: day, lead, chance within a week, days to the ending (None: open), outcome."""
    day, lead, chance, _, outcome = zip(*rows, strict=True)
    as_of = BEGIN + np.array(day) * DAY
    ended = np.array([known_by * DAY + BEGIN if row[3] is None else BEGIN + (row[0] + row[3]) * DAY for row in rows])
    return Forecasts(
        as_of=as_of,
        lead=np.array(lead),
        account=np.array(lead),
        weekly=np.array(chance),
        chance=np.array(chance)[:, None] * [1.0, 2.0],
        horizons=(7, 14),
        first_day=np.where(np.array(outcome) == BOUGHT, as_of // DAY, NO_DAY),
        last_day=np.where(np.array(outcome) == BOUGHT, as_of // DAY + 5, NO_DAY),
        ended_at=ended.astype(np.int64),
        outcome=np.array(outcome, dtype=np.int8),
        known_by=BEGIN + known_by * DAY,
    )


ROWS = [
    (0, 0, 0.2, 3.0, BOUGHT),
    (0, 1, 0.1, None, OPEN),
    (0, 2, 0.1, 12.0, BOUGHT),
    (7, 1, 0.1, None, OPEN),
    (7, 2, 0.4, 5.0, BOUGHT),
    (14, 1, 0.3, None, OPEN),  # the week is not over
]


def test_before_any_week_is_over_there_is_no_evidence() -> None:
    found = weeks(forecasts([(0, 0, 0.5, None, 0)], known_by=3), tolerance=0.25)
    assert (len(found.begins), len(found.bought), len(found.steps)) == (0, 0, 0)
    assert found.steps.shape[1] > 0


def test_weeks_that_are_over_are_counted() -> None:
    found = weeks(forecasts(ROWS, known_by=20), tolerance=0.0)
    assert found.begins.tolist() == [BEGIN, BEGIN + 7 * DAY]
    assert found.leads.tolist() == [3, 2]
    assert found.expected == pytest.approx([0.4, 0.5])
    assert found.bought.tolist() == [1, 1]
    assert found.steps[0] == pytest.approx(evidence([1, 0, 0], [0.2, 0.1, 0.1], [0.2, 0.1, 0.1]))


def test_tolerance_takes_evidence_away() -> None:
    exact, lenient = (weeks(forecasts(ROWS, known_by=20), tolerance=by).steps for by in (0.0, 0.5))
    assert (lenient.max(axis=0) <= exact.max(axis=0) + 1e-12).all()


def test_calibration_looks_at_what_is_a_whole_horizon_ago() -> None:
    seven, fourteen = calibration(forecasts(ROWS, known_by=20))
    assert (seven.days, seven.bought, seven.leads) == (7, 2, 3)
    assert seven.ratio.value == pytest.approx(2 / 0.9)
    assert (fourteen.bought, fourteen.expected) == (2, pytest.approx(0.8))
    assert calibration(forecasts(ROWS, known_by=3)) == []


def test_what_a_model_without_a_horizon_forecast_counts_for_the_others_alone() -> None:
    told = forecasts(ROWS, known_by=20)
    told.chance[0, 1] = np.nan
    seven, fourteen = calibration(told)
    assert (seven.bought, seven.leads) == (2, 3)
    assert (fourteen.bought, fourteen.expected, fourteen.leads) == (1, pytest.approx(0.4), 2)
    assert np.isfinite([fourteen.ratio.value, fourteen.ratio.low, fourteen.ratio.high]).all()
    told.chance[:, 1] = np.nan
    assert [one.days for one in calibration(told)] == [7]


def test_windows_are_kept_by_those_who_bought_within_them() -> None:
    found = windows_kept(forecasts(ROWS, known_by=20))
    assert found is not None
    assert found[0] == 2
    assert found[1].value == pytest.approx(0.5)  # one after 3 days, one after 12
    assert windows_kept(forecasts(ROWS, known_by=10)) is None


def test_forecasts_follow_one_another_and_kept_ones_come_first() -> None:
    week = 7 * DAY
    assert dates([], since=0, now=2 * week) == [(0, False), (week, False), (2 * week, False)]
    assert dates([10 * DAY], since=0, now=18 * DAY) == [(0, False), (10 * DAY, True), (17 * DAY, False)]
    # before the model had learned nothing is replayed
    assert dates([DAY, 30 * DAY], since=20 * DAY, now=31 * DAY) == [(DAY, True), (20 * DAY, False), (30 * DAY, True)]


@given(st.lists(st.integers(0, 200), max_size=20), st.integers(0, 200), st.integers(0, 200))
def test_no_two_forecasts_overlap(kept: list[int], since: int, now: int) -> None:
    found = dates([day * DAY for day in kept], since=since * DAY, now=now * DAY)
    times = [at for at, _ in found]
    assert all(later - earlier >= 7 * DAY for earlier, later in pairwise(times))
    assert all(at <= now * DAY for at in times)
    assert all(was_kept or at >= since * DAY for at, was_kept in found)


def history(*events: tuple[str, float, str, dict[str, object], str | None]) -> History:
    return History.from_events(
        Event(
            event_id=str(i),
            lead_id=lead,
            type=kind,
            occurred_at=BEGIN + int(day * DAY),
            recorded_at=BEGIN + int(day * DAY),
            channel=channel,
            properties=said,
        )
        for i, (lead, day, kind, said, channel) in enumerate(events)
    )


def declared(lead: str, day: float, by: int) -> tuple[str, float, str, dict[str, object], None]:
    return lead, day, "need_declared", {"need_by": np.datetime64(20_000 + by, "D").item().isoformat()}, None


def test_deadlines_are_put_off_or_not() -> None:
    found = history(
        declared("a", 1, 30),
        declared("a", 26, 60),  # put off in the week before
        declared("b", 2, 31),
        declared("c", 2, 30),
        ("c", 10, "purchased", {}, None),  # not open any more when it came due
        declared("d", 3, 31),
        declared("d", 4, 20),  # an earlier one
        declared("a", 58, 90),  # put off again, which is not counted
        ("e", 1, "page_view", {}, None),
    )
    lives = lead_lives(found, BEGIN + 50 * DAY)
    own = np.arange(found.n_leads)
    seen = due(found, lives, own, anchor=BEGIN, until=BEGIN + 50 * DAY)
    told = list(zip(((seen.week - BEGIN) // DAY).tolist(), seen.put_off.tolist(), strict=True))
    assert sorted(told) == [(14, False), (28, False), (28, True)]
    # what leads of one account declare counts once
    together = due(found, lives, own * 0, anchor=BEGIN, until=BEGIN + 50 * DAY)
    assert len(together.week) < len(seen.week)


def test_a_channel_that_breaks_off_is_told_from_one_that_goes_on() -> None:
    rows = [
        (f"{channel}{day}{n}", float(day), "page_view", {}, channel)
        for day in range(112)
        for channel in ("ads", "mail", "web")
        for n in range(6)
        if channel != "ads" or day < 105
    ]
    found = channels(history(*rows), BEGIN + 112 * DAY, share=0.5)
    assert found[0].name == "ads"
    assert (found[0].days, found[0].now, found[0].usual) == (7, 0, pytest.approx(36))
    assert found[0].chance < 1e-4
    assert all(one.chance > 0.5 for one in found[1:])


@given(st.integers(0, 60), st.integers(0, 60))
def test_below_usual_is_the_binomial_chance(now: int, before: int) -> None:
    expected = 1.0 if now + before == 0 else binom.cdf(now, now + before, 0.5 / 12.5)
    assert below_usual(now, before, (1.0, 12.0), share=0.5) == pytest.approx(expected)


@given(st.integers(0, 50), st.integers(0, 50))
def test_share_limits_hold_the_share(happened: int, more: int) -> None:
    low, high = share_limits(happened, happened + more)
    if happened + more:
        assert low <= happened / (happened + more) <= high
    else:
        assert (low, high) == (0.0, 1.0)


def test_share_limits_of_nought_out_of_ten() -> None:
    assert share_limits(0, 10) == (0.0, pytest.approx(1 - 0.025**0.1))


def test_a_silence_that_chance_explains() -> None:
    assert longest_silence(2.0, chance=np.exp(-4)) == pytest.approx(2.0)
    assert longest_silence(0.0, chance=0.1) == float("inf")


def test_the_index_of_two_samples_of_one_distribution() -> None:
    rng = np.random.default_rng(3)
    limit = chance_index(400, 300, 10, chance=0.05)
    from model.drift import bin_edges, bin_shares, stability_index

    over = 0
    for _ in range(300):
        before, now = rng.normal(size=400), rng.normal(size=300)
        edges = bin_edges(before)
        over += stability_index(bin_shares(before, edges), bin_shares(now, edges)) > limit
    assert 0.01 <= over / 300 <= 0.1


def test_the_gravest_status_is_the_verdict() -> None:
    checks = [
        Check("a", UNKNOWN, "x", "none"),
        Check("b", WATCH, "5", "9", "Look"),
        Check("c", RETRAIN, "1", "6", "Train"),
    ]
    assert (verdict(checks), verdict(checks[:2]), verdict(checks[:1]), verdict([])) == (RETRAIN, WATCH, FINE, FINE)
    assert why(checks) == "c: expected 1, got 6. Train (and 1 more)"
    assert why(checks[:1]).startswith("Nothing has changed")


def test_a_lead_that_was_lost_is_no_purchase() -> None:
    found = weeks(forecasts([(0, 0, 0.2, 3.0, GONE)], known_by=20), tolerance=0.0)
    assert found.bought.tolist() == [0]
