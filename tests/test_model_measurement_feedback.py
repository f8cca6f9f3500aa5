"""What came back from sales, and the profile of the most satisfied customers: as docs/measurement.md defines them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from measurement_log import EVER, NOW, Log

from features.events import DAY
from model.measurement.contents import content_of
from model.measurement.feedback import feedback, mean_within, reasons
from model.measurement.journeys import Journeys
from model.measurement.period import Period
from model.measurement.satisfied import AT_LEAST, Fact, groups, paths, profile

START = NOW - 200 * DAY


def crowd() -> Log:
    """20 most satisfied customers, who read the guide and came by the webinar; 40 others by ads; 30 lost leads."""
    log = Log()
    for i in range(90):
        lead, satisfied, lost = f"l{i:02}", i < 20, i >= 60
        log.add(lead, "identify", START, size="small" if satisfied or i % 4 == 0 else "large", account_id=f"a{i}")
        log.add(lead, "page_view", START, "webinar" if satisfied else "ads", "spring", path="/home?utm=1")
        if satisfied or i % 10 == 0:
            log.add(lead, "page_view", START + DAY, "direct", path=f"/guide/{i % 2}")
        if lost:
            log.add(lead, "lost", START + 9 * DAY, reason="no_budget" if i % 2 else None)
        else:
            told = {"satisfaction": 10 if satisfied else 4} if i < 40 else {}
            log.add(lead, "purchased", START + 9 * DAY, **told)
    return log


def facts(data: Journeys, against: str = "customers") -> dict[tuple[str, str, str], Fact]:
    return {(one.kind, one.name, one.value): one for one in profile(data, groups(data, EVER, 9, against))}


def test_a_profile_finds_what_the_most_satisfied_did_more_often() -> None:
    data = crowd().journeys()
    found = facts(data)
    guide = found["section", "", "guide"]
    assert (guide.count, guide.of, guide.other_count, guide.other_of) == (20, 20, 4, 40)
    assert guide.lift.value == 10
    assert 3 < guide.lift.low < 10 < guide.lift.high
    assert guide.q < 1e-6
    assert found["trait", "size", "small"].lift.value == pytest.approx(4)
    assert found["channel", "", "ads"].lift.value == 0
    assert np.isinf(found["channel", "", "webinar"].lift.value)
    assert ("channel", "", "direct") not in found, "of direct nobody knows what made them come"
    assert ("campaign", "", "spring") not in found, "what all did says nothing"
    assert ("content", "", "/home") not in found, "nor here: the query is no content of its own"
    assert not any(name == "account_id" for _, name, _ in found)
    assert all(one.count + one.other_count >= AT_LEAST for one in found.values())
    order = [one.q for one in profile(data, groups(data, EVER, 9, "customers"))]
    assert order == sorted(order)


def test_with_whom_the_most_satisfied_are_compared() -> None:
    data = crowd().journeys()
    sizes = {
        against: [int(part.sum()) for part in (found.satisfied, found.others)]
        for against in ("customers", "rated", "lost")
        for found in [groups(data, EVER, 9, against)]
    }
    assert sizes == {"customers": [20, 40], "rated": [20, 20], "lost": [20, 30]}
    assert groups(data, Period(0, START), 9, "lost").others.sum() == 0
    assert profile(data, groups(data, Period(0, START), 9, "customers")) == []
    assert groups(data, EVER, 4, "customers").satisfied.sum() == 40


def test_nothing_after_the_ending_and_nothing_of_sales_is_in_a_profile() -> None:
    log = crowd()
    for i in range(60):
        log.add(f"l{i:02}", "page_view", START + (20 if i < 20 else 1) * DAY, "direct", path="/late")
        if i < 20:
            log.add(f"l{i:02}", "page_view", START + DAY, "phone", path="/offer")
            log.add(f"l{i:02}", "mail_sent", START + DAY, "mail", content="mail-1")
    found = facts(log.journeys())
    assert found["content", "", "/late"].count == 0
    assert not {value for kind, _, value in found if kind == "content"} & {"/offer", "mail-1"}


def test_a_trait_is_counted_among_those_of_whom_it_is_known() -> None:
    log = crowd()
    for i in range(0, 60, 2):
        log.add(f"l{i:02}", "identify", START, team="yes" if i < 20 else "no")
    yes = facts(log.journeys())["trait", "team", "yes"]
    assert (yes.count, yes.of, yes.other_count, yes.other_of) == (10, 10, 0, 20)


def test_colleagues_who_do_alike_make_the_evidence_weaker() -> None:
    found = []
    for size in (1, 4):
        log = Log()
        for i in range(80):
            account = i // size
            log.add(f"l{i:02}", "identify", START, account_id=f"a{account}")
            if i < 20 or 40 <= i < 44:
                log.add(f"l{i:02}", "page_view", START, "event", content="fair")
            log.add(f"l{i:02}", "purchased", START + DAY, satisfaction=9 if i < 40 else 3)
        found.append(facts(log.journeys())["content", "", "fair"])
    alone, together = found
    assert (alone.count, alone.lift.value) == (together.count, together.lift.value) == (20, 5)
    assert together.p > 10 * alone.p
    assert together.lift.low < alone.lift.low < alone.lift.high < together.lift.high


def test_what_all_of_a_few_accounts_did_counts_once_for_each() -> None:
    found = []
    for size in (1, 10):
        log = crowd()
        for i in range(20):
            log.add(f"l{i:02}", "identify", START + 1, account_id=f"b{i // size}")
        found.append(facts(log.journeys())["section", "", "guide"])
    alone, two_accounts = found
    assert (two_accounts.count, two_accounts.of) == (alone.count, alone.of) == (20, 20)
    assert alone.p < 1e-9
    assert two_accounts.p > 0.01
    assert two_accounts.lift.low < alone.lift.low


def test_paths_are_the_first_the_middle_and_the_last_touch() -> None:
    log = Log()
    for lead, channels in {"a": "xxyz", "b": "xyz", "c": "xwyvz", "d": "x", "e": "xz", "f": "xyxz", "o": "xyz"}.items():
        for n, channel in enumerate(channels):
            log.add(lead, "page_view", START + n * DAY, channel, content=f"asset-{channel}")
        log.add(lead, "purchased", START + 20 * DAY, satisfaction=1 if lead == "o" else 9)
    data = log.journeys()
    found = paths(data, groups(data, EVER, 9, "customers"))
    of_channels = {(one.first, one.middle, one.last): (one.count, one.other_count) for one in found
                   if one.kind == "channel"}  # fmt: skip
    assert of_channels == {("x", "y", "z"): (3, 1), ("x", "x", "z"): (1, 0), ("x", None, "z"): (1, 0),
                           ("x", None, None): (1, 0)}  # fmt: skip
    assert {(one.of, one.other_of) for one in found} == {(6, 1)}
    assert found[-1].kind == "content"
    assert {one.first for one in found if one.kind == "content"} == {"asset-x"}


def returned() -> Log:
    log = Log()
    for n, lead in enumerate(("a", "b", "c")):
        log.add(lead, "page_view", START, "ads" if n < 2 else "direct", "spring" if n == 0 else None)
        log.handoff(lead, START + DAY, held_out=lead == "c")
        log.add(lead, "handoff_rejected", START + (3 if n else 0) * DAY, reason=f"reason {lead}")
    for disposition in ("too_early", "On_Time", "on_time", "no_answer", "busy", None):
        log.add("a", "sales_call", START + 2 * DAY, "phone", disposition=disposition)
    log.add("a", "purchased", START + 5 * DAY, reason="price")
    log.add("a", "purchased", START + 6 * DAY, satisfaction=8, reason="trust")
    log.add("b", "lost", START + 5 * DAY, reason="no_budget", satisfaction=11)
    return log


def test_feedback_by_channel_and_campaign() -> None:
    data = returned().journeys()
    total, ads = feedback(data, EVER, "channel")
    assert (total.wins, total.lost, total.calls, total.handed_over, total.rejected) == (1, 1, 6, 2, 1)
    assert (ads.channel, ads.wins, ads.answers, ads.satisfaction.value) == ("ads", 1, 1, 8)
    assert ads.dispositions == {"too_early": 1, "on_time": 2, "too_late": 0, "not_a_buyer": 0, "wrong_person": 0,
                                "no_answer": 1}  # fmt: skip
    assert ads.other == 2
    assert ads.on_time_share.value == pytest.approx(2 / 3)
    assert ads.on_time_share.low < 0.2, "three calls to one lead are worth one"
    assert ads.rejected_share.value == 0.5, "a was given back before it was handed over"
    by_campaign = feedback(data, EVER, "campaign")[1:]
    assert [(one.channel, one.campaign) for one in by_campaign] == [("ads", "spring"), ("ads", None)]
    assert feedback(data, Period(0, START), "channel")[0].calls == 0


def test_reasons_are_those_told_last() -> None:
    found = [(one.outcome, one.reason, one.leads) for one in reasons(returned().journeys(), EVER)]
    assert found == [
        ("purchased", "trust", 1), ("lost", "no_budget", 1),
        ("rejected", "reason a", 1), ("rejected", "reason b", 1), ("rejected", "reason c", 1),
    ]  # fmt: skip
    assert [(one.reason, one.leads) for one in reasons(crowd().journeys(), EVER)] == [
        (None, 60), ("no_budget", 15), (None, 15),
    ]  # fmt: skip


def test_satisfaction_out_of_range_is_not_known() -> None:
    assert np.isnan(returned().journeys().told.satisfaction[1])


def test_the_mean_covers_and_colleagues_widen_it() -> None:
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(400):
        drawn = rng.choice([2.0, 7.0, 8.0, 9.0, 10.0], 12)
        found = mean_within(drawn, np.arange(12), 10)
        hits += found.low <= 7.2 <= found.high
    assert 0.90 < hits / 400 < 0.98
    values = np.repeat([2.0, 9.0, 7.0, 10.0], 5)
    apart, together = mean_within(values, np.arange(20), 10), mean_within(values, np.repeat(np.arange(4), 5), 10)
    assert together.high - together.low > 1.5 * (apart.high - apart.low)
    assert np.isnan(mean_within([9.0, 9.0], [0, 1], 10).low)
    assert mean_within([], [], 10) is None


@given(st.lists(st.floats(0, 10), min_size=2, max_size=30))
def test_a_mean_lies_within_its_interval_and_the_scale(values: list[float]) -> None:
    found = mean_within(values, np.arange(len(values)), 10)
    if not np.isnan(found.low):
        assert 0 <= found.low <= found.value <= found.high <= 10


@pytest.mark.parametrize(
    ("value", "name"),
    [("/a/b?x=1#y", "/a/b"), ("https://h.example/a/?q", "https://h.example/a"), ("/", "/"), ("what? #1", "what? #1"),
     ("mail-7", "mail-7"), (None, None), (" ", None), (5.0, "5"), ([1], None)],
)  # fmt: skip
def test_how_a_content_is_named(value: object, name: str | None) -> None:
    assert content_of(value) == name
