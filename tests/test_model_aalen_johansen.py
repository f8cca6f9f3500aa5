import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import InputError
from model.aalen_johansen import AalenJohansen, aalen_johansen, incidence_at
from model.frame import endings

times = st.floats(0.01, 100)
rows = st.lists(st.tuples(times, st.sampled_from([0, 1, 2])), min_size=1, max_size=40)


def test_by_hand() -> None:
    # at 1: 1 of 4 buys; at 2: 1 of 3 is lost; at 3 one is censored; at 4 the last buys
    days, f1, f2 = aalen_johansen([1, 2, 3, 4], [1, 2, 0, 1])
    assert days.tolist() == [0, 1, 2, 4]
    assert f1 == pytest.approx([0, 1 / 4, 1 / 4, 1 / 4 + 1 / 2])
    assert f2 == pytest.approx([0, 0, 1 / 4, 1 / 4])


def test_without_censoring_it_is_the_share_that_ended_so() -> None:
    rng = np.random.default_rng(0)
    time, outcome = rng.exponential(10, 500), rng.integers(1, 3, 500)
    days, f1, f2 = aalen_johansen(time, outcome)
    for u in (1.0, 10.0, 30.0):
        assert incidence_at(days, f1, np.array([u]))[0] == pytest.approx(np.mean((time <= u) & (outcome == 1)))
        assert incidence_at(days, f2, np.array([u]))[0] == pytest.approx(np.mean((time <= u) & (outcome == 2)))


@given(rows)
def test_weights_count_as_repeated_rows(data: list[tuple[float, int]]) -> None:
    time, outcome = map(np.array, zip(*data, strict=True))
    weights = np.arange(len(time)) % 3 + 1
    one = aalen_johansen(time, outcome, weights)
    other = aalen_johansen(np.repeat(time, weights), np.repeat(outcome, weights))
    for a, b in zip(one, other, strict=True):
        assert a == pytest.approx(b)


@given(rows)
def test_incidences_rise_and_never_sum_above_one(data: list[tuple[float, int]]) -> None:
    time, outcome = map(np.array, zip(*data, strict=True))
    _, f1, f2 = aalen_johansen(time, outcome)
    assert np.all(np.diff(f1) >= 0)
    assert np.all(np.diff(f2) >= 0)
    assert np.all(f1 + f2 <= 1 + 1e-12)


def test_left_truncation_takes_nobody_at_risk_before_entry() -> None:
    rng = np.random.default_rng(1)
    time, entry = rng.exponential(20, 20_000), rng.uniform(0, 30, 20_000)
    seen = entry < time  # only those that lived long enough to enter are ever seen
    days, f1, _ = aalen_johansen(time[seen], np.ones(seen.sum(), int), entry=entry[seen])
    assert incidence_at(days, f1, np.array([20.0]))[0] == pytest.approx(1 - np.exp(-1), abs=0.03)
    naive = aalen_johansen(time[seen], np.ones(seen.sum(), int))
    assert incidence_at(naive[0], naive[1], np.array([20.0]))[0] < 0.5


def test_entry_after_the_end_is_refused() -> None:
    with pytest.raises(InputError, match="entry below duration"):
        aalen_johansen([1.0, 2.0], [1, 0], entry=[0.0, 2.0])


def test_the_baseline_gives_everybody_the_same_curve() -> None:
    y = endings([1, 2, 0, 1], [1, 2, 3, 4])
    curves = AalenJohansen((2, 5)).fit(None, y).predict_curves(range(3))
    bought, lost = curves.at([2, 5])
    assert bought == pytest.approx(np.array([[0.25, 0.75]] * 3))
    assert lost == pytest.approx(np.array([[0.25, 0.25]] * 3))


@pytest.mark.parametrize(
    ("outcome", "duration", "said"),
    [
        ([3], [1.0], "outcomes 0"),
        ([1], [0.0], "durations in days above 0"),
        ([1], [np.nan], "durations in days above 0"),
        ([], [], "at least one row"),
    ],
)
def test_endings_that_make_no_sense_are_refused(outcome: list[int], duration: list[float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        AalenJohansen().fit(None, endings(outcome, duration))
