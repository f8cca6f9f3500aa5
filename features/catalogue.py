"""The catalogue of features: rows of data, written once with placeholders, expanded over what training found."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from features.compile_plan import compile_plan
from features.errors import InputError
from features.feature_spec import ENGAGEMENT, EVERY, GIVEN, OTHER, FeatureSpec, feature_from_dict, to_dict
from features.found import Found
from features.history import History
from features.plan import Plan
from features.settings import EventRoles

__all__ = ["OTHER", "Catalogue", "FeatureSpec", "Rows", "default_rows", "expand", "read_rows"]

DEFAULT_FILE = Path(__file__).with_name("catalogue.toml")
CAPS = {"type": 16, "channel": 10, "value": 8, "attribute": 30, "level": 24}
ACCOUNT_PROPERTY = "account_id"

_WITHIN = {1.0: "in the last day"}


@dataclass(frozen=True)
class Catalogue:
    """The features of a model: no placeholder left, so that it means the same on every history.

    ``features`` are the columns in their order; the constructor puts numeric ones before categorical ones.
    ``account_property``: the trait that says which account a lead belongs to.
    """

    features: tuple[FeatureSpec, ...]
    account_property: str = ACCOUNT_PROPERTY

    def __post_init__(self) -> None:
        object.__setattr__(self, "features", tuple(sorted(self.features, key=lambda spec: spec.categorical)))
        _check_names(self.features)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(spec.name for spec in self.features)

    @cached_property
    def plan(self) -> Plan:
        """What the kernel needs to know of it, worked out once."""
        return compile_plan(self.features, self.account_property)

    def to_json(self) -> str:
        """A JSON object with one feature to a line; ``from_json`` is its inverse."""
        lines = ",\n".join("  " + orjson.dumps(to_dict(spec)).decode() for spec in self.features)
        account = orjson.dumps(self.account_property).decode()
        return f'{{"account_property": {account}, "features": [\n{lines}\n]}}\n'

    @classmethod
    def from_json(cls, text: str | bytes) -> Catalogue:
        """InputError if the text is no catalogue, or a row of it cannot be understood."""
        try:
            content = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise InputError(where="catalogue", expected="JSON", got=str(error)) from None
        if not isinstance(content, dict) or not isinstance(content.get("features"), list):
            raise InputError(
                where="catalogue", expected="an object with a list of features", got=type(content).__name__
            )
        features = tuple(feature_from_dict(row) for row in content["features"])
        return cls(features=features, account_property=content.get("account_property", ACCOUNT_PROPERTY))


@dataclass(frozen=True)
class Rows:
    """Rows with placeholders, as catalogue.toml has them, and the caps on what they are expanded over."""

    rows: tuple[Mapping[str, Any], ...]
    caps: Mapping[str, int]


def default_rows() -> Rows:
    return read_rows(DEFAULT_FILE)


def read_rows(path: Path) -> Rows:
    """The rows of a TOML file like features/catalogue.toml. InputError if it is none."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(where=str(path), expected="TOML in UTF-8", got=str(error)) from None
    rows, caps = content.pop("feature", []), content.pop("caps", {})
    if content:
        raise InputError(where=str(path), expected="[[feature]] rows and [caps]", got=", ".join(content))
    wrong = {name: cap for name, cap in caps.items() if name not in CAPS or not isinstance(cap, int) or cap < 0}
    if wrong:
        raise InputError(where=f"{path}, caps", expected=f"whole numbers for {', '.join(CAPS)}", got=str(wrong))
    return Rows(rows=tuple(rows), caps=CAPS | caps)


def expand(history: History, known_by: int, *, rows: Rows | None = None, roles: EventRoles | None = None) -> Catalogue:
    """The features that the rows stand for, given what was known of these leads at ``known_by``.

    Types, channels and values are taken by the number of leads that have them, up to the caps of ``rows``; the
    others, and those never seen in training, share the rest class. ``rows``: the default ones if None.
    """
    rows = rows or default_rows()
    found = Found(history, known_by)
    taken: set[str] = set()
    features = []
    for row in rows.rows:
        for variant in _variants(dict(row), found, rows.caps, roles or EventRoles()):
            variant["name"] = _free_name(variant["name"], taken)
            features.append(feature_from_dict(variant))
    return Catalogue(features=tuple(features))


def _variants(
    row: dict[str, Any], found: Found, caps: Mapping[str, int], roles: EventRoles
) -> Iterator[dict[str, Any]]:
    """The rows that one row stands for."""
    row = _with_roles(row, roles)
    windows, half_lives = row.pop("windows", [row.get("window", "all")]), row.pop("half_lives", [row.get("half_life")])
    kind = row.pop("kind", "number")
    if kind not in ("number", "category"):
        raise InputError(where=f"feature {row.get('name')!r}, kind", expected="number or category", got=repr(kind))
    if kind == "category" and "levels" not in row:
        row["levels"] = found.texts(row["types"], row.get("properties", ()))[: caps["level"]]
    for window, half_life, *choices in itertools.product(windows, half_lives, *_choices(row, found, caps)):
        span = "so far" if window == "all" else _WITHIN.get(window, f"in the last {window:g} days")
        words = {"window": "all" if window == "all" else f"{window:g}d", "span": span}
        words["half_life"] = "" if half_life is None else f"{half_life:g}d"
        # the window of a ratio is that of its operands: it fills the placeholder, no more
        own = None if window == "all" or row.get("aggregation") == "ratio" else window
        once = row | {"window": own, "half_life": half_life}
        for word, _ in choices:
            words |= word
        filled = _fill(once, words)
        for _, instead in choices:
            filled |= instead
        yield filled


_Choice = tuple[dict[str, str], dict[str, Any]]  # the words for placeholders, and what else the row then says


def _choices(row: Mapping[str, Any], found: Found, caps: Mapping[str, int]) -> Iterator[list[_Choice]]:
    """For each placeholder in the row, what was found to put there, and the rest class."""
    text = orjson.dumps(row).decode()
    if "{attribute}" in text:
        traits = found.traits(caps["attribute"], caps["level"], leave_out={ACCOUNT_PROPERTY})
        yield [({"attribute": name}, {"levels": levels}) for name, levels in traits.items()]
    for word, names, field, whole in (
        ("type", found.types, "types", ENGAGEMENT),
        ("channel", found.channels, "channels", GIVEN),
    ):
        if f"{{{word}}}" in text:
            named = names[: caps[word]]
            rest: _Choice = ({word: "other"}, {field: [whole], f"without_{field}": named})
            yield [*(({word: name}, {}) for name in named), rest]
    if "{value}" in text:
        yield _value_choices(row, found, caps["value"])


def _value_choices(row: Mapping[str, Any], found: Found, cap: int) -> list[_Choice]:
    conditions = row.get("where", [])
    if len(conditions) != 1 or conditions[0].get("one_of") != ["{value}"]:
        raise InputError(
            where=f"feature {row.get('name')!r}",
            expected="where = { properties = ..., one_of = '{value}' } for the placeholder {value}",
            got=repr(conditions),
        )
    properties = conditions[0]["properties"]
    values = found.texts(row["types"], properties)[:cap]
    chosen: list[_Choice] = [({"value": v}, {"where": [{"properties": properties, "one_of": [v]}]}) for v in values]
    rest: _Choice = ({"value": "other"}, {"where": [{"properties": properties, "none_of": values}]})
    return [*chosen, rest] if values else []


def _with_roles(row: dict[str, Any], roles: EventRoles) -> dict[str, Any]:
    """The row with lists where lists belong, and the names that the settings give to roles."""
    names: dict[str, Sequence[str]] = {f"@{name}": value for name, value in roles.model_dump().items()}
    names["@content"] = names.pop("@content_properties")
    kept = {EVERY, ENGAGEMENT, GIVEN, "@type", "@channel", "@campaign"}

    def spread(value: Any) -> list[Any]:
        texts = [value] if isinstance(value, (str, Mapping)) else list(value)
        unknown = [t for t in texts if isinstance(t, str) and t.startswith("@") and t not in kept and t not in names]
        if unknown:
            known = ", ".join(sorted(kept | set(names)))
            raise InputError(where=f"feature {row.get('name')!r}", expected=f"one of {known}", got=unknown[0])
        return [name for text in texts for name in (names.get(text, [text]) if isinstance(text, str) else [text])]

    lists = ("types", "without_types", "channels", "without_channels", "properties", "where", "one_of", "none_of")
    row = {"types": [ENGAGEMENT]} | {k: spread(v) if k in lists else v for k, v in row.items()}
    if "where" in row:
        row["where"] = [{k: spread(v) if k in lists else v for k, v in c.items()} for c in row["where"]]
    return row


def _fill(row: Any, words: Mapping[str, str]) -> Any:
    """The row with the placeholders replaced in every text of it, once: what is put in is not looked at again."""
    if isinstance(row, str):
        return re.sub(r"\{(\w+)\}", lambda match: words.get(match[1], match[0]), row)
    if isinstance(row, Mapping):
        return {name: _fill(value, words) for name, value in row.items()}
    if isinstance(row, (list, tuple)):
        return [_fill(value, words) for value in row]
    return row


def _free_name(name: str, taken: set[str]) -> str:
    """A column name of letters, digits and _ (LightGBM takes no JSON signs), not in use yet."""
    name = base = re.sub(r"\W+", "_", name).strip("_") or "feature"
    for number in itertools.count(2):
        if name not in taken:
            break
        name = f"{base}_{number}"
    taken.add(name)
    return name


def _check_names(features: Sequence[FeatureSpec]) -> None:
    kinds = {spec.name: spec for spec in features}
    if len(kinds) < len(features):
        twice = sorted({spec.name for spec in features if sum(other.name == spec.name for other in features) > 1})
        raise InputError(where="catalogue", expected="names that differ", got=", ".join(twice))
    for spec in features:
        for name in (spec.numerator, spec.denominator):
            if name and (name not in kinds or kinds[name].aggregation == "ratio" or kinds[name].categorical):
                raise InputError(
                    where=f"feature {spec.name!r}",
                    expected="names of numeric features that are no ratios",
                    got=repr(name),
                )
