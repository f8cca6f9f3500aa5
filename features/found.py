"""What is found in the events of training: types, channels, values of properties, traits."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.compiled import compiled
from features.events import ENDINGS, ERASED, IDENTIFY, NOT_ENGAGEMENT
from features.feature_spec import ENGAGEMENT, EVERY
from features.history import History, Int32
from features.property_values import first_given, number_of, text_of
from features.texts import parse, read_properties

NUMERIC_SHARE = 0.95  # of the leads that have a trait must have a number for it to be numeric
COVERED_SHARE = 0.5  # of the leads that have a text trait must have one of its most frequent texts


class Found:
    """Counts over the events of a history known at ``known_by``, always by the number of leads."""

    def __init__(self, history: History, known_by: int) -> None:
        self._history = history
        self._seen = history.known_at <= known_by
        self._texts: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}

    @cached_property
    def types(self) -> list[str]:
        """Engagement types, those of most leads first."""
        history = self._history
        return [
            name for name in self._ranked(history.type_code, history.types, self._seen) if name not in NOT_ENGAGEMENT
        ]

    @cached_property
    def channels(self) -> list[str]:
        """Channels of engagement, those of most leads first."""
        return self._ranked(self._history.channel_code, self._history.channels, self._selected([ENGAGEMENT]))

    def texts(self, types: Sequence[str], properties: Sequence[str]) -> list[str]:
        """The values of a property (or @type, @channel, @campaign) as texts, those of most leads first."""
        asked = (tuple(types), tuple(properties))
        if asked not in self._texts:  # several rows ask for the same
            self._texts[asked] = self._read(*asked)
        return self._texts[asked]

    def _read(self, types: Sequence[str], properties: Sequence[str]) -> list[str]:
        history = self._history
        rows = self._selected(types)
        for name, codes, names in (
            ("@type", history.type_code, history.types),
            ("@channel", history.channel_code, history.channels),
            ("@campaign", history.campaign_code, history.campaigns),
        ):
            if list(properties) == [name]:
                return self._ranked(codes, names, rows)
        events = np.flatnonzero(rows)
        said, place = np.unique(history.property_code[events], return_inverse=True)
        numbers: dict[str, int] = {}
        of_said = []
        for text in history.property_texts.take(pa.array(said)).to_pylist():
            value = text_of(first_given(parse(text), properties))
            of_said.append(-1 if value is None else numbers.setdefault(value, len(numbers)))
        codes = np.full(history.n_events, -1, dtype=np.int32)
        codes[events] = np.array(of_said, dtype=np.int32)[place]
        leads = _leads_by_code(np.require(history.start, requirements="W"), codes, rows, len(numbers))
        return _by_count(Counter(dict(zip(numbers, leads.tolist(), strict=True))))

    def traits(self, cap: int, level_cap: int, *, leave_out: Collection[str] = ()) -> dict[str, list[str] | None]:
        """The traits of most leads: None for a numeric one, its levels for a text.

        Left out: names that are or end with "id", and texts of which the ``level_cap`` most frequent cover less
        than half of the leads, or that differ between most leads: they identify rather than describe.
        """
        leads: Counter[str] = Counter()
        numbers: Counter[str] = Counter()
        levels: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for all_properties in self._by_lead(self._selected([IDENTIFY])):
            last: dict[str, Any] = {}
            for properties in all_properties:
                last.update((name, value) for name, value in properties.items() if text_of(value) is not None)
            leads.update(last.keys())
            for name, value in last.items():
                numbers[name] += number_of(value) is not None
                levels[name][text_of(value) or ""] += 1
        kept: dict[str, list[str] | None] = {}
        for name in _by_count(leads):
            if name in leave_out or name.lower() == "id" or name.lower().endswith("_id") or len(kept) == cap:
                continue
            if numbers[name] >= NUMERIC_SHARE * leads[name]:
                kept[name] = None
                continue
            top = [text for text in _by_count(levels[name])[:level_cap] if levels[name][text] > 1]
            covered = sum(levels[name][text] for text in top)
            if covered >= COVERED_SHARE * leads[name] and 2 * len(levels[name]) <= leads[name]:
                kept[name] = top
        return kept

    def _selected(self, types: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Which events are of these types, endings and erasures never being so."""
        wanted = np.array(
            [
                name not in (*ENDINGS, ERASED)
                and (name in types or EVERY in types or (ENGAGEMENT in types and name not in NOT_ENGAGEMENT))
                for name in self._history.types
            ],
            dtype=bool,
        )
        return self._seen & wanted[self._history.type_code] if len(wanted) else self._seen

    def _ranked(self, codes: Int32, names: Sequence[str], rows: npt.NDArray[np.bool_]) -> list[str]:
        leads = _leads_by_code(np.require(self._history.start, requirements="W"), codes, rows, len(names))
        counted = zip(names, leads.tolist(), strict=True)
        # a name like @any would mean something else in a row: it is left to the rest class
        return _by_count(Counter({name: n for name, n in counted if n and not name.startswith("@")}))

    def _by_lead(self, selected: npt.NDArray[np.bool_]) -> Iterator[list[dict[str, Any]]]:
        """The properties of the selected events, lead by lead, in the order of the history."""
        history = self._history
        rows = np.flatnonzero(selected)
        lead, gathered = -1, list[dict[str, Any]]()
        for code, properties in zip(history.lead_code[rows].tolist(), read_properties(history, rows), strict=True):
            if code != lead and gathered:
                yield gathered
                gathered = []
            lead = code
            gathered.append(properties)
        if gathered:
            yield gathered


@compiled
def _leads_by_code(start, codes, rows, n_codes):  # type: ignore[no-untyped-def]
    """How many leads have each code in the chosen rows; codes below 0 are none."""
    leads = np.zeros(n_codes, dtype=np.int64)
    last = np.full(n_codes, -1, dtype=np.int64)
    for lead in range(len(start) - 1):
        for event in range(start[lead], start[lead + 1]):
            code = codes[event]
            if rows[event] and code >= 0 and last[code] != lead:
                last[code] = lead
                leads[code] += 1
    return leads


def _by_count(counts: Counter[str]) -> list[str]:
    return sorted(counts, key=lambda name: (-counts[name], name))
