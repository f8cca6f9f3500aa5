"""Rows of features as people write them: with placeholders, expanded over what training found."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import orjson

from features.business_settings import EventRoles
from features.errors import InputError
from features.feature_spec import ENGAGEMENT, EVENT_FIELDS, EVERY, GIVEN, SECTION

CAPS = {"type": 16, "channel": 10, "section": 12, "value": 8, "attribute": 30, "level": 24}
_WITHIN = {1.0: "in the last day"}


@dataclass(frozen=True)
class Rows:
    """Rows with placeholders, as catalogue.toml has them, and the caps on what they are expanded over.

    ``remove``: names of built-in rows that a file of one's own does without (features.own_rows).
    """

    rows: tuple[Mapping[str, Any], ...]
    caps: Mapping[str, int]
    remove: tuple[str, ...] = ()


class Seen(Protocol):
    """What training found, as features.found.Found tells it."""

    @property
    def types(self) -> list[str]: ...

    @property
    def channels(self) -> list[str]: ...

    def texts(self, types: Sequence[str], properties: Sequence[str]) -> list[str]: ...

    def traits(self, cap: int, level_cap: int, *, leave_out: Collection[str] = ()) -> dict[str, list[str] | None]: ...


def read_rows(path: Path, caps: Mapping[str, int] = CAPS) -> Rows:
    """The rows of a TOML file like features/catalogue.toml. InputError if it is none. ``caps``: where it has no own."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(where=str(path), expected="a TOML file of features", got=str(error.strerror)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(where=str(path), expected="TOML in UTF-8", got=str(error)) from None
    rows, own, remove = content.pop("feature", []), content.pop("caps", {}), content.pop("remove", [])
    if content or not isinstance(rows, list) or not isinstance(own, dict):
        got = ", ".join(content) or "other kinds of values"
        raise InputError(where=str(path), expected="[[feature]] rows and one [caps]", got=got)
    if not isinstance(remove, list) or not all(isinstance(name, str) for name in remove):
        raise InputError(where=f"{path}, remove", expected="a list of names of built-in rows", got=repr(remove))
    wrong = {name: cap for name, cap in own.items() if name not in CAPS or not isinstance(cap, int) or cap < 0}
    if wrong:
        raise InputError(where=f"{path}, caps", expected=f"whole numbers for {', '.join(CAPS)}", got=str(wrong))
    return Rows(rows=tuple(rows), caps={**caps, **own}, remove=tuple(remove))


def expand_rows(rows: Rows, found: Seen, roles: EventRoles, *, leave_out: frozenset[str]) -> Iterator[dict[str, Any]]:
    """What the rows stand for, one JSON object for each feature, names made to differ.

    ``leave_out``: traits that are no features (the account, the salesperson).
    """
    taken: set[str] = set()
    for row in rows.rows:
        checked = _with_roles(_checked(row), roles)
        for variant in _variants(checked, found, rows.caps, leave_out):
            yield variant | {"name": _free_name(variant["name"], taken)}


def _checked(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row, if what expansion itself looks at is as it should be; the rest is for feature_from_dict to check."""
    where = f"feature {row.get('name', '?')!r}" if isinstance(row, Mapping) else "a feature"
    if not isinstance(row, Mapping):
        raise InputError(where=where, expected="a row with a name and an aggregation", got=repr(row))
    if not isinstance(row.get("name"), str):
        raise InputError(where=where, expected="a value for name, a text", got=repr(row.get("name")))
    for name, also in (("windows", ("all",)), ("half_lives", ())):
        values = row.get(name, [])
        if not isinstance(values, list) or any(
            isinstance(v, bool) or not isinstance(v, (int, float)) for v in values if v not in also
        ):
            raise InputError(where=f"{where}, {name}", expected="a list of numbers of days", got=repr(values))
    window = row.get("window", "all")
    if window != "all" and (isinstance(window, bool) or not isinstance(window, (int, float))):
        raise InputError(where=f"{where}, window", expected="a number of days, or 'all'", got=repr(window))
    if row.get("kind", "number") not in ("number", "category"):
        raise InputError(where=f"{where}, kind", expected="number or category", got=repr(row["kind"]))
    conditions = row.get("where", [])
    conditions = [conditions] if isinstance(conditions, Mapping) else conditions
    if not isinstance(conditions, list) or not all(isinstance(condition, Mapping) for condition in conditions):
        example = "a condition such as { properties = 'minutes', at_least = 5 }"
        raise InputError(where=f"{where}, where", expected=example, got=repr(conditions))
    return dict(row) | ({"where": conditions} if conditions else {})


def _variants(
    row: dict[str, Any], found: Seen, caps: Mapping[str, int], leave_out: frozenset[str]
) -> Iterator[dict[str, Any]]:
    """The rows that one row stands for."""
    windows, half_lives = row.pop("windows", [row.get("window", "all")]), row.pop("half_lives", [row.get("half_life")])
    if row.pop("kind", "number") == "category" and "levels" not in row:
        row["levels"] = found.texts(row["types"], row.get("properties", ()))[: caps["level"]]
    for window, half_life, *choices in itertools.product(windows, half_lives, *_choices(row, found, caps, leave_out)):
        words = {"window": "all", "span": "so far", "half_life": "" if half_life is None else f"{half_life:g}d"}
        if window != "all":
            words |= {"window": f"{window:g}d", "span": _WITHIN.get(window, f"in the last {window:g} days")}
        # the window of a ratio is that of its operands: it fills the placeholder, no more
        own = None if window == "all" or row.get("aggregation") == "ratio" else window
        for word, _ in choices:
            words |= word
        filled: dict[str, Any] = _fill(row | {"window": own, "half_life": half_life}, words)
        spaced = {word: text.replace("_", " ") for word, text in words.items()}
        for said in ("label", "topic", "fact", "absent"):
            if said in row:
                filled[said] = _fill(row[said], spaced)
        for _, instead in choices:
            filled |= instead
        yield filled


_Choice = tuple[dict[str, str], dict[str, Any]]  # the words for placeholders, and what else the row then says


def _choices(
    row: Mapping[str, Any], found: Seen, caps: Mapping[str, int], leave_out: frozenset[str]
) -> Iterator[list[_Choice]]:
    """For each placeholder in the row, what was found to put there, and the rest class."""
    text = orjson.dumps(row).decode()
    if "{attribute}" in text:
        traits = found.traits(caps["attribute"], caps["level"], leave_out=leave_out)
        yield [({"attribute": name}, {"levels": levels}) for name, levels in traits.items()]
    for word, names, field, whole in (
        ("type", found.types, "types", ENGAGEMENT),
        ("channel", found.channels, "channels", GIVEN),
    ):
        if f"{{{word}}}" in text:
            named = names[: caps[word]]
            rest: _Choice = (
                {word: "other"},
                {field: [whole], f"without_{field}": [*row.get(f"without_{field}", ()), *named]},
            )
            yield [*(({word: name}, {}) for name in named), rest]
    for word in ("section", "value"):
        if f"{{{word}}}" in text:
            yield _value_choices(row, found, word, caps[word])


def _value_choices(row: Mapping[str, Any], found: Seen, word: str, cap: int) -> list[_Choice]:
    """The values found of the property of the row's condition, and the rest."""
    conditions = row.get("where", [])
    if len(conditions) != 1 or conditions[0].get("one_of") != [f"{{{word}}}"]:
        raise InputError(
            where=f"feature {row.get('name')!r}",
            expected=f"where = {{ properties = ..., one_of = '{{{word}}}' }} for the placeholder {{{word}}}",
            got=repr(conditions),
        )
    properties = conditions[0].get("properties", [])
    values = found.texts(row["types"], properties)[:cap]
    chosen: list[_Choice] = [({word: v}, {"where": [{"properties": properties, "one_of": [v]}]}) for v in values]
    rest: _Choice = ({word: "other"}, {"where": [{"properties": properties, "none_of": values}]})
    return [*chosen, rest] if values else []


def _with_roles(row: dict[str, Any], roles: EventRoles) -> dict[str, Any]:
    """The row with lists where lists belong, and the names that the settings give to roles."""
    names: dict[str, Sequence[str]] = {f"@{name}": value for name, value in roles.model_dump().items()}
    names["@content"] = names.pop("@content_properties")
    names["@section"] = [SECTION + name for name in names["@content"]]
    kept = {EVERY, ENGAGEMENT, GIVEN, *EVENT_FIELDS}

    def spread(value: Any) -> Any:
        texts = [value] if isinstance(value, str) else value
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            return value  # feature_from_dict says what is wrong with it
        for text in texts:
            if text.startswith("@") and text not in kept and text not in names and not text.startswith(SECTION):
                known = ", ".join(sorted(kept | set(names)))
                raise InputError(where=f"feature {row['name']!r}", expected=f"one of {known}", got=text)
        return [name for text in texts for name in names.get(text, [text])]

    lists = ("types", "without_types", "channels", "without_channels", "properties", "one_of", "none_of")
    row = {"types": [ENGAGEMENT]} | {key: spread(value) if key in lists else value for key, value in row.items()}
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
