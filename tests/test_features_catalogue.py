"""The catalogue as data: expansion over what training found, its file, and what is refused."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from features.builder import Requests, build
from features.business_settings import EventRoles
from features.catalogue import CAPS, Catalogue, Rows, default_rows, expand, read_rows
from features.errors import InputError
from features.events import DAY, Event
from features.feature_spec import AGGREGATIONS, OTHER
from features.history import History
from features.property_values import section_of
from tests.histories import catalogues

NOW = 100 * DAY
# aggregations that no default row uses
AT_HAND = {"sum", "mean", "max", "min", "date_first_ahead", "date_first_age", "date_notice", "date_move", "date_margin"}


def event(number: int, lead: int, kind: str, day: int = 0, channel: str | None = None, **properties: Any) -> Event:
    return Event(
        event_id=f"e{number}",
        lead_id=f"l{lead}",
        type=kind,
        occurred_at=day * DAY,
        recorded_at=day * DAY,
        channel=channel,
        properties=properties,
    )


def history(*events: Event) -> History:
    return History.from_events(events)


def rows(*features: dict[str, Any], **caps: int) -> Rows:
    return Rows(rows=features, caps=CAPS | caps)


def row_of(events: History, lead: int, catalogue: Catalogue, day: int = 100) -> dict[str, Any]:
    return dict(build(events, Requests([f"l{lead}"], np.array([day * DAY])), catalogue).iloc[0])


def test_the_default_rows_make_at_least_sixty_features() -> None:
    visits = [event(0, 0, "page_view", channel="web"), event(1, 0, "mail_sent", channel="email")]
    catalogue = expand(history(*visits, event(2, 0, "identify", account_id="A")), NOW)
    assert len(catalogue.features) >= 60
    assert {spec.aggregation for spec in catalogue.features} >= set(AGGREGATIONS) - AT_HAND
    assert all(spec.label for spec in catalogue.features)
    assert all(spec.topic for spec in catalogue.features)
    at_answer = r"\{(n|times|days|ago|ahead|percent|level|month)\}"  # filled with the lead's value
    assert "{" not in re.sub(at_answer, "", catalogue.to_json().replace('{"', ""))
    assert {"deadline_days", "deadline_age_days", "deadline_revisions", "deadline_slip_days", "age_days"} <= set(
        catalogue.names
    )


def test_types_are_taken_by_leads_up_to_the_cap_and_the_rest_share_a_class() -> None:
    found = history(
        *(event(i, i, "often") for i in range(4)),
        *(event(10 + i, i, "twice") for i in range(2)),
        *(event(20 + i, 0, "much from one lead") for i in range(9)),
    )
    catalogue = expand(found, NOW, rows=rows({"name": "n_{type}", "aggregation": "count", "types": "{type}"}, type=2))
    assert catalogue.names == ("n_often", "n_twice", "n_other")
    seen = history(event(0, 0, "often"), event(1, 0, "never seen in training"), event(2, 0, "much from one lead"))
    assert row_of(seen, 0, catalogue) == {"n_often": 1, "n_twice": 0, "n_other": 2}
    # what has a meaning of its own is no engagement, so it is in no class
    assert row_of(history(event(0, 0, "sales_call"), event(1, 0, "lost")), 0, catalogue)["n_other"] == 0


def test_channels_have_a_rest_class_too() -> None:
    found = history(event(0, 0, "x", channel="web"), event(1, 1, "x", channel="web"), event(2, 1, "x", channel="fair"))
    row = {"name": "n_{channel}_{window}", "aggregation": "count", "channels": "{channel}", "windows": [7, "all"]}
    catalogue = expand(found, NOW, rows=rows(row, channel=1))
    assert set(catalogue.names) == {"n_web_7d", "n_web_all", "n_other_7d", "n_other_all"}
    seen = history(event(0, 0, "x", 99, "web"), event(1, 0, "x", 1, "new"), event(2, 0, "x", 99, None))
    assert row_of(seen, 0, catalogue) == {"n_web_7d": 1, "n_web_all": 1, "n_other_7d": 0, "n_other_all": 1}


def test_values_of_a_property_have_a_rest_class_too() -> None:
    found = history(
        event(0, 0, "sales_call", disposition="too_early"),
        event(1, 1, "sales_call", disposition="too_early"),
        event(2, 1, "sales_call", disposition="on_time"),
    )
    where = {"properties": "disposition", "one_of": "{value}"}
    row = {"name": "n_{value}", "aggregation": "count", "types": "sales_call", "where": where}
    catalogue = expand(found, NOW, rows=rows(row, value=1))
    assert catalogue.names == ("n_too_early", "n_other")
    seen = history(event(0, 0, "sales_call", disposition="no_answer"), event(1, 0, "sales_call"))
    assert row_of(seen, 0, catalogue) == {"n_too_early": 0, "n_other": 1}


@pytest.mark.parametrize(
    ("content", "section"),
    [
        ("/pricing", "pricing"),
        ("/Pricing/", "pricing"),
        ("/blog/7?x=1", "blog"),
        ("/webinar-3", "webinar"),
        ("https://example.org/docs/3#top", "docs"),
        ("https://example.org", "home"),
        ("https://example.org?to=/pricing", "home"),
        ("/", "home"),
        ("/index.html", "home"),
        ("/de/pricing.html", "pricing"),
        ("/en-gb/docs/3", "docs"),
        ("/de", "de"),
        ("/qa/3", "qa"),
        ("/2026/05", "2026"),
        ("mail-17", "mail"),
        ("Whitepaper 2", "Whitepaper"),
        ("trial", "trial"),
        ("A/B tests", "A/B tests"),
        ("17", "17"),
        (17.0, "17"),
        ("v", "v"),
        (" ", None),
        (None, None),
    ],
)
def test_the_section_of_what_was_read(content: Any, section: str | None) -> None:
    assert section_of(content) == section


def test_sections_are_counted_apart() -> None:
    found = history(
        event(0, 0, "page_view", 90, content="/pricing"),
        event(1, 1, "page_view", 90, url="https://example.org/pricing?plan=2"),
        event(2, 1, "page_view", 90, content="/blog/2"),
        event(3, 1, "page_view", 99, content="/blog/3"),
    )
    where = {"properties": "@section", "one_of": "{section}"}
    row = {"name": "n_{section}_{window}", "aggregation": "count", "where": where, "windows": [5, "all"]}
    catalogue = expand(found, NOW, rows=rows(row, section=2))
    assert set(catalogue.names) == {
        f"n_{name}_{days}" for name in ("pricing", "blog", "other") for days in ("5d", "all")
    }
    seen = history(
        event(0, 0, "page_view", 90, content="", path="/pricing"),
        event(1, 0, "page_view", 99, content="/blog/900"),
        event(2, 0, "page_view", 99, content="/careers"),
        event(3, 0, "page_view", 99),
    )
    row_all = row_of(seen, 0, catalogue)
    assert {name: row_all[f"n_{name}_all"] for name in ("pricing", "blog", "other")} == {
        "pricing": 1,
        "blog": 1,
        "other": 1,
    }
    assert (row_all["n_pricing_5d"], row_all["n_blog_5d"]) == (0, 1)
    assert "n_section_pricing_all" in expand(found, NOW).names


def test_without_accounts_there_are_no_rows_about_them() -> None:
    visit = event(0, 0, "page_view")
    assert not any(spec.scope != "lead" for spec in expand(history(visit), NOW).features)
    with_account = expand(history(visit, event(1, 0, "identify", account_id="A")), NOW)
    assert {spec.scope for spec in with_account.features} == {"lead", "account", "whole_account"}


def test_without_contents_there_are_no_sections() -> None:
    assert not any("section" in name for name in expand(history(event(0, 0, "page_view")), NOW).names)


def test_traits_become_numbers_or_categories_and_ids_are_left_out() -> None:
    leads = [
        event(
            i,
            i,
            "identify",
            source=["web", "fair", "web", f"rare {i}"][i % 4],
            seats=str(i),
            crm_id=i,
            account_id="a",
            email=f"{i}@example.org",
            vip=i % 2 == 0,
            empty=None,
        )
        for i in range(20)
    ]
    row = {"name": "trait_{attribute}", "aggregation": "last", "types": "identify", "properties": "{attribute}"}
    catalogue = expand(history(*leads), NOW, rows=rows(row, level=2))
    levels = {spec.name: spec.levels for spec in catalogue.features}
    assert levels == {"trait_seats": None, "trait_vip": None, "trait_source": ("web", "fair")}
    seen = row_of(history(*leads), 3, catalogue)
    assert seen == {"trait_seats": 3.0, "trait_vip": 0.0, "trait_source": OTHER}
    later = history(event(0, 0, "identify", 1, source="web"), event(1, 0, "identify", 5, source=None, seats=2))
    assert row_of(later, 0, catalogue)["trait_source"] == "web"


def test_what_was_not_known_by_then_is_not_found() -> None:
    found = history(event(0, 0, "known"), event(1, 0, "later", 50))
    row = {"name": "n_{type}", "aggregation": "count", "types": "{type}"}
    assert expand(found, 10 * DAY, rows=rows(row)).names == ("n_known", "n_other")


def test_names_are_fit_for_columns_and_differ() -> None:
    odd = ['a:b"c', "a b c", "@any", "other", "{type}", "{attribute}", "größe"]
    found = history(*(event(i, i, kind) for i, kind in enumerate(odd)))
    row = {"name": "n_{type}", "label": "{type} seen", "aggregation": "count", "types": "{type}"}
    catalogue = expand(found, NOW, rows=rows(row))
    odd.remove("@any")  # it would stand for every type
    assert len(set(catalogue.names)) == len(odd) + 1
    assert all(name.replace("_", "a").isalnum() for name in catalogue.names)
    assert {spec.types[0] for spec in catalogue.features} == {*odd, "@engagement"}
    assert 'a:b"c seen' in {spec.label for spec in catalogue.features}


def test_roles_are_named_by_the_settings() -> None:
    roles = EventRoles(mail_sent=("newsletter", "offer"), content_properties=("page",))
    catalogue = expand(history(event(0, 0, "newsletter", page="/a")), NOW, roles=roles)
    spec = {spec.name: spec for spec in catalogue.features}
    assert spec["mails_sent_all"].types == ("newsletter", "offer")
    assert spec["contents_all"].properties == ("page",)


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        ({"properties": "minutes", "at_least": 10}, {10, 12, 30}),
        ({"properties": "minutes", "at_most": 10.5}, {5, 10}),
        ({"properties": "minutes", "at_least": 10, "at_most": 12}, {10, 12}),
        ({"properties": "minutes", "one_of": ["5", "12"]}, {5, 12}),
        ({"properties": "minutes", "none_of": ["5", "12"]}, {10, 30}),
        ({"properties": ["nothing", "minutes"], "one_of": "30"}, {30}),
    ],
)
def test_a_condition_reads_numbers_and_texts_alike(condition: dict[str, Any], met: set[int]) -> None:
    minutes = [5, "10", 12.0, " 30 ", None, "long", {"minutes": 5}]
    calls = history(*(event(i, 0, "call", i, minutes=value) for i, value in enumerate(minutes)))
    catalogue = expand(calls, NOW, rows=rows({"name": "n", "aggregation": "count", "where": condition}))
    assert row_of(calls, 0, catalogue)["n"] == len(met) + ("long" in minutes and "none_of" in condition)


@given(catalogues())
@settings(deadline=None, max_examples=50)
def test_json_keeps_a_catalogue_as_it_is(catalogue: Catalogue) -> None:
    assert Catalogue.from_json(catalogue.to_json()) == catalogue


def test_json_of_the_default_rows_gives_the_same_columns() -> None:
    found = history(event(0, 0, "identify", source="web"), event(1, 0, "besøk", 3, "web", content="/a"))
    catalogue = expand(found, NOW)
    again = Catalogue.from_json(catalogue.to_json().encode())
    assert again == catalogue
    first, second = (build(found, Requests(["l0"], np.array([NOW])), c) for c in (catalogue, again))
    assert first.equals(second)
    assert catalogue.to_json().count("\n") > len(catalogue.features)  # one to a line, to be read and compared


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"name": "x", "aggregation": "median"}, "expected an aggregation, one of count, sum"),
        ({"name": "x", "aggregation": "count", "colour": 1}, "expected one of name, aggregation"),
        ({"name": "x"}, "expected a value for aggregation"),
        ({"aggregation": "count"}, "expected a value for name"),
        ({"name": "x", "aggregation": "mean"}, "expected properties, for mean reads one"),
        ({"name": "x", "aggregation": "count", "properties": "y"}, "expected no properties"),
        ({"name": "x", "aggregation": "momentum"}, "expected a window in days"),
        ({"name": "x", "aggregation": "recency", "window": 7}, "expected no window"),
        ({"name": "x", "aggregation": "count", "window": -1}, "expected a window of 0 to 36500 days"),
        ({"name": "x", "aggregation": "count", "window": "week"}, "expected a number"),
        ({"name": "x", "aggregation": "decayed"}, "expected a half_life"),
        ({"name": "x", "aggregation": "count", "types": [1]}, "expected a text or a list of texts"),
        (
            {"name": "x", "aggregation": "count", "types": "@everything"},
            "expected one of @any, @campaign, @channel, @content",
        ),
        (
            {"name": "x", "aggregation": "sum", "scope": "account", "properties": "y"},
            "an aggregation that an account has",
        ),
        (
            {"name": "x", "aggregation": "date_ahead", "scope": "account", "properties": "y"},
            "an aggregation that an account has",
        ),
        ({"name": "x", "aggregation": "colleagues", "scope": "whole_account"}, "expected scope 'account'"),
        ({"name": "x_{section}", "aggregation": "count"}, "one_of = '{section}'"),
        ({"name": "x", "aggregation": "count", "scope": "company"}, "scope 'lead', 'account' or 'whole_account'"),
        ({"name": "x", "aggregation": "count", "where": {"properties": "y"}}, "one or more of one_of, none_of"),
        ({"name": "x", "aggregation": "count", "where": "y = 1"}, "expected a condition such as"),
        ({"name": "x", "aggregation": "ratio", "numerator": "x", "denominator": "y"}, "names of numeric features"),
        ({"name": "x", "aggregation": "last", "properties": "y", "kind": "list"}, "expected number or category"),
        ({"name": "x_{value}", "aggregation": "count"}, "one_of = '{value}'"),
        ({"name": "x", "aggregation": "count", "windows": 7}, "expected a list"),
        ({"name": "x", "aggregation": "count", "windows": ["week"]}, "expected a list of numbers"),
    ],
)
def test_a_row_that_cannot_be_understood_is_refused(row: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message.replace("{", r"\{")):
        expand(history(event(0, 0, "x")), NOW, rows=rows(row))


@pytest.mark.parametrize("text", ["", "[]", '{"features": 1}', '{"features": [3]}', '{"features": [{"name": "x"}]}'])
def test_json_that_is_no_catalogue_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        Catalogue.from_json(text)


@pytest.mark.parametrize("text", ["[[feature]", "[caps]\ntype = 'many'", "[caps]\ncolour = 1", "x = 1", "feature = 1"])
def test_a_file_that_has_no_rows_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rows.toml"
    path.write_text(text)
    with pytest.raises(InputError, match="rows"):
        read_rows(path)


def test_a_catalogue_can_be_sent_to_another_process() -> None:
    catalogue = expand(history(event(0, 0, "x")), NOW)
    row_of(history(event(0, 0, "x")), 0, catalogue)
    assert pickle.loads(pickle.dumps(catalogue)) == catalogue


def test_a_data_scientist_adds_a_feature_by_a_row(tmp_path: Path) -> None:
    path = tmp_path / "rows.toml"
    path.write_text(
        """
        [[feature]]
        name = "long_calls_{window}"
        label = "calls of ten minutes and more {span}"
        aggregation = "count"
        types = "sales_call"
        where = { properties = "minutes", at_least = 10 }
        windows = [30, "all"]
        """
    )
    calls = history(*(event(i, 0, "sales_call", 90 * i, minutes=[5, "12", 30][i % 3]) for i in range(2)))
    given_rows = read_rows(path)
    both = Rows(rows=default_rows().rows + given_rows.rows, caps=given_rows.caps)
    row = row_of(calls, 0, expand(calls, NOW, rows=both))
    assert (row["long_calls_30d"], row["long_calls_all"]) == (1, 1)
