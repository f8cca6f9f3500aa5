"""The catalogue of features: rows of data, written once with placeholders, expanded over what training found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import orjson
import pandas as pd

from features.business_settings import EventRoles
from features.compile_plan import compile_plan
from features.errors import InputError
from features.events import IDENTIFY
from features.feature_spec import OTHER, FeatureSpec, feature_from_dict, to_dict
from features.found import Found
from features.history import History
from features.plan import Plan
from features.rows import CAPS, Rows, expand_rows, read_rows

__all__ = ["CAPS", "OTHER", "Catalogue", "FeatureSpec", "Rows", "default_rows", "expand", "read_rows"]

DEFAULT_FILE = Path(__file__).with_name("catalogue.toml")
ACCOUNT_PROPERTY = "account_id"
# Traits that {attribute} never stands for. The owner is left out so that what is expected of a lead is expected whoever
# has it: salespeople are measured against that (docs/measurement.md).
_NO_FEATURES = frozenset({ACCOUNT_PROPERTY, "owner"})


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

    def __reduce__(self) -> tuple[type[Catalogue], tuple[tuple[FeatureSpec, ...], str]]:
        """Without the plan, which remembers histories."""
        return Catalogue, (self.features, self.account_property)

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(spec.name for spec in self.features)

    @cached_property
    def category_dtypes(self) -> dict[str, pd.CategoricalDtype]:
        """The categories of each categorical column by name; they are the last columns."""
        return {
            spec.name: pd.CategoricalDtype([*spec.levels, OTHER]) for spec in self.features if spec.levels is not None
        }

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


def default_rows() -> Rows:
    return read_rows(DEFAULT_FILE)


def expand(history: History, known_by: int, *, rows: Rows | None = None, roles: EventRoles | None = None) -> Catalogue:
    """The features that the rows stand for, given what was known of these leads at ``known_by``.

    Types, channels and values are taken by the number of leads that have them, up to the caps of ``rows``; the
    others, and those never seen in training, share the rest class. ``rows``: the default ones if None. Where no lead
    had an account, rows about accounts are left out: they would say nothing, or what the lead's own rows say.
    """
    found = Found(history, known_by)
    expanded = expand_rows(rows or default_rows(), found, roles or EventRoles(), leave_out=_NO_FEATURES)
    features = [feature_from_dict(row) for row in expanded]
    if not found.texts([IDENTIFY], [ACCOUNT_PROPERTY]):
        dropped = {spec.name for spec in features if spec.scope != "lead"}
        features = [spec for spec in features if dropped.isdisjoint((spec.name, spec.numerator, spec.denominator))]
    return Catalogue(features=tuple(features))


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
