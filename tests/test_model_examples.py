from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.catalogue import Catalogue
from features.errors import InputError
from features.events import DAY, IDENTIFY, LOST, PURCHASED, Event
from features.feature_spec import FeatureSpec
from features.history import History
from model.examples import Examples, Split, calendar_split, training_landmarks, weekly_landmarks

START = 20_000 * DAY


def event(lead: str, day: float, kind: str = IDENTIFY, recorded: float | None = None) -> Event:
    at = START + int(day * DAY)
    late = at if recorded is None else START + int(recorded * DAY)
    return Event(event_id=f"{lead}/{kind}/{day}", lead_id=lead, type=kind, occurred_at=at, recorded_at=late)


def history(lives: Sequence[tuple[float, float | None, str]]) -> History:
    """Leads "0", "1", ..: the day of entry, the day of the ending or None, and which ending."""
    events = [event(str(i), entry) for i, (entry, _, _) in enumerate(lives)]
    events += [event(str(i), end, kind) for i, (_, end, kind) in enumerate(lives) if end is not None]
    return History.from_events(events)


def day(n: float) -> int:
    return START + int(n * DAY)


def rows_of(examples: Examples, lead: str) -> list[tuple[int, int, float]]:
    mine = examples.lead_ids == lead
    columns = (examples.as_of[mine], examples.outcome[mine], examples.duration[mine])
    return list(zip(*(c.tolist() for c in columns), strict=True))


spans = st.tuples(st.floats(0, 200), st.one_of(st.none(), st.floats(0.01, 150)), st.sampled_from([PURCHASED, LOST]))
many_lives = st.lists(spans, min_size=1, max_size=8).map(
    lambda drawn: [(a, None if length is None else a + length, kind) for a, length, kind in drawn]
)


@given(many_lives, st.integers(0, 5))
def test_landmarks_lie_within_the_open_life_and_labels_end_with_the_fold(
    lives: list[tuple[float, float | None, str]], seed: int
) -> None:
    made = training_landmarks(history(lives), since=day(20), until=day(120), known_by=day(130), seed=seed)
    for lead, at, outcome, duration in zip(made.lead_ids, made.as_of, made.outcome, made.duration, strict=True):
        entry, end, kind = lives[int(lead)]
        assert max(day(entry), day(20)) <= at < day(120)
        assert duration > 0
        ended = end is not None and day(end) <= day(130)
        assert outcome == (0 if not ended else 1 if kind == PURCHASED else 2)
        stop = day(end) if end is not None and ended else day(130)
        assert at + duration * DAY == pytest.approx(stop, abs=2)
    assert np.all(made.followed >= made.duration - 1e-9)


@given(many_lives)
def test_other_leads_make_no_difference(lives: list[tuple[float, float | None, str]]) -> None:
    span = {"since": day(0), "until": day(180), "known_by": day(200), "seed": 3}
    alone = training_landmarks(history(lives[:1]), **span)
    assert rows_of(training_landmarks(history(lives), **span), "0") == rows_of(alone, "0")


@given(st.floats(0, 100), st.floats(0.1, 80), st.sampled_from([PURCHASED, LOST]))
def test_how_a_lead_ended_does_not_choose_its_landmarks(entry: float, length: float, kind: str) -> None:
    span = {"since": day(0), "until": day(180), "known_by": day(200), "seed": 3}
    still_open = training_landmarks(history([(entry, None, kind)]), **span)
    ended = training_landmarks(history([(entry, entry + length, kind)]), **span)
    assert ended.as_of.tolist() == [at for at in still_open.as_of.tolist() if at < day(entry + length)]


def test_landmarks_are_bounded_and_dense_after_entry() -> None:
    made = training_landmarks(
        history([(0, None, LOST)] * 400), since=day(0), until=day(365), known_by=day(365), per_lead=8
    )
    count = np.bincount(made.group)
    assert 7 < count.mean() < 9
    age = (made.as_of - day(0)) / DAY
    assert np.mean(age < 30) > 0.25
    assert np.mean(age > 180) > 0.2


def test_above_the_limit_each_lead_has_fewer_landmarks_before_leads_are_left_out() -> None:
    lives = history([(0, None, LOST)] * 500)
    span = {"since": day(0), "until": day(90), "known_by": day(90)}
    fewer = training_landmarks(lives, **span, max_rows=4_000)
    assert len(np.unique(fewer.group)) == 500
    assert 3_000 < len(fewer) < 4_400
    short = training_landmarks(lives, **span, max_rows=400)
    assert 60 < len(np.unique(short.group)) < 140
    assert 200 < len(short) < 650
    assert np.bincount(short.group)[np.unique(short.group)].mean() > 3


def test_weekly_landmarks_are_all_open_leads_on_fixed_dates() -> None:
    made = weekly_landmarks(
        history([(0, 16, PURCHASED), (9, None, LOST), (40, 50, LOST)]), since=day(7), until=day(28), known_by=day(60)
    )
    found = sorted(zip(made.lead_ids.tolist(), ((made.as_of - START) // DAY).tolist(), strict=True))
    assert found == [("0", 7), ("0", 14), ("1", 14), ("1", 21)]
    assert rows_of(made, "0") == [(day(7), 1, 9.0), (day(14), 1, 2.0)]
    assert rows_of(made, "1")[0] == (day(14), 0, 46.0)


def test_a_lead_is_no_example_before_it_was_recorded() -> None:
    made = weekly_landmarks(
        History.from_events([event("a", 0, recorded=10)]), since=day(0), until=day(21), known_by=day(30)
    )
    assert ((made.as_of - START) // DAY).tolist() == [14]


def spread(days: float, n: int = 400) -> History:
    rng = np.random.default_rng(0)
    entry = rng.uniform(0, days, n)
    lives = [
        (a, a + length if a + length < days else None, PURCHASED if i % 3 else LOST)
        for i, (a, length) in enumerate(zip(entry, rng.exponential(days / 8, n), strict=True))
    ]
    return history([*lives, (days, None, LOST)])


@pytest.mark.parametrize(("days", "longest"), [(540, 90), (165, 30), (28.5, 30), (60, 365)])
def test_blocks_follow_one_another_with_their_gaps(days: float, longest: float) -> None:
    made = spread(days)
    split = calendar_split(made, known_by=day(10_000), longest=longest)
    assert split.train_since < split.calibrate_since < split.calibrate_until < split.test_since
    assert split.test_since < split.test_until < split.known_by == day(days)
    assert split.gap == pytest.approx((split.test_since - split.calibrate_until) / DAY)
    assert split.gap > 0
    assert (split.known_by - split.test_until) / DAY >= min(longest, days / 4) - 0.5
    train, calibrate, test = split.train(made), split.calibrate(made), split.test(made)
    for block in (train, calibrate):  # nothing that is learned from happened in the test block
        assert block.known_by == split.test_since
        assert np.all(block.as_of + block.duration * DAY <= split.test_since + 1)
    assert train.as_of.max() > split.calibrate_until  # the newest is learned from too
    assert split.calibrate_since <= calibrate.as_of.min() <= calibrate.as_of.max() < split.calibrate_until
    assert set(calibrate.group.tolist()) <= set(train.group.tolist())
    assert test.as_of.min() >= split.test_since
    assert len(np.unique(test.as_of)) >= 2
    for block in (train, calibrate, test):
        assert (block.outcome == 1).sum() > 5
    # more of the calendar is learned from than is tested on
    assert split.test_since - split.train_since > 2 * (split.test_until - split.test_since)


def test_a_history_too_short_for_three_blocks_is_refused() -> None:
    with pytest.raises(InputError, match="at least 28 days"):
        calendar_split(spread(20), known_by=day(100), longest=30)


def test_a_history_without_purchases_before_the_test_block_is_refused() -> None:
    lives = [(float(i), i + 5.0, LOST) for i in range(100)] + [(90.0, 99.0, PURCHASED)]
    with pytest.raises(InputError, match="expected purchases before"):
        calendar_split(history(lives), known_by=day(100), longest=30)


def test_no_lead_at_all_is_refused() -> None:
    with pytest.raises(InputError, match="leads with events"):
        calendar_split(History.from_events([]), known_by=day(1), longest=30)


def test_features_have_to_be_built_first() -> None:
    split = Split(
        train_since=day(0), calibrate_since=day(12), calibrate_until=day(20), test_since=day(22), test_until=day(30),
        known_by=day(40),
    )  # fmt: skip
    with pytest.raises(InputError, match="with_features"):
        _ = split.test(history([(0, None, LOST)])).features


def test_an_ending_that_was_recorded_after_the_cut_counts_as_open_to_the_cut() -> None:
    made = weekly_landmarks(
        History.from_events([event("a", 0), event("a", 25, PURCHASED, recorded=35)]),
        since=day(7), until=day(28), known_by=day(30),
    )  # fmt: skip
    assert rows_of(made, "a") == [(day(7), 0, 23.0), (day(14), 0, 16.0), (day(21), 0, 9.0)]


def test_with_a_lag_labels_are_those_known_at_the_cut_of_what_came_before() -> None:
    made = weekly_landmarks(
        history([(0, 16, PURCHASED), (0, 27, LOST)]), since=day(7), until=day(28), known_by=day(30), lag=5 * DAY
    )
    assert made.known_by == day(25)
    assert rows_of(made, "0") == [(day(7), 1, 9.0), (day(14), 1, 2.0)]
    assert rows_of(made, "1") == [(day(7), 0, 18.0), (day(14), 0, 11.0), (day(21), 0, 4.0)]


def test_a_lead_that_had_ended_before_it_was_first_seen_is_no_example() -> None:
    events = [event("a", 0, recorded=20), event("a", 10, PURCHASED, recorded=20), event("b", 0)]
    for made in (
        weekly_landmarks(History.from_events(events), since=day(0), until=day(28), known_by=day(40)),
        training_landmarks(History.from_events(events), since=day(0), until=day(28), known_by=day(40)),
    ):
        assert set(made.lead_ids.tolist()) == {"b"}


def test_what_was_recorded_late_is_seen_by_no_feature_before() -> None:
    events = [event("a", day_of, "page_view", recorded=max(day_of, 15)) for day_of in range(10)]
    catalogue = Catalogue((FeatureSpec(name="views", aggregation="count", types=("page_view",), window=None),))
    made = weekly_landmarks(
        History.from_events([event("a", 0), *events]), since=day(0), until=day(28), known_by=day(40)
    )
    built = made.with_features(History.from_events([event("a", 0), *events]), catalogue)
    seen = dict(zip(((made.as_of - START) // DAY).tolist(), built.features["views"].tolist(), strict=True))
    assert seen == {0: 0.0, 7: 0.0, 14: 0.0, 21: 10.0}


@given(st.integers(30, 2_000), st.integers(0, 3))
def test_a_lead_has_no_more_examples_for_living_longer_than_the_block_gives(life: int, seed: int) -> None:
    lives = [(0.0, float(life), LOST)] + [(float(i), float(i + 20), LOST) for i in range(50)]
    made = training_landmarks(history(lives), since=day(0), until=day(400), known_by=day(400), seed=seed)
    each = np.bincount(made.group)
    assert each[0] <= 16 + 4  # drawn, not dealt: the four on weekly dates may be a few more
    assert each[0] / each.sum() < 0.1


def test_hazards_from_landmarks_are_those_of_the_leads_however_long_they_live() -> None:
    rng = np.random.default_rng(1)
    entry = rng.uniform(0, 300, 1_500)
    # a third of the leads takes six times as long: the rate of an open lead falls with its age
    length = rng.exponential(np.where(np.arange(1_500) % 3 == 0, 120.0, 20.0))
    lives = [(a, a + n, PURCHASED) for a, n in zip(entry, length, strict=True)]
    made = training_landmarks(history(lives), since=day(0), until=day(400), known_by=day(400), seed=2)
    age = (made.as_of - day(0)) / DAY - entry[made.lead_ids.astype(int)]
    for low, high in ((0, 5), (30, 60)):
        rows = (age >= low) & (age < high)
        found = ((made.outcome == 1) & (made.duration <= 10))[rows].mean()
        alive = length > (low + high) / 2
        truth = (length < (low + high) / 2 + 10)[alive].mean()
        assert found == pytest.approx(truth, abs=0.05)
