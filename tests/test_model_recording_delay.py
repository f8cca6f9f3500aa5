"""How late endings are recorded, and what that does to labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.events import DAY, IDENTIFY, PURCHASED, Event
from features.history import History
from features.lives import BOUGHT
from model.examples import calendar_split, weekly_landmarks
from model.recording_delay import MOST_OF_HISTORY, recording_delay, right_truncated_quantile

START = 20_000 * DAY


def day(n: float) -> int:
    return START + int(n * DAY)


def event(lead: str, at: float, kind: str, recorded: float) -> Event:
    return Event(
        event_id=f"{lead}/{kind}", lead_id=lead, type=kind, occurred_at=day(at), recorded_at=day(recorded)
    )  # fmt: skip


def history(lives: Sequence[tuple[float, float, float]]) -> History:
    """Leads by the day of entry, of the purchase, and of its record."""
    events = [event(str(i), entry, IDENTIFY, entry) for i, (entry, _, _) in enumerate(lives)]
    events += [event(str(i), end, PURCHASED, recorded) for i, (_, end, recorded) in enumerate(lives)]
    return History.from_events(events)


def lives_with(mean_delay: float, *, n: int = 4_000, days: float = 200.0) -> list[tuple[float, float, float]]:
    """Everybody buys, at a constant rate of one in 40 days; records follow after exponential delays."""
    rng = np.random.default_rng(5)
    entry = rng.uniform(0, days, n)
    end = entry + rng.exponential(40.0, n)
    return list(zip(entry, end, end + rng.exponential(mean_delay, n), strict=True))


@given(st.lists(st.floats(0, 50), min_size=1, max_size=40), st.floats(0.05, 1.0))
def test_delays_that_were_all_followed_have_their_own_quantile(delays: list[float], level: float) -> None:
    delay = np.array(delays)
    found = right_truncated_quantile(delay, np.full(len(delay), 1_000.0), level)
    assert found == np.quantile(delay, level, method="inverted_cdf")


def test_new_endings_that_are_not_yet_recorded_do_not_make_delays_look_short() -> None:
    rng = np.random.default_rng(0)
    delay, followed = rng.exponential(10.0, 20_000), rng.uniform(0, 60.0, 20_000)
    seen = delay <= followed
    naive = np.quantile(delay[seen], 0.9)
    found = right_truncated_quantile(delay[seen], followed[seen], 0.9)
    truth = 10.0 * np.log(10)
    assert abs(found - truth) < 1.5 < truth - naive


def test_history_recorded_as_it_happened_is_cut_nowhere() -> None:
    made = history([(entry, end, end) for entry, end, _ in lives_with(1.0, n=300)])
    found = recording_delay(made, day(200))
    assert (found.lag, found.quantile, found.capped) == (0.0, 0.0, False)
    assert calendar_split(made, known_by=day(200), longest=30).lag == 0


def test_too_few_endings_tell_of_no_delay() -> None:
    assert recording_delay(history(lives_with(5.0, n=10)), day(200)).lag == 0.0


def test_the_lag_stays_a_part_of_the_history() -> None:
    found = recording_delay(history(lives_with(60.0, n=500)), day(200))
    assert found.capped
    assert found.lag < found.quantile
    assert found.lag == pytest.approx(MOST_OF_HISTORY * 200, rel=0.05)


def test_leads_that_were_loaded_with_their_ending_are_no_sign_of_slow_records() -> None:
    fast = [(entry, end, end) for entry, end, _ in lives_with(1.0, n=300)]
    events = [event(f"old{i}", 1.0 + i / 1_000, PURCHASED, 190.0) for i in range(300)]
    made = history(fast)
    both = History.from_events(
        [*events, *(event(str(i), a, IDENTIFY, a) for i, (a, _, _) in enumerate(fast)),
         *(event(str(i), b, PURCHASED, b) for i, (_, b, _) in enumerate(fast))]
    )  # fmt: skip
    assert recording_delay(both, day(200)) == recording_delay(made, day(200))


def test_slow_records_no_longer_make_the_newest_labels_too_open() -> None:
    made = history(lives_with(5.0))
    lag = round(recording_delay(made, day(200)).lag * DAY)
    assert lag / DAY == pytest.approx(5.0 * np.log(20), rel=0.15)

    def rate(lag: int) -> float:
        """Purchases a day of those who were open in the last weeks; the truth is one in 40."""
        block = weekly_landmarks(made, since=day(160), until=day(200), known_by=day(200), lag=lag)
        assert block.known_by == day(200) - lag
        return float((block.outcome == BOUGHT).sum() / block.duration.sum())

    assert rate(0) < 0.85 / 40
    assert rate(lag) == pytest.approx(1 / 40, rel=0.1)


def test_blocks_move_with_the_lag() -> None:
    made = history(lives_with(4.0, n=1_000))
    split = calendar_split(made, known_by=day(200), longest=30)
    assert split.lag > 3 * DAY
    train, calibrate, test = split.train(made), split.calibrate(made), split.test(made)
    assert train.known_by == calibrate.known_by == split.test_since - split.lag
    assert test.known_by == split.known_by - split.lag
    assert calibrate.followed.min() >= split.gap - 1e-9
    assert split.gap == pytest.approx(15.0, abs=1.0)
