"""Reading the JSON properties of events: each different text once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from features.errors import InputError
from features.events import IDENTIFY
from features.feature_spec import EVENT_FIELDS, SECTION, Condition
from features.history import History, Int32, Int64
from features.kernel import NEVER, Texts
from features.plan import Plan, Reader
from features.property_values import date_of, first_given, meets, number_of, text_of

_CHUNK = 100_000
Put = Callable[[int, Any], None]


@dataclass(frozen=True, eq=False)
class Said:
    """What the properties of a history say to a plan. Index 0 of everything stands for saying nothing."""

    of_event: Int32  # by event: index into the following
    texts: Texts
    values: Int32  # (distinct readers, texts): codes of texts, -1 for none
    accounts: Int32  # codes of accounts, -1 for none
    n_accounts: int


def read_properties(history: History, rows: npt.NDArray[np.intp]) -> Iterator[dict[str, Any]]:
    """The properties of these events, one after the other; they may share a dict, so do not change it."""
    for begin in range(0, len(rows), _CHUNK):
        codes = history.property_code[rows[begin : begin + _CHUNK]]
        wanted, place = np.unique(codes, return_inverse=True)
        parsed = [parse(text) for text in history.property_texts.take(pa.array(wanted)).to_pylist()]
        yield from (parsed[i] for i in place.tolist())


def parse(text: str) -> dict[str, Any]:
    """The JSON object that an event's properties are."""
    try:
        properties = orjson.loads(text)
    except orjson.JSONDecodeError:
        properties = None
    if not isinstance(properties, dict):
        raise InputError(where="properties of an event", expected="a JSON object", got=repr(text[:80]))
    return properties


def read_texts(history: History, plan: Plan, reads_type: npt.NDArray[np.bool_]) -> Said:
    """Read what the plan needs of the events of the types in ``reads_type`` (by type code)."""
    n_texts = len(history.property_texts)
    used = np.zeros(n_texts + 1, dtype=bool)
    code = (
        np.where(reads_type[history.type_code], history.property_code, n_texts) if len(reads_type) else np.empty(0, int)
    )
    used[code] = True
    used[-1] = False
    place = np.cumsum(used, dtype=np.int32) * used
    wanted = np.flatnonzero(used)
    reading = _Reading(plan, len(wanted) + 1)
    for begin in range(0, len(wanted), _CHUNK):
        some = history.property_texts.take(pa.array(wanted[begin : begin + _CHUNK]))
        for index, text in enumerate(some.to_pylist(), begin + 1):
            if text != "{}":
                reading.read(index, parse(text))
    return Said(
        of_event=place[code].astype(np.int32),
        texts=Texts(reading.meets, reading.number, reading.level, reading.date),
        values=reading.values,
        accounts=reading.accounts,
        n_accounts=len(reading.account_codes),
    )


class _Reading:
    """The arrays to fill, and by the name of a property what to fill with its value."""

    def __init__(self, plan: Plan, n: int) -> None:
        self.meets = np.zeros((len(plan.conditions), n), dtype=np.uint8)
        self.number = np.full((len(plan.numbers), n), np.nan)
        self.level = np.full((len(plan.levels), n), -1, dtype=np.int32)
        self.date = np.full((len(plan.dates), n), NEVER, dtype=np.int64)
        self.values = np.full((len(plan.values), n), -1, dtype=np.int32)
        self.accounts = np.full(n, -1, dtype=np.int32)
        self.account_codes: dict[str, int] = {}
        self.conditions = plan.conditions
        self.by_name: dict[str, list[Put]] = {}
        self.several: list[tuple[Reader, Put]] = []
        for i, reader in enumerate(plan.numbers):
            self._add(reader, _put_number(self.number[i]))
        for i, reader in enumerate(plan.levels):
            levels = {name: code for code, name in enumerate(reader.levels or ())}
            self._add(reader, _put_code(self.level[i], levels, len(levels)))
        for i, reader in enumerate(plan.dates):
            self._add(reader, _put_date(self.date[i]))
        for i, reader in enumerate(plan.values):
            if reader.names[0] not in EVENT_FIELDS:
                self._add(reader, _put_code(self.values[i], {}, None))
        if plan.account_property is not None:
            self._add(Reader((plan.account_property,)), _put_code(self.accounts, self.account_codes, None))
        self.may_meet: dict[str, list[int]] = {}
        self.choices: dict[str, list[_Choices]] = {}
        self._ask()

    def _ask(self) -> None:
        """Sort the conditions by the properties that they read."""
        alike: dict[tuple[str, ...], list[tuple[int, Condition]]] = {}
        for i, conditions in enumerate(self.conditions):
            condition = conditions[0]
            if len(conditions) == 1 and condition.at_least is None and condition.at_most is None:
                alike.setdefault(condition.properties, []).append((i, condition))
                continue
            for name in condition.properties:
                self.may_meet.setdefault(_named(name), []).append(i)
        for names, several in alike.items():
            found = _Choices(names, several)
            for name in {_named(name) for name in names}:
                self.choices.setdefault(name, []).append(found)

    def _add(self, reader: Reader, put: Put) -> None:
        if len(reader.names) == 1 and not reader.names[0].startswith(SECTION):
            self.by_name.setdefault(reader.names[0], []).append(put)
        else:
            self.several.append((reader, put))

    def read(self, index: int, properties: dict[str, Any]) -> None:
        for name, value in properties.items():
            for put in self.by_name.get(name, ()):
                put(index, value)
            for condition in self.may_meet.get(name, ()):
                self.meets[condition, index] = meets(properties, self.conditions[condition])
            for choices in self.choices.get(name, ()):
                for condition in choices.met_by(properties):
                    self.meets[condition, index] = True
        for reader, put in self.several:
            put(index, first_given(properties, reader.names))


class _Choices:
    """Conditions that ask for texts of the same properties: which are met is one look-up, however many there are."""

    def __init__(self, names: tuple[str, ...], conditions: list[tuple[int, Condition]]) -> None:
        self.names = names
        texts = {text for _, condition in conditions for text in (*condition.one_of, *condition.none_of)}
        self.of_text = {
            text: [i for i, c in conditions if text not in c.none_of and (not c.one_of or text in c.one_of)]
            for text in texts
        }
        self.of_others = [i for i, condition in conditions if not condition.one_of]

    def met_by(self, properties: dict[str, Any]) -> list[int]:
        text = text_of(first_given(properties, self.names))
        return [] if text is None else self.of_text.get(text, self.of_others)


def _named(name: str) -> str:
    """The property that is read for a name."""
    return name.removeprefix(SECTION)


def _put_number(into: npt.NDArray[np.float64]) -> Put:
    def put(index: int, value: Any) -> None:
        number = number_of(value)
        if number is not None:
            into[index] = number

    return put


def _put_date(into: Int64) -> Put:
    def put(index: int, value: Any) -> None:
        date = date_of(value)
        if date is not None:
            into[index] = date

    return put


def _put_code(into: Int32, codes: dict[str, int], rest: int | None) -> Put:
    """Fill in the code of the text; a text without one gets the rest's, or with no rest the next number."""

    def put(index: int, value: Any) -> None:
        text = text_of(value)
        if text is not None:
            into[index] = codes.setdefault(text, len(codes)) if rest is None else codes.get(text, rest)

    return put


def account_of_identify(said: Said, history: History) -> Int32:
    """By event: the account that an identify event names, -1 for none."""
    if IDENTIFY not in history.types:
        return np.full(history.n_events, -1, dtype=np.int32)
    named = said.accounts[said.of_event]
    named[history.type_code != history.types.index(IDENTIFY)] = -1
    return named
