"""The engagement history of leads, in columns, as the feature builder and the examples read it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.events import EVENT_SCHEMA, Event, dump_properties, events_table

Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]

# Up to so many events plain Python lists are faster than the many small calls that Arrow columns need.
_FEW = 2_000


@dataclass(frozen=True, eq=False)
class History:
    """Events of ``n`` leads, ordered by lead, then occurred_at, recorded_at and event_id. Bots are left out.

    ``lead_ids``: the n leads, sorted, each once. Events of lead i are rows ``start[i]:start[i + 1]``.
    ``occurred_at``, ``recorded_at``: microseconds since 1970 UTC.
    ``type_code``, ``channel_code``, ``campaign_code``: indexes into ``types``, ``channels``, ``campaigns``;
    -1 where there is none. ``property_code``: index into ``property_texts``, JSON objects, each once.

    An event given twice (same lead, times and event_id) is there once. Where its two versions differ, the first in
    the order of type and properties stays, so that the order of the input never matters.
    """

    lead_ids: tuple[str, ...]
    start: Int64
    occurred_at: Int64
    recorded_at: Int64
    type_code: Int32
    channel_code: Int32
    campaign_code: Int32
    property_code: Int32
    types: tuple[str, ...]
    channels: tuple[str, ...]
    campaigns: tuple[str, ...]
    property_texts: pa.StringArray

    @classmethod
    def from_events(cls, events: Iterable[Event]) -> History:
        """From events in any order."""
        kept = [event for event in events if not event.bot]
        if len(kept) > _FEW:
            return cls.from_table(events_table(kept))
        columns: dict[str, list[Any]] = {
            name: list(map(attrgetter(name), kept)) for name in EVENT_SCHEMA.names if name != "properties"
        }
        columns["properties"] = [dump_properties(event.properties) for event in kept]
        return _from_lists(columns)

    @classmethod
    def from_table(cls, table: pa.Table) -> History:
        """From an Arrow table of EVENT_SCHEMA, in any order."""
        table = table.select(EVENT_SCHEMA.names)
        return _from_lists(table.to_pydict()) if len(table) <= _FEW else _from_columns(table)

    @property
    def n_leads(self) -> int:
        return len(self.lead_ids)

    @property
    def n_events(self) -> int:
        return len(self.occurred_at)

    @cached_property
    def properties(self) -> pa.StringArray:
        """A JSON object for each event."""
        return self.property_texts.take(pa.array(self.property_code))

    @cached_property
    def known_at(self) -> Int64:
        """From when on each event can be seen: the later of occurred_at and recorded_at."""
        return np.maximum(self.occurred_at, self.recorded_at)

    def of_types(self, *names: str) -> npt.NDArray[np.bool_]:
        """(n_events,): which are of one of these types, whether or not any is there."""
        return np.isin(self.type_code, [self.types.index(name) for name in names if name in self.types])

    @cached_property
    def lead_index(self) -> dict[str, int]:
        return {lead_id: i for i, lead_id in enumerate(self.lead_ids)}

    @cached_property
    def lead_code(self) -> Int64:
        """The lead's index for each event."""
        return np.repeat(np.arange(self.n_leads, dtype=np.int64), np.diff(self.start))


def _from_lists(columns: dict[str, list[Any]]) -> History:
    """The history of few events."""
    bots, keys = columns["bot"], ("lead_id", "occurred_at", "recorded_at", "event_id", "type", "properties")
    ranked = sorted(zip(*(columns[name] for name in keys), range(len(bots)), strict=True))
    rows, before = [], None
    for key in ranked:
        if not bots[key[-1]] and key[:4] != before:
            rows.append(key[-1])
            before = key[:4]
    lead_code, lead_ids = _encode_list([columns["lead_id"][row] for row in rows])
    type_code, types = _encode_list([columns["type"][row] for row in rows])
    channel_code, channels = _encode_list([columns["channel"][row] for row in rows])
    campaign_code, campaigns = _encode_list([columns["campaign"][row] for row in rows])
    property_code, texts = _encode_list([columns["properties"][row] for row in rows])
    return History(
        lead_ids=lead_ids,
        start=np.searchsorted(lead_code, np.arange(len(lead_ids) + 1)).astype(np.int64),
        occurred_at=np.array([columns["occurred_at"][row] for row in rows], dtype=np.int64),
        recorded_at=np.array([columns["recorded_at"][row] for row in rows], dtype=np.int64),
        type_code=type_code,
        channel_code=channel_code,
        campaign_code=campaign_code,
        property_code=property_code,
        types=types,
        channels=channels,
        campaigns=campaigns,
        property_texts=pa.array(texts, type=pa.string()),
    )


def _encode_list(values: Sequence[str | None]) -> tuple[Int32, tuple[str, ...]]:
    """Codes in the order of the sorted names, so that they do not depend on the order of the rows; -1 for None."""
    names = sorted({value for value in values if value is not None})
    codes: dict[str | None, int] = {name: i for i, name in enumerate(names)}
    codes[None] = -1
    return np.array([codes[value] for value in values], dtype=np.int32), tuple(names)


def _from_columns(table: pa.Table) -> History:
    """The history of many events: strings become codes first, so that only numbers are moved."""
    from features.order import order_by_lead_and_time  # noqa: PLC0415 - compiled: costs a start that has few events much

    if pc.any(table["bot"]).as_py():
        table = table.filter(pc.invert(table["bot"]))
    lead_code, lead_ids = _encode(table["lead_id"])
    occurred, recorded = table["occurred_at"].to_numpy(), table["recorded_at"].to_numpy()
    order, ties = order_by_lead_and_time(lead_code, len(lead_ids), occurred, recorded)
    if len(ties):
        order = _settle_ties(table, order, ties)
    type_code, types = _encode(table["type"])
    channel_code, channels = _encode(table["channel"])
    campaign_code, campaigns = _encode(table["campaign"])
    property_code, texts = _dictionary(table["properties"])
    return History(
        lead_ids=lead_ids,
        start=np.concatenate(([0], np.cumsum(np.bincount(lead_code[order], minlength=len(lead_ids))))).astype(np.int64),
        occurred_at=occurred[order],
        recorded_at=recorded[order],
        type_code=type_code[order],
        channel_code=channel_code[order],
        campaign_code=campaign_code[order],
        property_code=property_code[order],
        types=types,
        channels=channels,
        campaigns=campaigns,
        property_texts=texts,
    )


def _settle_ties(table: pa.Table, order: Int64, ties: Int64) -> Int64:
    """The order with events of the same lead and times put in the order of their ids, each id once.

    ``ties``: places in the order whose event has the lead and the times of the event before it.
    """
    tied = np.zeros(len(order), dtype=bool)
    tied[ties] = tied[ties - 1] = True
    places = np.flatnonzero(tied)
    first_of_run = np.ones(len(order), dtype=bool)
    first_of_run[ties] = False
    rows = order[places]
    run = np.cumsum(first_of_run[places])
    names = ["event_id", "type", "properties"]
    few = table.select(names).take(pa.array(rows)).append_column("run", pa.array(run))
    settled = pc.sort_indices(few, [(name, "ascending") for name in ("run", *names)]).to_numpy()
    order = order.copy()
    order[places] = rows[settled]
    ids = few["event_id"].take(pa.array(settled)).to_pandas()
    again = (ids == ids.shift()).to_numpy() & ~first_of_run[places]
    keep = np.ones(len(order), dtype=bool)
    keep[places[again]] = False
    return order[keep]


def _encode(column: pa.ChunkedArray) -> tuple[Int32, tuple[str, ...]]:
    """Codes in the order of the sorted names, so that they do not depend on the order of the rows; -1 for null."""
    codes, dictionary = _dictionary(column)
    order = pc.sort_indices(dictionary).to_numpy()
    rank = np.empty(len(dictionary) + 1, dtype=np.int32)
    rank[order] = np.arange(len(dictionary), dtype=np.int32)
    rank[-1] = -1
    return rank[codes], tuple(dictionary.take(pa.array(order)).to_pylist())


def _dictionary(column: pa.ChunkedArray) -> tuple[Int32, pa.StringArray]:
    """Codes into the different texts of a column, -1 for null."""
    encoded = column.dictionary_encode().unify_dictionaries().combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0) if encoded.num_chunks else pa.array([], pa.string()).dictionary_encode()
    codes = encoded.indices if encoded.null_count == 0 else pc.fill_null(encoded.indices, -1)
    return codes.to_numpy(zero_copy_only=False).astype(np.int32), encoded.dictionary
