"""What one feature is: a row of data that says which events to look at, and what to work out from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Literal, NamedTuple

from features.errors import InputError

OTHER = "(other)"  # the rest class of a categorical
EVERY, ENGAGEMENT, GIVEN = "@any", "@engagement", "@given"
SECTION = "@section:"  # before the name of a property: the section of its value (property_values.section_of)
EVENT_FIELDS = ("@type", "@channel", "@campaign")  # stand where a property does, for what is not in the properties


class Needs(NamedTuple):
    """What an aggregation means, for people, and what a row of it must (or may) say."""

    text: str
    events: bool = True
    properties: bool = False
    window: Literal["no", "may", "must"] = "no"
    half_life: bool = False
    operands: bool = False
    account: bool = False
    whole_account: bool = False  # too, where not account


AGGREGATIONS: dict[str, Needs] = {
    "count": Needs("number of events in the window", window="may", account=True),
    "sum": Needs("sum of a numeric property in the window, 0 if none", properties=True, window="may"),
    "mean": Needs("mean of a numeric property in the window", properties=True, window="may"),
    "max": Needs("greatest value of a numeric property in the window", properties=True, window="may"),
    "min": Needs("least value of a numeric property in the window", properties=True, window="may"),
    "distinct": Needs("number of different values of a property in the window", properties=True, window="may"),
    "active_days": Needs("number of UTC calendar days with an event in the window", window="may"),
    "recency": Needs("days since the last event", account=True),
    "first": Needs("days since the first event"),
    "decayed": Needs(
        "number of events, each losing half of its worth in every half-life", half_life=True, account=True
    ),
    "momentum": Needs("(now - before) / (now + before): events in this window, and in the one before", window="must"),
    "pace": Needs("the same for events a day: in this window, and in the life of the lead before it", window="must"),
    "last": Needs("value of a property in the last event that gives one", properties=True),
    "date_ahead": Needs("days from as_of to the date last given in a property", properties=True, whole_account=True),
    "date_age": Needs("days since a date was last given in a property", properties=True, whole_account=True),
    "date_changes": Needs("how often the date given in a property changed", properties=True, whole_account=True),
    "date_drift": Needs(
        "days from the date first given in a property to the one last given", properties=True, whole_account=True
    ),
    "date_first_ahead": Needs(
        "days from as_of to the date first given in a property", properties=True, whole_account=True
    ),
    "date_first_age": Needs("days since a date was first given in a property", properties=True, whole_account=True),
    "date_notice": Needs(
        "days from when the date last given in a property first was, to it",
        properties=True,
        whole_account=True,
    ),
    "date_move": Needs("days by which the date given in a property moved last", properties=True, whole_account=True),
    "date_margin": Needs(
        "days by which the date given in a property moved last before it came", properties=True, whole_account=True
    ),
    "ratio": Needs("one feature divided by another, missing where that is 0", events=False, operands=True),
    "age": Needs("days since the first event of any type", events=False),
    "weekday": Needs("0 (Monday) to 6 (Sunday) of as_of, UTC", events=False),
    "month": Needs("1 to 12 of as_of, UTC", events=False),
    "day_of_year": Needs("1 to 366 of as_of, UTC", events=False),
    "colleagues": Needs("number of other leads known to belong to the account", events=False, account=True),
}
ACCOUNT_ONLY = frozenset({"colleagues"})
SCOPES = ("lead", "account", "whole_account")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What the properties of an event must say: one of some texts, none of some, a number at least or at most.

    ``properties``: names, of which the first that is there counts; @section: before one is for the section of its
    value. An event without any never meets the condition. ``one_of`` and ``none_of`` compare texts: 5, 5.0 and "5"
    are the same, true is "true".
    """

    properties: tuple[str, ...]
    one_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()
    at_least: float | None = None
    at_most: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSpec:
    """One column of the feature matrix. ``AGGREGATIONS`` says what each aggregation means and needs.

    ``topic``: features of one topic tell the same fact; ``fact``, ``absent``: its sentence in reasons (catalogue.toml).

    ``types``: event types, ``@engagement`` (every type without a meaning of its own, see features.events) or
    ``@any``; ``without_types`` are taken away again. Endings and erasures are never looked at.
    ``channels``: empty for all events, else channel names, or ``@given`` for any; ``without_channels`` likewise.
    ``where``: conditions that the properties must all meet.
    ``properties``: names as in a condition, of which the first that is there counts; or one of @type, @channel,
    @campaign.
    ``window``: days, the events with as_of - window < occurred_at <= as_of; None for all time.
    ``half_life``: days. ``levels``: the categories of a ``last`` that is categorical, without the rest class.
    ``scope``: "account" looks at the events of other leads of the same account (see features.accounts), and
    "whole_account" at these and the lead's own.
    ``numerator``, ``denominator``: names of other numeric features that are no ratios.
    """

    name: str
    aggregation: str
    label: str = ""
    topic: str = ""
    fact: str = ""
    absent: str = ""
    scope: Literal["lead", "account", "whole_account"] = "lead"
    types: tuple[str, ...] = (ENGAGEMENT,)
    without_types: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    without_channels: tuple[str, ...] = ()
    where: tuple[Condition, ...] = ()
    properties: tuple[str, ...] = ()
    window: float | None = None
    half_life: float | None = None
    numerator: str = ""
    denominator: str = ""
    levels: tuple[str, ...] | None = None

    @property
    def categorical(self) -> bool:
        return self.levels is not None


def feature_from_dict(row: Mapping[str, Any]) -> FeatureSpec:
    """The feature that a JSON object describes. InputError says what is wrong with which row."""
    if not isinstance(row, Mapping):
        raise InputError(where="a feature", expected="an object with a name and an aggregation", got=repr(row))
    where = f"feature {row.get('name', '?')!r}"
    values = _values(FeatureSpec, row, where)
    values["where"] = tuple(_condition(item, where) for item in values.get("where", ()))
    spec = FeatureSpec(**values)
    for problem in _problems(spec):
        raise InputError(where=where, expected=problem[0], got=problem[1])
    return spec


def to_dict(item: FeatureSpec | Condition) -> dict[str, Any]:
    """The JSON object of it: what is not as usual, so that it reads well."""
    found: dict[str, Any] = {}
    for field in fields(item):
        value = getattr(item, field.name)
        if value != field.default:
            found[field.name] = list(value) if isinstance(value, tuple) else value
    if "where" in found:
        found["where"] = [to_dict(condition) for condition in found["where"]]
    return found


def _condition(row: Any, where: str) -> Condition:
    if not isinstance(row, Mapping):
        raise InputError(
            where=where, expected="a condition such as {properties = ['minutes'], at_least = 5}", got=repr(row)
        )
    condition = Condition(**_values(Condition, row, where))
    tests = (condition.one_of, condition.none_of, condition.at_least is not None, condition.at_most is not None)
    if not condition.properties or not any(tests):
        raise InputError(
            where=where,
            expected="a condition with properties and one or more of one_of, none_of, at_least, at_most",
            got=str(dict(row)),
        )
    return condition


def _values(kind: type, row: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The fields of a dataclass from a JSON object; a single text stands for a list of one."""
    known = {field.name: str(field.type) for field in fields(kind)}
    required = [field.name for field in fields(kind) if field.default is MISSING]
    values: dict[str, Any] = {}
    for name, value in row.items():
        if name not in known:
            raise InputError(where=where, expected=f"one of {', '.join(known)}", got=repr(name))
        values[name] = _value(value, known[name], f"{where}, {name}")
    for name in required:
        if name not in values:
            raise InputError(where=where, expected=f"a value for {name}", got="none")
    return values


def _value(value: Any, kind: str, where: str) -> Any:
    if value is None and "None" in kind:
        return None
    if kind.startswith("tuple[Condition"):
        return tuple(value) if isinstance(value, (list, tuple)) else (value,)
    if kind.startswith("tuple"):
        texts = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, (list, tuple)) else None
        if texts is None or not all(isinstance(text, str) for text in texts):
            raise InputError(where=where, expected="a text or a list of texts", got=repr(value))
        return texts
    if kind.startswith("float"):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise InputError(where=where, expected="a number", got=repr(value))
        return float(value)
    if not isinstance(value, str):
        raise InputError(where=where, expected="a text", got=repr(value))
    return value


def _problems(spec: FeatureSpec) -> list[tuple[str, str]]:
    """What is wrong with a row, as pairs of what was expected and what came."""
    if spec.aggregation not in AGGREGATIONS:
        return [(f"an aggregation, one of {', '.join(AGGREGATIONS)}", repr(spec.aggregation))]
    needs = AGGREGATIONS[spec.aggregation]
    checks = [
        (not spec.name, "a name", "an empty one"),
        (spec.scope not in SCOPES, "scope 'lead', 'account' or 'whole_account'", repr(spec.scope)),
        (
            not (spec.scope == "lead" or needs.account or (spec.scope == "whole_account" and needs.whole_account)),
            "an aggregation that an account has",
            repr(spec.aggregation),
        ),
        (
            spec.scope != "account" and spec.aggregation in ACCOUNT_ONLY,
            "scope 'account'",
            f"scope {spec.scope!r}",
        ),
        (needs.properties and not spec.properties, f"properties, for {spec.aggregation} reads one", "none"),
        (not needs.properties and bool(spec.properties), f"no properties, for {spec.aggregation} reads none", "some"),
        (needs.window == "must" and spec.window is None, "a window in days", "none"),
        (needs.window == "no" and spec.window is not None, f"no window: {spec.aggregation} has none", str(spec.window)),
        (spec.window is not None and not 0 < spec.window <= 36_500, "a window of 0 to 36500 days", str(spec.window)),
        (needs.half_life != (spec.half_life is not None), "a half_life for decayed alone", str(spec.half_life)),
        (spec.half_life is not None and spec.half_life <= 0, "a half_life above 0 days", str(spec.half_life)),
        (
            needs.operands != bool(spec.numerator and spec.denominator),
            "numerator and denominator for ratio alone",
            "else",
        ),
        (spec.levels is not None and spec.aggregation != "last", "levels for last alone", spec.aggregation),
        (spec.levels is not None and OTHER in spec.levels, f"levels without the rest class {OTHER}", "with it"),
        (len(set(spec.levels or ())) < len(spec.levels or ()), "levels that differ", "one twice"),
        (needs.events and not spec.types, "types of events", "none"),
        (
            _reads_event(spec) and len(spec.properties) > 1,
            "an event field alone, or names of properties",
            str(spec.properties),
        ),
        (_reads_event(spec) and not _may_read_event(spec), "a property of the event", str(spec.properties)),
    ]
    return [(expected, got) for wrong, expected, got in checks if wrong]


def _reads_event(spec: FeatureSpec) -> bool:
    return any(name in EVENT_FIELDS for name in spec.properties)


def _may_read_event(spec: FeatureSpec) -> bool:
    return spec.aggregation == "distinct" or (spec.aggregation == "last" and spec.categorical)
