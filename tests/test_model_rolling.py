"""Folds that roll through calendar time."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import InputError
from features.events import DAY
from model.examples import Split
from model.rolling import mean_over_folds, rolling_splits

SPLIT = Split(
    train_since=0, calibrate_since=140 * DAY, calibrate_until=200 * DAY, test_since=210 * DAY, test_until=240 * DAY,
    known_by=270 * DAY,
)  # fmt: skip


@given(st.integers(1, 12), st.integers(5, 60))
def test_each_fold_learns_from_its_past_and_tests_on_what_follows(folds: int, longest: int) -> None:
    splits = rolling_splits(SPLIT, folds, longest=longest)
    assert len(splits) == folds
    assert splits[-1].test_until == SPLIT.test_until
    for fold in splits:
        assert fold.train_since < fold.calibrate_since < fold.calibrate_until < fold.test_since < fold.test_until
        assert fold.gap == SPLIT.gap
        assert fold.known_by <= SPLIT.known_by
        assert fold.test_until - fold.test_since >= 7 * DAY
    for one, other in itertools.pairwise(splits):
        assert one.test_until == other.test_since


def test_folds_are_followed_equally_long_where_the_data_reach() -> None:
    splits = rolling_splits(SPLIT, 4, longest=30)
    assert splits[-1] == SPLIT
    assert {(fold.known_by - fold.test_until) // DAY for fold in splits} == {30}
    assert {(fold.known_by - fold.test_until) // DAY for fold in rolling_splits(SPLIT, 4, longest=60)} == {60, 30}


def test_many_folds_get_shorter_blocks_and_too_many_are_refused() -> None:
    assert {fold.test_until - fold.test_since for fold in rolling_splits(SPLIT, 12, longest=30)} == {10 * DAY}
    for asked in (0, 17):
        with pytest.raises(InputError, match="1 to 16 folds"):
            rolling_splits(SPLIT, asked, longest=30)
    with pytest.raises(InputError, match="1 to 1 folds"):
        rolling_splits(replace(SPLIT, train_since=139 * DAY), 2, longest=30)


def test_the_interval_is_that_of_students_t() -> None:
    found = mean_over_folds([0.1, 0.2, 0.3, math.nan])
    assert found.value == pytest.approx(0.2)
    assert found.high - found.value == pytest.approx(4.302653 * 0.1 / math.sqrt(3), rel=1e-5)
    assert math.isnan(mean_over_folds([0.1]).low)
