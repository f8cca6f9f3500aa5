"""Random histories and catalogues for property-based tests: late records, ties, odd values, changes of account."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from features.builder import Requests, build_matrix
from features.catalogue import Catalogue
from features.events import DAY, Event
from features.feature_spec import OTHER, Condition, FeatureSpec
from features.history import History

LEADS = ["a", "b", "c", "ü", "lead 9"]
ENGAGING = ["page_view", "mail_sent", "mail_opened", "besøk", "zzz", ""]
TYPES = [
    *ENGAGING, "identify", "need_declared", "sales_call", "handoff", "handoff_accepted", "handoff_rejected",
    "handoff_scored", "purchased", "lost", "erased",
]  # fmt: skip
CHANNELS = [None, "web", "email", "", "näher"]

_scalars = st.sampled_from(
    [
        None,
        "",
        " x ",
        "/x/2",
        "https://host/X?y=/z",
        "x-3",
        "x",
        "ü",
        "5",
        5,
        5.0,
        "5.5",
        -3,
        1e3,
        True,
        False,
        "nan",
        "1_0",
        [1],
        {"x": 1},
    ]
)
_dates = st.sampled_from(
    ["1970-02-01", "1970-02-01T00:00:00Z", "1970-03-15", "soon", None, 19700201, "1970-01-20T12:00:00+02:00"]
)
_properties = st.fixed_dictionaries(
    {},
    optional={
        "content": _scalars,
        "path": _scalars,
        "minutes": st.one_of(_scalars, st.integers(-20, 20), st.floats(-50, 50)),
        "need_by": _dates,
        "account_id": st.sampled_from(["A", "B", "B ", 7, "7", None]),
        "disposition": st.sampled_from(["too_early", "on_time", "no_answer"]),
    },
)
# few different moments, so that many tie; some a microsecond off, some a whole window away
_moments = st.builds(
    lambda quarter, off: quarter * DAY // 4 + off, st.integers(0, 250), st.sampled_from([0, 0, 0, 1, -1])
)


@st.composite
def histories(draw: st.DrawFn, max_size: int = 30) -> list[Event]:
    events = []
    leads = LEADS[: draw(st.integers(1, len(LEADS)))]
    for number in range(draw(st.integers(0, max_size))):
        occurred = draw(_moments)
        late = draw(st.sampled_from([0, 0, 0, 1, -DAY, DAY, 7 * DAY, 40 * DAY]))
        events.append(
            Event(
                event_id=f"e{number}",
                lead_id=draw(st.sampled_from(leads)),
                type=draw(st.sampled_from([*TYPES, *TYPES[:1] * 4, *["identify", "need_declared", "sales_call"] * 2])),
                occurred_at=occurred,
                recorded_at=occurred + late,
                channel=draw(st.sampled_from(CHANNELS)),
                campaign=draw(st.sampled_from([None, "spring", "fall"])),
                bot=draw(st.sampled_from([False, False, False, True])),
                properties=draw(_properties),
            )
        )
    return draw(st.permutations(events))


@st.composite
def account_histories(draw: st.DrawFn) -> list[Event]:
    """Leads that move between two accounts, close together in time, much of it known late."""
    kinds = st.sampled_from(["identify", "identify", "identify", "page_view", "page_view", "mail_sent", "lost"])
    days, late = st.integers(0, 7), st.sampled_from([0, 0, 1, 2, 4])
    accounts = st.sampled_from(["A", "A", "B", "B", None])
    events = []
    for number, (kind, day, after, account) in enumerate(
        draw(st.lists(st.tuples(kinds, days, late, accounts), min_size=3, max_size=16))
    ):
        events.append(
            Event(
                event_id=str(number),
                lead_id=draw(st.sampled_from(LEADS[:3])),
                type=kind,
                occurred_at=day * DAY,
                recorded_at=(day + after) * DAY,
                properties={"account_id": account, "need_by": draw(_dates)},
            )
        )
    return events


ACCOUNT_CATALOGUE = Catalogue(
    features=(
        FeatureSpec(name="colleagues", aggregation="colleagues", scope="account"),
        FeatureSpec(name="since", aggregation="recency", scope="account"),
        FeatureSpec(name="since_identify", aggregation="recency", scope="account", types=("identify",)),
        *(FeatureSpec(name=f"n_{w}", aggregation="count", scope="account", window=w) for w in (1.0, 3.0, 7.0, None)),
        FeatureSpec(name="whole_since", aggregation="recency", scope="whole_account"),
        *(
            FeatureSpec(name=f"{kind}_{scope}", aggregation=kind, scope=scope, types=types, half_life=half_life)
            for scope in ("account", "whole_account")
            for kind, types, half_life in (
                ("decayed", ("@any",), 3.0),
                ("count", ("lost", "page_view"), None),
                ("recency", ("lost",), None),
            )
        ),
        *(
            FeatureSpec(
                name=f"{kind}_{types}",
                aggregation=f"date_{kind}",
                scope="whole_account",
                types=(types,),
                properties=("need_by",),
            )
            for types in ("page_view", "@any")
            for kind in ("ahead", "age", "changes", "drift", "first_ahead", "first_age", "notice", "move", "margin")
        ),
        FeatureSpec(name="fading", aggregation="decayed", scope="account", half_life=1.0),
        *(
            FeatureSpec(name=f"any_{w}", aggregation="count", scope="account", types=("@any",), window=w)
            for w in (2.0, None)
        ),
        FeatureSpec(
            name="in_a",
            aggregation="count",
            scope="account",
            types=("@any",),
            where=(Condition(properties=("account_id",), one_of=("A",)),),
        ),
    )
)


def as_ofs(events: Sequence[Event]) -> st.SearchStrategy[int]:
    """As-of times at, just before and just after what happens, and anywhere."""
    moments = [moment for event in events for moment in (event.occurred_at, event.recorded_at)]
    if not moments:
        return _moments
    near = st.builds(
        lambda moment, off: moment + off,
        st.sampled_from(moments),
        st.sampled_from([0, 0, 1, -1, DAY, 7 * DAY, 7 * DAY - 1, 30 * DAY]),
    )
    return st.one_of(near, _moments)


_conditions = (
    st.builds(
        Condition,
        properties=st.sampled_from(
            [("content",), ("minutes",), ("path", "content"), ("@section:path", "@section:content")]
        ),
        one_of=st.sampled_from([("x", "5"), ("ü",)]),
    )
    | st.builds(
        Condition,
        properties=st.sampled_from([("content",), ("minutes",), ("@section:content",)]),
        none_of=st.sampled_from([("x",), ("5", "true")]),
    )
    | st.builds(
        Condition,
        properties=st.sampled_from([("minutes",), ("content", "path")]),
        at_least=st.sampled_from([0.0, 5.0]),
        at_most=st.sampled_from([None, 20.0]),
    )
)
_EVER: dict[str, object] = {"window": None}
_AGGREGATIONS: list[tuple[str, dict[str, object]]] = [
    ("count", {}),
    ("sum", {"properties": ("minutes",)}),
    ("mean", {"properties": ("minutes", "content")}),
    ("max", {"properties": ("minutes",)}),
    ("min", {"properties": ("content", "minutes")}),
    ("distinct", {"properties": ("content", "path")}),
    ("distinct", {"properties": ("@section:content", "path")}),
    ("distinct", {"properties": ("@channel",)}),
    ("distinct", {"properties": ("@campaign",)}),
    ("active_days", {}),
    ("recency", _EVER),
    ("first", _EVER),
    ("decayed", _EVER | {"half_life": 9.0}),
    ("momentum", {"window": 7.0}),
    ("pace", {"window": 7.0}),
    ("last", _EVER | {"properties": ("minutes",)}),
    ("last", _EVER | {"properties": ("content",), "levels": ("x", "5")}),
    ("last", _EVER | {"properties": ("@type",), "levels": ("page_view", "besøk")}),
    ("date_ahead", _EVER | {"properties": ("need_by",)}),
    ("date_age", _EVER | {"properties": ("need_by",)}),
    ("date_changes", _EVER | {"properties": ("need_by",)}),
    ("date_drift", _EVER | {"properties": ("need_by", "content")}),
    *(
        (f"date_{name}", _EVER | {"properties": ("need_by",)})
        for name in ("first_ahead", "first_age", "notice", "move", "margin")
    ),
    ("date_ahead", _EVER | {"properties": ("need_by",), "scope": "whole_account"}),
    ("date_margin", _EVER | {"properties": ("need_by",), "scope": "whole_account"}),
    ("age", _EVER),
    ("weekday", _EVER),
    ("month", _EVER),
    ("day_of_year", _EVER),
    ("count", {"scope": "account"}),
    ("recency", _EVER | {"scope": "account"}),
    ("decayed", _EVER | {"scope": "account", "half_life": 9.0}),
    ("count", {"scope": "whole_account"}),
    ("recency", _EVER | {"scope": "whole_account"}),
    ("decayed", _EVER | {"scope": "whole_account", "half_life": 2.0}),
    ("colleagues", _EVER | {"scope": "account"}),
]


@st.composite
def catalogues(draw: st.DrawFn) -> Catalogue:
    """Several rows of any aggregation, each with any choice of types, channels, conditions and window."""
    rows = []
    for number, (aggregation, needs) in enumerate(
        draw(st.lists(st.sampled_from(_AGGREGATIONS), min_size=1, max_size=12))
    ):
        chosen = {
            "types": draw(
                st.sampled_from(
                    [("@engagement",), ("@any",), ("page_view",), ("identify", "sales_call", "zzz", "lost")]
                )
            ),
            "without_types": draw(st.sampled_from([(), (), ("zzz", "page_view")])),
            "channels": draw(st.sampled_from([(), (), ("web",), ("@given",)])),
            "without_channels": draw(st.sampled_from([(), ("email",)])),
            "where": tuple(draw(st.lists(_conditions, max_size=2))) if draw(st.booleans()) else (),
            "window": draw(st.sampled_from([None, 1.0, 7.0, 7.5, 30.0])),
        }
        rows.append(FeatureSpec(name=f"f{number}", aggregation=aggregation, **(chosen | needs)))
    numeric = [row.name for row in rows if not row.categorical]
    if numeric:
        above, below = draw(st.sampled_from(numeric)), draw(st.sampled_from(numeric))
        rows.append(FeatureSpec(name="ratio", aggregation="ratio", numerator=above, denominator=below))
    return Catalogue(features=tuple(rows))


def matrix(events: Sequence[Event], asked: Sequence[tuple[str, int]], catalogue: Catalogue) -> np.ndarray:
    """The builder's answer to these pairs of lead and as-of time."""
    return build_matrix(History.from_events(events), requests(asked), catalogue)


def requests(asked: Sequence[tuple[str, int]]) -> Requests:
    return Requests([lead for lead, _ in asked], np.array([as_of for _, as_of in asked], dtype=np.int64))


def coded(catalogue: Catalogue, row: Sequence[float | str | None]) -> list[float]:
    """A row of the slow builder as the matrix has it: codes for levels, NaN for what is missing."""
    codes = [{name: i for i, name in enumerate((*(spec.levels or ()), OTHER))} for spec in catalogue.features]
    return [np.nan if v is None else codes[i][v] if isinstance(v, str) else float(v) for i, v in enumerate(row)]
