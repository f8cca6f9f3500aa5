"""Features of one's own: a file of rows beside the built-in ones, checked before any history is read.

A row adds a feature, or replaces the built-in row of the same name as it stands in features/catalogue.toml; ``remove``
names built-in rows to do without; [caps] has precedence over the built-in one.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import orjson

from features.business_settings import EventRoles
from features.catalogue import ACCOUNT_PROPERTY, DEFAULT_FILE, Catalogue
from features.errors import InputError
from features.feature_spec import Condition, FeatureSpec, feature_from_dict
from features.rows import Rows, expand_rows, read_rows

_KEYS = ({field.name for field in fields(FeatureSpec)} | {"windows", "half_lives", "kind"}) - {"levels"}
_CONDITION_KEYS = {field.name for field in fields(Condition)}
_FOUND = frozenset({"window", "span", "half_life", "type", "channel", "value", "section", "attribute"})
_TIME = frozenset({"age", "weekday", "month", "day_of_year"})  # aggregations that look at no event
_SAID = frozenset({"n", "times", "days", "ago", "ahead", "percent", "level", "month"})  # in a fact: its value


class _Example:
    """One of everything that training may find, so that every row stands for something."""

    @property
    def types(self) -> list[str]:
        return ["page_view"]

    @property
    def channels(self) -> list[str]:
        return ["web"]

    def texts(self, types: Sequence[str], properties: Sequence[str]) -> list[str]:  # noqa: ARG002
        return ["a"]

    def traits(self, cap: int, level_cap: int, *, leave_out: Collection[str] = ()) -> dict[str, list[str] | None]:  # noqa: ARG002
        return {"industry": ["a"], "employees": None}


def own_rows(file: str) -> Rows | None:
    """The built-in rows with those of ``file``; None without one, for the built-in ones alone.

    InputError names file, row and field, and says what was expected and what to do.
    """
    if not file:
        return None
    path = Path(file)
    builtin = read_rows(DEFAULT_FILE)
    own = read_rows(path, builtin.caps)
    for number, row in enumerate(own.rows, 1):
        _check(row, number, path)
    names = [str(row["name"]) for row in own.rows]
    for name in names:
        if names.count(name) > 1:
            raise InputError(where=f"{path}, feature {name!r}", expected="each name once", got="two rows of it")
    known = {str(row["name"]): row for row in builtin.rows}
    for name in own.remove:
        if name not in known:
            raise InputError(
                where=f"{path}, remove",
                expected="names of built-in rows as they stand in features/catalogue.toml",
                got=repr(name),
                remedy=_meant(name, known),
            )
    instead = {str(row["name"]): row for row in own.rows}
    kept = [instead.get(name, row) for name, row in known.items() if name not in own.remove]
    added = [row for name, row in instead.items() if name not in known or name in own.remove]
    _try(kept, added, own.caps, path)
    return Rows(rows=(*kept, *added), caps=own.caps)


def rows_digest(file: str) -> str:
    """16 hexadecimal digits that differ when the rows do; empty without a file."""
    rows = own_rows(file)
    if rows is None:
        return ""
    content = orjson.dumps([list(rows.rows), dict(rows.caps)], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(content).hexdigest()[:16]


def _check(row: Any, number: int, path: Path) -> None:
    """The keys and placeholders of a row: what it says is looked at when it is tried."""
    name = row.get("name") if isinstance(row, Mapping) else None
    if not isinstance(name, str) or not name:
        raise InputError(
            where=f"{path}, [[feature]] number {number}",
            expected="a name, which becomes that of the column",
            got=repr(name),
            remedy='Give it one, such as name = "n_webinars_{window}"',
        )
    where = f"{path}, feature {name!r}"
    _check_keys(row, _KEYS, where)
    conditions = row.get("where", [])
    for condition in [conditions] if isinstance(conditions, Mapping) else conditions:
        if isinstance(condition, Mapping):
            _check_keys(condition, _CONDITION_KEYS, f"{where}, where")
    for key, value in row.items():
        allowed = _FOUND | _SAID if key in ("fact", "absent") else _FOUND
        for word in re.findall(r"\{(\w*)\}", orjson.dumps(value).decode()):
            if word not in allowed:
                raise InputError(
                    where=f"{where}, {key}",
                    expected=f"placeholders among {', '.join(sorted(allowed))}",
                    got=f"{{{word}}}",
                    remedy=_meant(word, allowed),
                )
    for key, word in (("windows", "window"), ("half_lives", "half_life")):
        if isinstance(row.get(key), list) and len(row[key]) > 1 and f"{{{word}}}" not in name:
            raise InputError(
                where=f"{where}, name",
                expected=f"{{{word}}} in it, for the row stands for {len(row[key])} features",
                got=repr(name),
                remedy=f'Write name = "{name}_{{{word}}}"',
            )


def _check_keys(row: Mapping[str, Any], known: Collection[str], where: str) -> None:
    for key in row:
        if key not in known:
            raise InputError(
                where=where, expected=f"keys among {', '.join(sorted(known))}", got=repr(key), remedy=_meant(key, known)
            )


def _try(
    kept: Sequence[Mapping[str, Any]], added: Sequence[Mapping[str, Any]], caps: Mapping[str, int], path: Path
) -> None:
    """Expand the rows as training would. InputError for those that cannot be, and for names that are taken."""
    taken = {name: row["name"] for row in kept for name in _names_of(row, caps, path)}
    for row in added:
        for name in _names_of(row, caps, path):
            if name in taken:
                raise InputError(
                    where=f"{path}, feature {row['name']!r}",
                    expected="names of its own",
                    got=f"{name!r}, which the row {taken[name]!r} makes",
                    remedy=f"Choose another name; to replace that row, write its name: name = {taken[name]!r}",
                )
            taken[name] = row["name"]
    try:
        catalogue = Catalogue(tuple(_features([*kept, *added], caps)))
    except InputError as error:
        remedy = "A ratio needs both of its features: remove or replace the ratio, too"
        raise InputError(
            where=f"{path}: {error.where}", expected=error.expected, got=error.got, remedy=remedy
        ) from None
    if not any(spec.aggregation in _TIME for spec in catalogue.features):
        raise InputError(
            where=f"{path}, remove",
            expected="a feature of time, for that alone is what a model is compared with, and what answers without one",
            got=f"none of the aggregations {', '.join(sorted(_TIME))}",
            remedy="Keep one of the rows age_days, weekday, month and day_of_year",
        )


def _names_of(row: Mapping[str, Any], caps: Mapping[str, int], path: Path) -> list[str]:
    try:
        return [spec.name for spec in _features([row], caps)]
    except InputError as error:
        raise InputError(
            where=f"{path}, {error.where}",
            expected=error.expected,
            got=error.got,
            remedy=error.remedy or "features/catalogue.toml shows rows of every kind, and says what each key means",
        ) from None


def _features(rows: Iterable[Mapping[str, Any]], caps: Mapping[str, int]) -> list[FeatureSpec]:
    expanded = expand_rows(Rows(tuple(rows), caps), _Example(), EventRoles(), leave_out=frozenset({ACCOUNT_PROPERTY}))
    return [feature_from_dict(row) for row in expanded]


def _meant(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.4)
    return f"Did you mean {near[0]!r}?" if near else ""
