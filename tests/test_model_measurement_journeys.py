"""What is through marketing, influenced and ripe: the definitions of docs/measurement.md."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from measurement_log import EVER, HOUR, NOW, Log

from features.events import DAY, to_datetime
from features.history import History
from model.measurement.journeys import TouchRules, journeys
from model.measurement.kept import windows_kept
from model.measurement.period import Period
from model.measurement.salespeople import salespeople
from model.measurement.sourced import sourced

START = NOW - 100 * DAY


def day(at: int) -> str:
    return to_datetime(at).date().isoformat()


def source_of(log: Log, **rules: frozenset[str]) -> str | None:
    data = log.journeys(**rules)
    return None if data.source[0] < 0 else data.channels[data.source[0]]


@pytest.mark.parametrize(
    ("touches", "source"),
    [
        ([("page_view", "ads"), ("page_view", "web")], "ads"),
        ([("sales_call", "phone"), ("page_view", "ads")], "ads"),  # sales' own touches aside
        ([("mail", "sales"), ("page_view", "ads")], "ads"),
        ([("page_view", "direct"), ("page_view", "ads")], None),  # it is not known what made it come
        ([("page_view", None), ("page_view", "ads")], None),
        ([("mail_sent", "mail"), ("page_view", "ads")], "ads"),  # nothing that the lead did
        ([("identify", "ads"), ("need_declared", "ads"), ("page_view", "web")], "web"),
        ([("sales_call", "phone")], None),
    ],
)
def test_through_marketing_is_whose_first_touch_has_a_channel(
    touches: list[tuple[str, str | None]], source: str | None
) -> None:
    log = Log()
    for n, (kind, channel) in enumerate(touches):
        log.add("a", kind, START + n * DAY, channel, need_by="2026-12-01")
    assert source_of(log) == source


def test_which_channels_are_sales_is_a_setting() -> None:
    log = Log()
    log.add("a", "page_view", START, "outbound")
    log.add("a", "page_view", START + DAY, "ads")
    assert source_of(log) == "outbound"
    assert source_of(log, sales_channels=frozenset({"outbound"})) == "ads"
    assert source_of(log, unknown_channels=frozenset({"outbound"})) is None


def test_influenced_is_with_any_marketing_touch_until_the_purchase() -> None:
    log = Log()
    for lead, channel, after in (("before", "ads", -1), ("after", "ads", 1), ("direct", "direct", -1)):
        log.add(lead, "sales_call", START - 5 * DAY, "phone")
        log.add(lead, "page_view", START - 3 * DAY, "direct")
        log.add(lead, "page_view", START + after * DAY, channel)
        log.add(lead, "purchased", START, value=10)
    total = sourced(log.journeys(), EVER).total
    assert (total.wins, total.influenced_wins, total.influenced_value, total.sourced_wins) == (3, 1, 10, 0)


@pytest.mark.parametrize(
    ("call", "window", "ripe"),
    [
        (DAY, {}, True),
        (None, {}, True),
        (-DAY, {}, False),  # sales had called already
        (0, {}, False),  # not before the call
        (DAY, {"call_on": day(START + 2 * DAY)}, False),  # its time had not come
        (DAY, {"window_end": day(START - 2 * DAY)}, False),  # its time was over
        (DAY, {"window_end": None, "call_on": None}, False),
        (DAY, {"call_on": day(START - 20 * DAY), "window_start": day(START + DAY)}, True),
        (DAY, {"window_end": "soon"}, False),
    ],
)
def test_ripe_is_handed_over_with_the_window_open_before_sales_called(
    call: int | None, window: dict[str, str | None], ripe: bool
) -> None:
    log = Log()
    log.handoff("a", START, **window)
    if call is not None:
        log.add("a", "sales_call", START + call, "phone")
    log.add("a", "purchased", START + 5 * DAY, value=7)
    total = sourced(log.journeys(), EVER).total
    assert (total.ripe_wins, total.ripe_value) == ((1, 7) if ripe else (0, 0))


def test_a_handoff_at_or_after_the_purchase_makes_nothing_ripe() -> None:
    log = Log()
    log.add("a", "purchased", START)
    log.handoff("a", START)
    log.handoff("a", START + DAY)
    found = sourced(log.journeys(), EVER)
    assert (found.total.ripe_wins, found.handed_over, found.ripe_leads) == (0, 0, 0)


def test_a_handoff_that_was_held_out_hands_nothing_over_but_predicts() -> None:
    log = Log()
    log.handoff("a", START, held_out=True, holdout_share=0.1)
    log.add("a", "sales_call", START + DAY, "phone")
    log.add("a", "purchased", START + 5 * DAY)
    log.handoff("b", START, held_out=False, holdout_share=0.1)
    data = log.journeys()
    found, team = sourced(data, EVER), salespeople(data, EVER)
    assert (found.handed_over, found.ripe_leads, found.total.ripe_wins) == (1, 1, 0)
    assert [(one.owner, one.leads, one.handed_over, one.wins) for one in team.people] == [("kim", 1, 1, 0)]
    assert windows_kept(data, EVER, "month", "")[0].handoffs == 2


def test_handoffs_without_a_window_are_counted_apart() -> None:
    log = Log()
    log.add("a", "handoff", START)
    log.handoff("b", START)
    found = sourced(log.journeys(), EVER)
    assert (found.handed_over, found.handed_over_without_window, found.ripe_leads) == (2, 1, 1)


def test_the_value_is_that_of_the_purchase_as_told_last_else_that_of_the_lead() -> None:
    log = Log()
    log.add("told", "identify", START, value=1)
    log.add("told", "purchased", START + DAY, value=2)
    log.add("told", "purchased", START + DAY, value=3.5)  # told again, with more
    log.add("trait", "identify", START, value="4")
    log.add("trait", "purchased", START + DAY)
    for mistake in ("much", -5, 1e300):
        log.add(f"unknown {mistake}", "purchased", START + DAY, value=mistake)
    total = sourced(log.journeys(), EVER).total
    assert (total.wins, total.value, total.wins_without_value) == (5, 7.5, 3)


def test_months_and_sources_add_up_to_the_total() -> None:
    log = Log()
    for n in range(30):
        log.add(f"a{n}", "page_view", START + n * DAY, ("ads", "web", "direct")[n % 3])
        log.add(f"a{n}", "purchased" if n % 4 else "lost", START + 3 * n * DAY, value=n + 0.1)
    found = sourced(log.journeys(), EVER)
    assert sum(one.wins for one in found.months.values()) == found.total.wins == 22
    assert sum(one.wins for one in found.sources) == found.total.wins
    assert round(sum(one.value for one in found.sources), 2) == found.total.value
    assert found.sources[-1].channel is None
    for name in asdict(found.total):
        assert sum(getattr(one, name) for one in found.months.values()) == pytest.approx(getattr(found.total, name))


def test_a_period_holds_its_beginning_and_not_its_end() -> None:
    log = Log()
    for at in (START, START + DAY, START + 2 * DAY):
        log.add(f"a{at}", "purchased", at)
    assert sourced(log.journeys(), Period(START, START + 2 * DAY)).total.wins == 2


def test_nothing_is_known_of_an_empty_log() -> None:
    data = journeys(History.from_events([]), NOW, TouchRules())
    assert sourced(data, EVER).total.wins == 0


def test_what_was_recorded_later_is_not_known_yet() -> None:
    log = Log()
    log.add("a", "page_view", START, "ads")
    log.add("a", "purchased", START + DAY)
    log.add("a", "page_view", START + 2 * HOUR, "web")
    assert sourced(log.journeys(START + HOUR), EVER).total.wins == 0


def test_a_window_may_open_some_days_before_the_call_date() -> None:
    log = Log()
    log.add("a", "page_view", NOW - 30 * DAY, "ads")
    log.handoff("a", NOW - 20 * DAY, call_on=to_datetime(NOW - 10 * DAY).date().isoformat())
    assert not log.journeys(days_ahead=9).handoffs.ripe[0]
    assert log.journeys(days_ahead=10).handoffs.ripe[0]


def test_a_window_may_open_when_waiting_begins_to_cost_more_than_a_call() -> None:
    log = Log()
    ahead = to_datetime(NOW - 10 * DAY).date().isoformat()
    for lead, day in (("a", 20), ("b", 19)):
        log.add(lead, "page_view", NOW - 30 * DAY, "ads")
        log.handoff(lead, NOW - 20 * DAY, call_on=ahead, handoff_on=to_datetime(NOW - day * DAY).date().isoformat())
    assert log.journeys().handoffs.ripe.tolist() == [True, False]
