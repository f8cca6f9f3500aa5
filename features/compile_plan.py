"""From the rows of a catalogue to a plan: which actions each kind of event has, and what each column takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from features import kernel as k
from features.accounts import Streams
from features.events import ENDINGS, ERASED, NOT_ENGAGEMENT
from features.feature_spec import EVENT_FIELDS, Condition, FeatureSpec
from features.plan import Plan, Reader, Selector

_ANY_NAME = "\x00"  # stands for every type or channel that no row names
_Signature = tuple[bool, ...]  # by selector: whether it takes a type (or a channel); of types last: whether an ending


class _Recipe(NamedTuple):
    """How an aggregation is done: what the column takes, what the events do, to which part of the state."""

    take: int
    action: int = -1
    space: str = ""
    reads: str = ""


_RECIPES = {
    "count": _Recipe(k.TAKE_TOTAL, k.COUNT, "totals"),
    "sum": _Recipe(k.TAKE_TOTAL, k.SUM, "totals", "numbers"),
    "mean": _Recipe(k.TAKE_MEAN, k.SUM, "totals", "numbers"),
    "max": _Recipe(k.TAKE_MAX, k.MAX, "maxima", "numbers"),
    "min": _Recipe(k.TAKE_MAX, k.MAX, "maxima", "numbers"),
    "distinct": _Recipe(k.TAKE_TOTAL, k.DISTINCT, "totals", "values"),
    "active_days": _Recipe(k.TAKE_TOTAL, k.ACTIVE_DAY, "totals"),
    "recency": _Recipe(k.TAKE_SINCE_LAST, k.TIME, "times"),
    "first": _Recipe(k.TAKE_SINCE_FIRST, k.TIME, "times"),
    "decayed": _Recipe(k.TAKE_DECAY, k.DECAY, "decays"),
    "momentum": _Recipe(k.TAKE_MOMENTUM, k.COUNT, "totals"),
    "pace": _Recipe(k.TAKE_PACE, k.COUNT, "totals"),
    "date_ahead": _Recipe(k.TAKE_DATE_AHEAD, k.DATE, "dates", "dates"),
    "date_age": _Recipe(k.TAKE_DATE_AGE, k.DATE, "dates", "dates"),
    "date_changes": _Recipe(k.TAKE_DATE_CHANGES, k.DATE, "dates", "dates"),
    "date_drift": _Recipe(k.TAKE_DATE_DRIFT, k.DATE, "dates", "dates"),
    "date_first_ahead": _Recipe(k.TAKE_DATE_FIRST_AHEAD, k.DATE, "dates", "dates"),
    "date_first_age": _Recipe(k.TAKE_DATE_FIRST_AGE, k.DATE, "dates", "dates"),
    "date_notice": _Recipe(k.TAKE_DATE_NOTICE, k.DATE, "dates", "dates"),
    "date_move": _Recipe(k.TAKE_DATE_MOVE, k.DATE, "dates", "dates"),
    "date_margin": _Recipe(k.TAKE_DATE_MARGIN, k.DATE, "dates", "dates"),
    "ratio": _Recipe(k.TAKE_RATIO),
    "age": _Recipe(k.TAKE_AGE),
    "weekday": _Recipe(k.TAKE_WEEKDAY),
    "month": _Recipe(k.TAKE_MONTH),
    "day_of_year": _Recipe(k.TAKE_DAY_OF_YEAR),
    "colleagues": _Recipe(k.TAKE_COLLEAGUES),
}
_LAST_NUMBER = _Recipe(k.TAKE_NUMBER, k.NUMBER, "numbers", "numbers")
_LAST_LEVEL = _Recipe(k.TAKE_LEVEL, k.LEVEL, "levels", "levels")
_LAST_EVENT_LEVEL = _Recipe(k.TAKE_LEVEL, k.EVENT_LEVEL, "levels", "event_levels")
_ACCOUNT_RECIPES = {
    ("account", "count"): _Recipe(k.TAKE_ACCOUNT_TOTAL, k.OWN, "totals"),
    ("account", "recency"): _Recipe(k.TAKE_ACCOUNT_SINCE_LAST),
    ("account", "decayed"): _Recipe(k.TAKE_ACCOUNT_DECAY, k.OWN_DECAY, "decays"),
    ("account", "colleagues"): _Recipe(k.TAKE_COLLEAGUES),
    ("whole_account", "count"): _Recipe(k.TAKE_WHOLE_TOTAL, k.APART, "totals"),
    ("whole_account", "recency"): _Recipe(k.TAKE_WHOLE_SINCE_LAST, k.TIME, "times"),
    ("whole_account", "decayed"): _Recipe(k.TAKE_WHOLE_DECAY, k.APART_DECAY, "decays"),
}
_OF_STREAMS = {recipe.take for recipe in _ACCOUNT_RECIPES.values()} - {k.TAKE_COLLEAGUES}


class _Action(NamedTuple):
    kind: int
    selector: Selector
    condition: int
    reader: int
    factor: float
    slot: int
    extra: int


def compile_plan(features: Sequence[FeatureSpec], account_property: str) -> Plan:
    """The plan of these columns, in this order."""
    return _Compiler(features, account_property).plan()


class _Compiler:
    """Gathers, column by column, the slots, readers, conditions and streams that are needed, each once."""

    def __init__(self, features: Sequence[FeatureSpec], account_property: str) -> None:
        self.features, self.account_property = features, account_property
        self.names = {spec.name: column for column, spec in enumerate(features)}
        windows = [spec.window for spec in features if spec.window is not None]
        windows += [2 * spec.window for spec in features if spec.aggregation == "momentum" and spec.window is not None]
        self.edges = sorted({_micros(window) for window in windows})
        colleagues = [spec.window for spec in features if spec.scope != "lead" and spec.window is not None]
        self.account_windows = sorted({_micros(window) for window in colleagues})
        self.actions: dict[tuple[object, ...], _Action] = {}
        self.slots = dict.fromkeys(("totals", "maxima", "decays", "times", "numbers", "levels", "dates", "distinct"), 0)
        kinds = ("numbers", "levels", "dates", "values", "event_levels")
        self.readers: dict[str, dict[Reader, int]] = {name: {} for name in kinds}
        self.conditions: dict[tuple[Condition, ...], int] = {}
        self.streams: dict[tuple[Selector, int], int] = {}
        self.account_decays: dict[tuple[int, float], int] = {}
        self.account_dates: dict[tuple[int, int], int] = {}
        self.counted: set[tuple[int, int]] = set()  # streams and windows

    def plan(self) -> Plan:
        columns = [self._column(spec) for spec in self.features]
        actions = list(self.actions.values())
        selectors = sorted({action.selector for action in actions} | {selector for selector, _ in self.streams})
        named = {name for selector in selectors for name in selector.types + selector.without_types}
        type_class, types = _classes(
            named | NOT_ENGAGEMENT, lambda n: (*(s.takes_type(n) for s in selectors), n in ENDINGS)
        )
        type_class |= {n: -1 for n in (*ENDINGS, ERASED) if not any(s.takes_type(n) for s in selectors)}
        named = {name for selector in selectors for name in selector.channels + selector.without_channels}
        channel_class, channels = _classes(named, lambda n: tuple(s.takes_channel(n) for s in selectors))
        no_channel = channels.setdefault(tuple(s.takes_channel(None) for s in selectors), len(channels))
        return Plan(
            program=self._program(columns, actions, selectors, list(types), list(channels)),
            n_channel_classes=len(channels),
            type_class=type_class,
            channel_class=channel_class,
            no_channel=no_channel,
            reads=self._reads(actions, selectors, list(types)),
            numbers=tuple(self.readers["numbers"]),
            levels=tuple(self.readers["levels"]),
            dates=tuple(self.readers["dates"]),
            values=tuple(self.readers["values"]),
            event_levels=tuple(self.readers["event_levels"]),
            conditions=tuple(self.conditions),
            account_property=self.account_property if any(s.scope != "lead" for s in self.features) else None,
            streams=self._streams(selectors, list(types), list(channels)),
        )

    def _column(self, spec: FeatureSpec) -> tuple[int, int, int, int, float]:
        """What to take from where: (take, a, b, c, unit), as the kernel reads them."""
        recipe = _recipe(spec)
        factor = {"max": 1.0, "min": -1.0}.get(spec.aggregation, 0.0)
        if spec.half_life is not None:
            factor = math.log(2.0) / (spec.half_life * k.DAY)
        a = self._act(recipe.action, recipe, spec, factor) if recipe.action >= 0 else 0
        b = len(self.edges) if spec.window is None else self.edges.index(_micros(spec.window))
        c = 0
        if recipe.take in _OF_STREAMS:
            c = self._series(spec)
            if recipe.take in (k.TAKE_ACCOUNT_DECAY, k.TAKE_WHOLE_DECAY):
                stream = c // (1 + len(self.account_windows))
                b = self.account_decays.setdefault((stream, factor), len(self.account_decays))
        elif spec.scope == "whole_account":  # a date: of which stream and reader, and what is taken of it
            stream = self._series(spec) // (1 + len(self.account_windows))
            dates = (stream, self.readers["dates"][Reader(spec.properties)])
            b = self.account_dates.setdefault(dates, len(self.account_dates))
            return k.TAKE_WHOLE_DATE, a, b, stream, float(recipe.take)
        elif recipe.take == k.TAKE_RATIO:
            a, b = self.names[spec.numerator], self.names[spec.denominator]
        elif recipe.take == k.TAKE_MEAN:
            c = self._act(k.GIVEN, recipe, spec, 0.0)
        elif recipe.take == k.TAKE_MOMENTUM and spec.window is not None:
            c = self.edges.index(_micros(2 * spec.window))
        unit = spec.window if recipe.take == k.TAKE_PACE and spec.window is not None else factor
        return recipe.take, a, b, c, unit

    def _act(self, kind: int, recipe: _Recipe, spec: FeatureSpec, factor: float) -> int:
        """The slot of the state that this action fills; the same action is done once however many rows need it."""
        selector, condition, reader = _selector(spec), self._condition(spec), -1
        if recipe.reads:
            readers = self.readers[recipe.reads]
            reader = readers.setdefault(Reader(spec.properties, spec.levels), len(readers))
        key = (kind, selector, condition, reader, factor)
        if key not in self.actions:
            extra = self.slots["distinct"]
            self.slots["distinct"] += kind == k.DISTINCT
            self.actions[key] = _Action(kind, selector, condition, reader, factor, self.slots[recipe.space], extra)
            self.slots[recipe.space] += 1
        return self.actions[key].slot

    def _condition(self, spec: FeatureSpec) -> int:
        return self.conditions.setdefault(spec.where, len(self.conditions)) if spec.where else -1

    def _series(self, spec: FeatureSpec) -> int:
        """The series of sorted times: 1 + windows of them for each stream of events."""
        stream = self.streams.setdefault((_selector(spec), self._condition(spec)), len(self.streams))
        within = 0 if spec.window is None else 1 + self.account_windows.index(_micros(spec.window))
        if within:
            self.counted.add((stream, within - 1))
        return stream * (1 + len(self.account_windows)) + within

    def _streams(
        self, selectors: Sequence[Selector], types: Sequence[_Signature], channels: Sequence[_Signature]
    ) -> Streams:
        place = {selector: i for i, selector in enumerate(selectors)}
        takes = np.zeros((len(self.streams), len(types) * len(channels)), dtype=np.uint8)
        for stream, (selector, _) in enumerate(self.streams):
            at = place[selector]
            takes[stream] = [of_type[at] and of_channel[at] for of_type in types for of_channel in channels]
        counted = np.zeros((len(self.streams), len(self.account_windows)), dtype=np.uint8)
        for stream, window in self.counted:
            counted[stream, window] = True
        return Streams(
            takes=takes,
            conditions=_int64([condition for _, condition in self.streams]),
            windows=_int64(self.account_windows),
            wanted=counted,
            decay_stream=_int64([stream for stream, _ in self.account_decays]),
            decay_factor=np.array([factor for _, factor in self.account_decays], dtype=np.float64),
            date_stream=_int64([stream for stream, _ in self.account_dates]),
            date_reader=_int64([reader for _, reader in self.account_dates]),
        )

    def _program(
        self,
        columns: Sequence[tuple[int, int, int, int, float]],
        actions: Sequence[_Action],
        selectors: Sequence[Selector],
        types: Sequence[_Signature],
        channels: Sequence[_Signature],
    ) -> k.Program:
        place = {selector: i for i, selector in enumerate(selectors)}
        ordered: list[_Action] = []
        starts = [0]
        for of_type in types:
            for of_channel in channels:
                taken = [a for a in actions if of_type[place[a.selector]] and of_channel[place[a.selector]]]
                for kind in range(k.N_ACTIONS):
                    ordered += [action for action in taken if action.kind == kind]
                    starts.append(len(ordered))
        return k.Program(
            edges=np.array(self.edges, dtype=np.int64),
            action_start=np.array(starts, dtype=np.int64),
            slot=_int32([action.slot for action in ordered]),
            condition=_int32([action.condition for action in ordered]),
            reader=_int32([action.reader for action in ordered]),
            extra=_int32([action.extra for action in ordered]),
            factor=np.array([action.factor for action in ordered], dtype=np.float64),
            sizes=np.array(list(self.slots.values()), dtype=np.int64),
            take=_int32([column[0] for column in columns]),
            a=_int32([column[1] for column in columns]),
            b=_int32([column[2] for column in columns]),
            c=_int32([column[3] for column in columns]),
            unit=np.array([column[4] for column in columns], dtype=np.float64),
            enters=np.array([not of_type[-1] for of_type in types for _ in channels], dtype=np.uint8),
        )

    def _reads(
        self, actions: Sequence[_Action], selectors: Sequence[Selector], types: Sequence[_Signature]
    ) -> list[bool]:
        """By type class: whether any row reads the properties of its events."""
        values = list(self.readers["values"])
        reading = {selector for selector, condition in self.streams if condition >= 0}
        for action in actions:
            from_event = action.kind == k.EVENT_LEVEL or (
                action.kind == k.DISTINCT and values[action.reader].names[0] in EVENT_FIELDS
            )
            if action.condition >= 0 or (action.reader >= 0 and not from_event):
                reading.add(action.selector)
        return [
            any(taken and selector in reading for taken, selector in zip(signature[:-1], selectors, strict=True))
            for signature in types
        ]


def _recipe(spec: FeatureSpec) -> _Recipe:
    if spec.scope != "lead" and (spec.scope, spec.aggregation) in _ACCOUNT_RECIPES:
        return _ACCOUNT_RECIPES[spec.scope, spec.aggregation]
    if spec.aggregation != "last":
        return _RECIPES[spec.aggregation]
    if spec.levels is None:
        return _LAST_NUMBER
    return _LAST_EVENT_LEVEL if spec.properties[0] in EVENT_FIELDS else _LAST_LEVEL


def _selector(spec: FeatureSpec) -> Selector:
    lists = (spec.types, spec.without_types, spec.channels, spec.without_channels)
    endings = spec.scope != "lead" and not set(spec.types).isdisjoint(ENDINGS)
    types, without_types, channels, without_channels = (tuple(sorted(set(names))) for names in lists)
    return Selector(types, without_types, channels, without_channels, endings)


def _classes(
    named: set[str] | frozenset[str], signature: Callable[[str], _Signature]
) -> tuple[dict[str | None, int], dict[_Signature, int]]:
    """Names that all selectors treat alike share a class. The names' classes (None: every other), by signature."""
    numbers: dict[_Signature, int] = {}
    of_name: dict[str | None, int] = {None: numbers.setdefault(signature(_ANY_NAME), 0)}
    for name in sorted(named):
        of_name[name] = numbers.setdefault(signature(name), len(numbers))
    return of_name, numbers


def _micros(days: float) -> int:
    return round(days * k.DAY)


def _int64(values: Sequence[int]) -> npt.NDArray[np.int64]:
    return np.array(values, dtype=np.int64)


def _int32(values: Sequence[int]) -> npt.NDArray[np.int32]:
    return np.array(values, dtype=np.int32)
