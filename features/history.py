"""The engagement history of leads, in columns, as the feature builder and the examples read it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.events import EVENT_SCHEMA, Event, events_table

Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class History:
    """Events of ``n`` leads, ordered by lead, then occurred_at, recorded_at and event_id. Bots are left out.

    ``lead_ids``: the n leads, sorted, each once. Events of lead i are rows ``start[i]:start[i + 1]``.
    ``occurred_at``, ``recorded_at``: microseconds since 1970 UTC.
    ``type_code``, ``channel_code``, ``campaign_code``: indexes into ``types``, ``channels``, ``campaigns``;
    -1 where there is none. ``properties``: a JSON object for each event.
    """

    lead_ids: tuple[str, ...]
    start: Int64
    occurred_at: Int64
    recorded_at: Int64
    type_code: Int32
    channel_code: Int32
    campaign_code: Int32
    types: tuple[str, ...]
    channels: tuple[str, ...]
    campaigns: tuple[str, ...]
    properties: pa.StringArray

    @classmethod
    def from_events(cls, events: Iterable[Event]) -> History:
        return cls.from_table(events_table(events))

    @classmethod
    def from_table(cls, table: pa.Table) -> History:
        """From an Arrow table of EVENT_SCHEMA, in any order."""
        table = table.select(EVENT_SCHEMA.names)
        table = table.filter(pc.invert(table["bot"]))
        table = table.sort_by([(name, "ascending") for name in ("lead_id", "occurred_at", "recorded_at", "event_id")])
        leads = table["lead_id"].combine_chunks().dictionary_encode()
        if isinstance(leads, pa.ChunkedArray):
            leads = leads.combine_chunks()
        codes = leads.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        n = len(leads.dictionary)
        start = np.searchsorted(codes, np.arange(n + 1)).astype(np.int64)
        type_code, types = _encode(table["type"])
        channel_code, channels = _encode(table["channel"])
        campaign_code, campaigns = _encode(table["campaign"])
        return cls(
            lead_ids=tuple(leads.dictionary.to_pylist()),
            start=start,
            occurred_at=table["occurred_at"].to_numpy().astype(np.int64, copy=False),
            recorded_at=table["recorded_at"].to_numpy().astype(np.int64, copy=False),
            type_code=type_code,
            channel_code=channel_code,
            campaign_code=campaign_code,
            types=types,
            channels=channels,
            campaigns=campaigns,
            properties=_flat(table["properties"]),
        )

    @property
    def n_leads(self) -> int:
        return len(self.lead_ids)

    @property
    def n_events(self) -> int:
        return len(self.occurred_at)

    @cached_property
    def known_at(self) -> Int64:
        """From when on each event can be seen: the later of occurred_at and recorded_at."""
        return np.maximum(self.occurred_at, self.recorded_at)

    @cached_property
    def lead_index(self) -> dict[str, int]:
        return {lead_id: i for i, lead_id in enumerate(self.lead_ids)}

    @cached_property
    def lead_code(self) -> Int64:
        """The lead's index for each event."""
        return np.repeat(np.arange(self.n_leads, dtype=np.int64), np.diff(self.start))


def _flat(column: pa.ChunkedArray) -> pa.StringArray:
    flat = column.combine_chunks()
    return pa.concat_arrays(flat.chunks) if isinstance(flat, pa.ChunkedArray) else flat


def _encode(column: pa.ChunkedArray) -> tuple[Int32, tuple[str, ...]]:
    """Codes in the order of the sorted names, so that they do not depend on the order of the rows."""
    encoded = _flat(column).dictionary_encode()
    names = encoded.dictionary.to_pylist()
    order = sorted(range(len(names)), key=names.__getitem__)
    rank = np.empty(len(names) + 1, dtype=np.int32)
    rank[order] = np.arange(len(names), dtype=np.int32)
    rank[-1] = -1
    indices = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False)
    return rank[indices], tuple(names[i] for i in order)
