"""The feature builder against a plain one, and what must never change a row."""

from __future__ import annotations

import random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.builder import Requests, build, build_matrix, warm_up
from features.catalogue import Catalogue, expand
from features.errors import InputError
from features.events import DAY, Event
from features.feature_spec import FeatureSpec
from features.history import History
from features.kernel import fill_rows
from tests.histories import (
    ACCOUNT_CATALOGUE,
    LEADS,
    account_histories,
    as_ofs,
    catalogues,
    coded,
    histories,
    matrix,
    requests,
)
from tests.slow_builder import slow_row

relaxed = settings(deadline=None)


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Event], list[tuple[str, int]], Catalogue]:
    events = draw(histories())
    asked = draw(st.lists(st.tuples(st.sampled_from([*LEADS, "unknown"]), as_ofs(events)), min_size=1, max_size=6))
    return events, asked, draw(catalogues())


@given(cases())
@settings(deadline=None, max_examples=250)
def test_equals_the_plain_builder(case: tuple[list[Event], list[tuple[str, int]], Catalogue]) -> None:
    events, asked, catalogue = case
    found = matrix(events, asked, catalogue)
    for row, (lead_id, as_of) in zip(found, asked, strict=True):
        expected = coded(catalogue, slow_row(events, lead_id, as_of, catalogue))
        np.testing.assert_allclose(row, expected, rtol=1e-9, atol=1e-9, err_msg=str(catalogue.names))


@given(cases(), st.integers(0, 70))
@settings(deadline=None, max_examples=30)
def test_default_rows_equal_the_plain_builder(
    case: tuple[list[Event], list[tuple[str, int]], Catalogue], day: int
) -> None:
    events, asked, _ = case
    catalogue = expand(History.from_events(events), day * DAY)
    found = matrix(events, asked, catalogue)
    for row, (lead_id, as_of) in zip(found, asked, strict=True):
        expected = coded(catalogue, slow_row(events, lead_id, as_of, catalogue))
        for spec, got, wanted in zip(catalogue.features, row, expected, strict=True):
            np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-9, err_msg=spec.name)


@given(account_histories())
@settings(deadline=None, max_examples=150)
def test_colleagues_equal_the_plain_builder(events: list[Event]) -> None:
    asked = [(lead_id, half * DAY // 2) for lead_id in LEADS[:3] for half in range(26)]
    found = matrix(events, asked, ACCOUNT_CATALOGUE)
    for row, (lead_id, as_of) in zip(found, asked, strict=True):
        expected = coded(ACCOUNT_CATALOGUE, slow_row(events, lead_id, as_of, ACCOUNT_CATALOGUE))
        np.testing.assert_allclose(row, expected, rtol=1e-9, atol=1e-9, err_msg=f"{lead_id} at {as_of / DAY}")


@given(cases(), histories())
@relaxed
def test_nothing_after_as_of_changes_a_row(
    case: tuple[list[Event], list[tuple[str, int]], Catalogue], others: list[Event]
) -> None:
    events, asked, catalogue = case
    for lead_id, as_of in asked:
        seen = [event for event in events if max(event.occurred_at, event.recorded_at) <= as_of]
        later = [event for event in others if max(event.occurred_at, event.recorded_at) > as_of]
        renamed = [_renamed(event, f"later {event.event_id}") for event in later]
        alone = matrix(seen, [(lead_id, as_of)], catalogue)
        assert alone.tobytes() == matrix(seen + renamed, [(lead_id, as_of)], catalogue).tobytes()


@given(cases())
@relaxed
def test_a_row_is_the_same_alone_and_among_others(case: tuple[list[Event], list[tuple[str, int]], Catalogue]) -> None:
    events, asked, catalogue = case
    together = matrix(events, asked, catalogue)
    for row, one in zip(together, asked, strict=True):
        assert matrix(events, [one], catalogue).tobytes() == row.tobytes()
        near = _with_colleagues(events, one[0])
        assert matrix(near, [one], catalogue).tobytes() == row.tobytes()


@given(cases(), st.randoms())
@relaxed
def test_the_order_of_the_input_does_not_matter(
    case: tuple[list[Event], list[tuple[str, int]], Catalogue], rng: random.Random
) -> None:
    events, asked, catalogue = case
    shuffled = rng.sample(events + events[:3], len(events) + len(events[:3]))  # some arrive twice
    assert matrix(events, asked, catalogue).tobytes() == matrix(shuffled, asked, catalogue).tobytes()


@given(cases())
@relaxed
def test_bots_and_own_endings_do_not_count(case: tuple[list[Event], list[tuple[str, int]], Catalogue]) -> None:
    events, asked, catalogue = case
    people = [event for event in events if not event.bot and event.type not in ("purchased", "lost", "erased")]
    given, without = (matrix(some, asked, catalogue) for some in (events, people))
    names_endings = [spec.scope != "lead" and "lost" in spec.types for spec in catalogue.features]
    through = {spec.name for spec, names in zip(catalogue.features, names_endings, strict=True) if names}
    told = [
        spec.name in through or not through.isdisjoint((spec.numerator, spec.denominator))
        for spec in catalogue.features
    ]
    assert given[:, ~np.array(told)].tobytes() == without[:, ~np.array(told)].tobytes()


def test_many_rows_on_several_threads_are_the_rows_of_one() -> None:
    events = _visits(300)
    history, catalogue = History.from_events(events), expand(History.from_events(events), 1_000 * DAY)
    rng = np.random.default_rng(1)
    asked = Requests([f"l{i}" for i in rng.integers(0, 310, 20_000)], rng.integers(0, 200 * DAY, 20_000))
    one, three = (build_matrix(history, asked, catalogue, threads=threads) for threads in (1, 3))
    assert one.tobytes() == three.tobytes()


def test_the_kernel_is_compiled_once() -> None:
    """Another sort of array (read-only, other order) would compile anew, for seconds, in the middle of a request."""
    events = _visits(60)
    catalogue = expand(History.from_events(events), 1_000 * DAY)
    warm_up(catalogue)
    from_lists, asked = History.from_events(events), requests([("l1", 50 * DAY)])
    read_only = np.array([50 * DAY])
    read_only.setflags(write=False)
    build(from_lists, asked, catalogue)
    build(History.from_events(events * 40), Requests(["l2"], read_only), catalogue)
    build(History.from_events([]), asked, Catalogue(features=()))
    assert len(fill_rows.signatures) == 1


def test_a_large_account_costs_no_more_than_its_events() -> None:
    """20,000 leads in one account: every lead sees all others, which pair by pair would take minutes."""
    n = 20_000
    identify = [_event(f"i{i}", f"l{i}", "identify", 0, {"account_id": "A"}) for i in range(n)]
    visits = [_event(f"v{i}", f"l{i}", "page_view", 1 + i % 50) for i in range(n)]
    catalogue = expand(History.from_events(identify[:10]), DAY)
    asked = Requests([f"l{i}" for i in range(n)], np.full(n, 60 * DAY))
    frame = build(History.from_events(identify + visits), asked, catalogue)
    assert (frame["colleagues"] == n - 1).all()
    assert (frame["n_colleague_engagement_all"] == n - 1).all()
    own = (60 - (1 + np.arange(n) % 50)) < 30
    np.testing.assert_array_equal(frame["n_colleague_engagement_30d"], own.sum() - own)


def test_colleagues_endings_are_known_and_the_own_one_is_not() -> None:
    spec = {"aggregation": "count", "types": ("purchased",)}
    catalogue = Catalogue(
        features=(
            FeatureSpec(name="own", **spec),  # type: ignore[arg-type]
            FeatureSpec(name="theirs", scope="account", **spec),  # type: ignore[arg-type]
            FeatureSpec(name="first seen", aggregation="age"),
        )
    )
    events = [
        *(_event(f"i{lead}", lead, "identify", 1, {"account_id": "A"}) for lead in ("l1", "l2")),
        _event("p1", "l1", "purchased", 0),
        _event("p2", "l2", "purchased", 3),
    ]
    found = matrix(events, [("l1", 2 * DAY), ("l1", 3 * DAY), ("l2", 3 * DAY)], catalogue)
    np.testing.assert_array_equal(found, [[0, 0, 1], [0, 1, 2], [0, 1, 2]])


def test_the_whole_account_is_the_lead_and_its_colleagues() -> None:
    row = {"aggregation": "decayed", "half_life": 2.0}
    catalogue = Catalogue(
        features=(
            FeatureSpec(name="own", **row),  # type: ignore[arg-type]
            FeatureSpec(name="theirs", scope="account", **row),  # type: ignore[arg-type]
            FeatureSpec(name="all", scope="whole_account", **row),  # type: ignore[arg-type]
        )
    )
    events = [
        *(_event(f"i{lead}", lead, "identify", 0, {"account_id": "A"}) for lead in ("l1", "l2")),
        *(_event(f"v{lead}", lead, "page_view", day) for lead, day in (("l1", 4), ("l2", 2), ("l3", 2))),
    ]
    found = matrix(events, [("l1", 6 * DAY), ("l2", 6 * DAY), ("l3", 6 * DAY)], catalogue)
    np.testing.assert_allclose(found, [[0.5, 0.25, 0.75], [0.25, 0.5, 0.75], [0.25, 0, 0.25]])


def test_the_frame_has_numbers_and_categories_by_name() -> None:
    events = [
        *(
            _event(f"s{i}", f"l{i}", "identify", 0, {"source": "fair" if i % 2 else "web", "value": i})
            for i in range(8)
        ),
        _event("c1", "l1", "sales_call", 2, {"disposition": "too_early", "minutes": 4}),
        _event("n1", "l1", "need_declared", 3, {"need_by": "1970-02-01"}),
        _event("n2", "l1", "need_declared", 5, {"need_by": "1970-02-11"}),
    ]
    history = History.from_events(events)
    frame = build(history, requests([("l1", 10 * DAY), ("l2", 10 * DAY), ("none", 10 * DAY)]), expand(history, 9 * DAY))
    assert isinstance(frame["trait_source"].dtype, pd.CategoricalDtype)
    assert frame["trait_source"].tolist()[:2] == ["fair", "web"]
    assert list(frame["trait_source"].cat.categories)[-1] == "(other)"
    assert frame["trait_value"].tolist()[:2] == [1.0, 2.0]
    assert frame["last_disposition"][0] == "too_early"
    deadline = frame[["deadline_days", "deadline_age_days", "deadline_revisions", "deadline_slip_days"]]
    assert deadline.iloc[0].tolist() == [31 + 10 - 10, 5.0, 1.0, 10.0]
    assert deadline.iloc[1].isna().tolist() == [True, True, False, True]
    assert frame["age_days"].tolist()[:2] == [10.0, 10.0]
    assert frame["age_days"].isna()[2]
    assert frame["n_engagement_all"][2] == 0


def test_requests_must_fit_together() -> None:
    with pytest.raises(InputError, match="as many whole numbers"):
        Requests(["a", "b"], np.array([1]))
    with pytest.raises(InputError, match="as many whole numbers"):
        Requests(["a"], np.array([1.5]))  # type: ignore[arg-type]


def test_properties_that_are_no_json_object_are_refused() -> None:
    table_of = History.from_events([_event("e", "a", "identify", 0, {"x": 1})])
    broken = History(**{**table_of.__dict__, "property_texts": table_of.property_texts.from_pandas(["[1]"])})
    catalogue = Catalogue(features=(FeatureSpec(name="x", aggregation="last", types=("identify",), properties=("x",)),))
    with pytest.raises(InputError, match="a JSON object"):
        build(broken, requests([("a", DAY)]), catalogue)


def _event(event_id: str, lead_id: str, kind: str, day: int, properties: dict[str, object] | None = None) -> Event:
    return Event(
        event_id=event_id,
        lead_id=lead_id,
        type=kind,
        occurred_at=day * DAY,
        recorded_at=day * DAY,
        properties=properties or {},
    )


def _visits(n: int) -> list[Event]:
    """Ten events each of n leads, four to an account."""
    return [
        _event(f"{i} {j}", f"l{i}", "page_view", (7 * i + 13 * j) % 150, {"content": f"/{(i * j) % 9}"})
        if j
        else _event(f"{i}", f"l{i}", "identify", 0, {"account_id": f"A{i // 4}", "value": i})
        for i in range(n)
        for j in range(10)
    ]


def _renamed(event: Event, event_id: str) -> Event:
    values = {name: getattr(event, name) for name in Event.__dataclass_fields__}
    return Event(**(values | {"event_id": event_id}))


def _with_colleagues(events: list[Event], lead_id: str) -> list[Event]:
    """The events of a lead and of all who ever had an account of it, as the store loads them for a request."""

    def accounts(events: list[Event]) -> set[str]:
        given = {event.properties.get("account_id") for event in events if event.type == "identify" and not event.bot}
        return {str(account).strip() for account in given if account is not None}

    own = accounts([event for event in events if event.lead_id == lead_id])
    near = {event.lead_id for event in events if accounts([event]) & own} | {lead_id}
    return [event for event in events if event.lead_id in near]
