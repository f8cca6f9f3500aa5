"""Contributions of features as sentences that are read in ten seconds: the fact, what is usual, and its effect."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from features.catalogue import Catalogue
from features.feature_spec import FeatureSpec
from model.curves import Float
from model.usual import Usual, age_of

MOST, AT_LEAST = 5, 3
_HARDLY = 0.01  # of the log odds
_MINOR = 0.1  # of the weightiest topic: beyond the third fact less is not worth reading
_PER_TIME = frozenset({"count", "active_days"})
_NONE_AT_0 = _PER_TIME | {"sum", "distinct", "colleagues", "date_changes", "date_drift"}
_OF_ONE_EVENT = frozenset({"recency", "first"})
_UNCOMPARED = frozenset({"age", "month", "weekday", "day_of_year", "date_ahead", "date_first_ahead"})


@dataclass(frozen=True)
class Fact:
    """One fact about a lead. ``weight``: what its topic adds to the log odds of a purchase."""

    topic: str
    text: str
    weight: float

    @property
    def sentence(self) -> str:
        effect = "raises" if self.weight > 0 else "lowers"
        return f"{self.text[:1].upper()}{self.text[1:]}: {effect} the chance to buy"


class Facts:
    """The facts that move leads, by the features of one catalogue. ``usual``: None where it is not known."""

    def __init__(self, catalogue: Catalogue, usual: Usual | None) -> None:
        self._catalogue, self._usual = catalogue, usual
        topics: dict[str, list[int]] = {}
        for j, spec in enumerate(catalogue.features):
            topics.setdefault(spec.topic or spec.name, []).append(j)
        self._topics = list(topics.items())
        self._telling = [[j for j in members if self._tells(catalogue.features[j])] for _, members in self._topics]
        self._member = np.zeros((len(catalogue.features), len(self._topics)))
        for k, (_, members) in enumerate(self._topics):
            self._member[members, k] = 1.0

    def of(self, matrix: Float, contribution: Float) -> list[list[Fact]]:
        """For each of n rows three to five facts, the weightiest first; fewer where fewer move the odds.

        ``matrix``, ``contribution``: (n, p), each feature's value and what it adds to the log odds.
        """
        by_topic = contribution @ self._member
        ages = age_of(self._catalogue, matrix)
        return [self._row(matrix[i], contribution[i], by_topic[i], float(ages[i])) for i in range(len(matrix))]

    def _row(self, values: Float, contribution: Float, by_topic: Float, age: float) -> list[Fact]:
        found: list[Fact] = []
        told: dict[float, int] = {}  # times since an event: the same one may be of several topics
        order = np.argsort(-np.abs(by_topic), kind="stable")
        for k in order.tolist():
            weight = float(by_topic[k])
            minor = len(found) >= AT_LEAST and abs(weight) < _MINOR * abs(found[0].weight)
            if abs(weight) <= _HARDLY or minor or len(found) == MOST:
                break
            if not self._telling[k]:
                continue
            j = self._speaker(self._telling[k], contribution, weight)
            value = float(values[j])
            if self._catalogue.features[j].aggregation in _OF_ONE_EVENT and np.isfinite(value):
                if value in told:
                    first = found[told[value]]
                    found[told[value]] = replace(first, weight=first.weight + weight)
                    continue
                told[value] = len(found)
            found.append(Fact(self._topics[k][0], self._text(j, value, age), weight))
        return found

    def _speaker(self, members: Sequence[int], contribution: Float, weight: float) -> int:
        """The feature that speaks for its topic: the one that moves the odds most in the same direction."""
        return max(members, key=lambda j: (float(contribution[j]) * np.sign(weight), -j))

    @staticmethod
    def _tells(spec: FeatureSpec) -> bool:
        return bool(spec.fact) or not spec.topic  # a catalogue of before facts were known has labels alone

    def _text(self, j: int, value: float, age: float) -> str:
        spec = self._catalogue.features[j]
        if not spec.fact:
            label = spec.label or spec.name.replace("_", " ")
            return f"{label}: {_number(spec, value)}"
        nothing = np.isnan(value) or (value == 0 and spec.aggregation in _NONE_AT_0)
        said = spec.absent if nothing and spec.absent else fill(spec, value)
        compared = "" if self._usual is None else compare(spec, self._usual, j, value, age)
        return f"{said}, {compared}" if compared else said


def fill(spec: FeatureSpec, value: float) -> str:
    """The fact of a feature with its value."""
    if np.isnan(value):
        return f"{spec.label or spec.name}: not known"
    words = {
        "n": _number(spec, value),
        "level": _number(spec, value),
        "times": "once" if value == 1 else f"{_number(spec, value)} times",
        "days": _days(value),
        "ago": _ago(value),
        "ahead": "today" if round(value) == 0 else f"in {_days(value)}" if value > 0 else _ago(-value),
        "percent": f"{100 * value:.0f} %",
        "month": calendar.month_name[int(value)] if spec.aggregation == "month" else "",
    }
    said = spec.fact
    for word, text in words.items():
        said = said.replace(f"{{{word}}}", text)
    return said


def compare(spec: FeatureSpec, usual: Usual, j: int, value: float, age: float) -> str:
    """What is usual at this age; empty where that says nothing."""
    if spec.levels is not None:
        share = 0.0 if np.isnan(value) else usual.shares.get(spec.name, ())[int(value)]
        return f"as {100 * share:.0f} % of leads" if share >= 0.005 else ""
    center, missing = (float(v[j]) for v in usual.at(age))
    if spec.aggregation in _UNCOMPARED or spec.name.startswith("trait_") or np.isnan(center):
        return ""
    if missing > 0.5:
        return "most have none" if value > 0 else ""
    return f"usually {_typical(spec, center)}"


def _typical(spec: FeatureSpec, center: float) -> str:
    if spec.aggregation in _PER_TIME and spec.window is not None:
        return rate(center / spec.window)
    if "{ago}" in spec.fact:
        return _ago(center)
    if "{percent}" in spec.fact:
        return f"{100 * center:.0f} %"
    return f"{center:.0f}" if center >= 0.95 else "none" if center < 0.05 else f"{center:.1g}"


def rate(per_day: float) -> str:
    """How often in words: the shortest span in which it comes once or more."""
    for days, name in ((1, "day"), (7, "week"), (30, "month"), (365, "year")):
        count = round(per_day * days)
        if per_day * days >= 0.95:
            return f"{'one' if count <= 1 else count} a {name}"
    return "none"


def _days(value: float) -> str:
    number = f"{value:.0f}"
    return "1 day" if number == "1" else f"{number} days"


def _ago(value: float) -> str:
    return "today" if value < 0.5 else f"{_days(value)} ago"


def _number(spec: FeatureSpec, value: float) -> str:
    if np.isnan(value):
        return "none"
    if spec.levels is not None:
        place = int(value)
        return spec.levels[place].replace("_", " ") if place < len(spec.levels) else "another"
    if value == round(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2g}" if abs(value) < 1 else f"{value:.1f}"
