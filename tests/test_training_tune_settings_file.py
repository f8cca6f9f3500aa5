"""Tuned parameters go into leadtime.toml without touching anything else of it."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.errors import InputError
from features.estimator_settings import HazardParameters
from training.tune.settings_file import as_block, put, with_parameters
from training.tune.space import SPACE, readable, start_of

FOUND = {"learning_rate": 0.08, "rows_per_lead": 30}
SHIPPED = Path(__file__).resolve().parents[1] / "leadtime.toml"


def test_the_shipped_file_takes_them_and_keeps_all_else(tmp_path: Path) -> None:
    target, before = tmp_path / "leadtime.toml", SHIPPED.read_text(encoding="utf-8")
    target.write_text(before, encoding="utf-8")
    put(target, FOUND)
    after = target.read_text(encoding="utf-8")
    assert tomllib.loads(after)["estimator"]["parameters"] == FOUND
    assert [line for line in after.splitlines() if line not in before.splitlines()] == as_block(FOUND).splitlines()[1:]
    assert set(before.splitlines()) <= set(after.splitlines())


def test_what_was_tuned_before_is_replaced_and_what_is_not_searched_stays(tmp_path: Path) -> None:
    target = tmp_path / "leadtime.toml"
    target.write_text(
        "[estimator.parameters]  # ours\nl2 = 3.0\nmax_trees = 90\nlearning_rate = 0.2 # fast\n[costs]\nlate = 9\n"
    )
    put(target, FOUND)
    assert target.read_text() == (
        "[estimator.parameters]  # ours\nlearning_rate = 0.08\nrows_per_lead = 30\nmax_trees = 90\n[costs]\nlate = 9\n"
    )


def test_a_file_that_is_not_there_is_made(tmp_path: Path) -> None:
    put(tmp_path / "leadtime.toml", FOUND)
    assert tomllib.loads((tmp_path / "leadtime.toml").read_text()) == {"estimator": {"parameters": FOUND}}


def test_a_table_written_in_another_way_is_left_alone_and_said(tmp_path: Path) -> None:
    target = tmp_path / "leadtime.toml"
    target.write_text("estimator = { parameters = { l2 = 3.0 } }\n")
    with pytest.raises(InputError, match=r"learning_rate = 0\.08"):
        put(target, FOUND)
    assert target.read_text() == "estimator = { parameters = { l2 = 3.0 } }\n"


@given(st.fixed_dictionaries({name: st.floats(each.low, each.high) for name, each in SPACE.items() if not each.whole}))
def test_every_value_of_the_space_is_a_valid_setting_once_written(drawn: dict[str, float]) -> None:
    written = tomllib.loads(with_parameters("", readable(drawn)))["estimator"]["parameters"]
    assert written == readable(drawn)
    HazardParameters.model_validate(written)


def test_a_search_begins_with_the_defaults() -> None:
    defaults = HazardParameters().model_dump()
    assert start_of({}) == {name: defaults[name] for name in SPACE}
    assert start_of({"learning_rate": 0.9})["learning_rate"] == SPACE["learning_rate"].high
