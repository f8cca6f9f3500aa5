"""Rows of features of one's own: added, replaced, removed, and told what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from features.builder import Requests, build
from features.catalogue import DEFAULT_FILE, expand
from features.errors import InputError
from features.events import DAY, Event
from features.history import History
from features.own_rows import own_rows, rows_digest
from features.rows import read_rows

WEBINARS = """
[[feature]]
name = "n_long_webinars_{window}"
label = "long webinars {span}"
fact = "stayed {times} for a long webinar {span}"
aggregation = "count"
types = "webinar_attended"
where = { properties = "minutes", at_least = 30 }
windows = [30, "all"]
"""
Write = Callable[[str], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str) -> str:
        path = tmp_path / "own.toml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return written


def history() -> History:
    return History.from_events(
        [
            Event(event_id=str(day), lead_id="a", type=kind, occurred_at=day * DAY, recorded_at=0, properties=said)
            for day, kind, said in [
                (1, "page_view", {"path": "/pricing"}),
                (2, "webinar_attended", {"minutes": 45}),
                (3, "webinar_attended", {"minutes": 5}),
            ]
        ]
    )


def test_without_a_file_the_built_in_rows_are_all() -> None:
    assert own_rows("") is None
    assert rows_digest("") == ""


def test_a_row_is_added_to_the_built_in_ones(write: Write) -> None:
    rows = own_rows(write(WEBINARS))
    usual, more = (expand(history(), 10 * DAY, rows=which) for which in (None, rows))
    added = set(more.names) - set(usual.names)
    assert added == {"n_long_webinars_30d", "n_long_webinars_all"}
    assert set(usual.names) <= set(more.names)
    found = build(history(), Requests(["a", "a"], np.array([10, 90]) * DAY), more)
    assert found["n_long_webinars_30d"].tolist() == [1, 0]
    assert found["n_long_webinars_all"].tolist() == [1, 1]


def test_a_row_of_the_same_name_replaces_the_built_in_one_in_its_place(write: Write) -> None:
    own = '[[feature]]\nname = "contents_{window}"\naggregation = "distinct"\nproperties = "slug"\nwindows = [5]'
    rows = own_rows(write(own))
    names = [row["name"] for row in read_rows(DEFAULT_FILE).rows]
    assert rows is not None
    assert [row["name"] for row in rows.rows] == names
    assert [name for name in expand(history(), 10 * DAY, rows=rows).names if "contents" in name] == ["contents_5d"]


def test_rows_are_removed_by_name_and_caps_changed(write: Write) -> None:
    rows = own_rows(write('remove = ["n_{type}_{window}", "month"]\n[caps]\nchannel = 3'))
    builtin = read_rows(DEFAULT_FILE)
    assert rows is not None
    assert len(rows.rows) == len(builtin.rows) - 2
    assert rows.caps == {**builtin.caps, "channel": 3}
    assert "n_page_view_7d" not in expand(history(), 10 * DAY, rows=rows).names


def test_the_digest_tells_rows_apart(write: Write) -> None:
    one = rows_digest(write(WEBINARS))
    assert one == rows_digest(write(WEBINARS + "\n# the same\n"))
    assert one != rows_digest(write(WEBINARS.replace("30", "31")))
    assert len(one) == 16


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (WEBINARS.replace("windows", "window_s"), r"window\}': expected keys among .*Did you mean 'windows'"),
        (WEBINARS.replace("at_least", "atleast"), r"where: expected keys among .*Did you mean 'at_least'"),
        (WEBINARS.replace("{times}", "{time}"), r", fact: expected placeholders .* got \{time\}. Did you mean 'times'"),
        (WEBINARS.replace('"count"', '"counts"'), "expected an aggregation, one of .* got 'counts'"),
        (WEBINARS.replace('"count"', '"sum"'), "properties, for sum reads one, got none"),
        (WEBINARS.replace("= 30", '= "x"'), "at_least: expected a number, got 'x'"),
        (WEBINARS.replace("_{window}", ""), r"name: expected \{window\} in it, for the row stands for 2 features"),
        (WEBINARS.replace('name = "n_long_webinars_{window}"', ""), r"\[\[feature\]\] number 1: expected a name"),
        (WEBINARS * 2, "expected each name once, got two rows of it"),
        (
            '[[feature]]\nname = "contents_7d"\naggregation = "distinct"\nproperties = "slug"',
            r"'contents_7d', which the row 'contents_\{window\}' makes.*write its name",
        ),
        ('remove = ["pace"]', r"remove: expected names of built-in rows .* Did you mean 'pace_\{window\}'"),
        ('remove = ["mails_sent_{window}"]', "feature 'mail_open_rate_30d'.* A ratio needs both of its features"),
        (
            'remove = ["age_days", "weekday", "month", "day_of_year"]',
            "remove: expected a feature of time.*Keep one of the rows age_days",
        ),
        ('remove = "pace"', "remove: expected a list of names"),
        ("features = 3", r"expected \[\[feature\]\] rows"),
        ("[caps]\ntype = -1", "caps: expected whole numbers"),
        ("[[feature]", "expected TOML"),
    ],
)
def test_a_mistake_names_row_field_and_remedy(write: Write, text: str, said: str) -> None:
    with pytest.raises(InputError, match=rf"own\.toml.*({said})"):
        own_rows(write(text))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.toml: expected a TOML file of features, got No such file"):
        own_rows(str(tmp_path / "none.toml"))
