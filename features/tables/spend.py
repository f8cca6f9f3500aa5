"""The rows of ``spend``."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from features.events import DAY
from features.store.schema import SPEND_SCHEMA
from features.tables.parts import Part, take
from features.tables.rows import Rows
from features.tables.sources import Chunk
from features.tables.values import properties_json


class Spend:
    """The rows of ``spend``: one amount for each channel, campaign, date and moment of recording."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str | None, int, int]] = set()

    def part(self, chunk: Chunk, kinds: Mapping[str, str], *, now: int) -> Part:
        rows = Rows(chunk, now=now)
        channel, campaign = rows.text("channel", required=True), rows.text("campaign")
        date, recorded = rows.times("date")
        amount = rows.number("amount", required=True)
        rows.finite(kinds)
        day = date // DAY
        keys = zip(channel.to_pylist(), campaign.to_pylist(), day.tolist(), recorded.tolist(), strict=True)
        for i, key in enumerate(keys):
            if rows.ok[i] and key in self._seen:
                reason = "expected one amount for a channel, campaign and date, got another; add them up"
                rows.refuse_row(i, "amount", reason)
            elif rows.ok[i]:
                self._seen.add(key)
        keep = rows.ok
        spend = pa.Table.from_arrays(
            [
                take(channel, keep),
                take(campaign, keep),
                pa.array(day[keep].astype("datetime64[D]")),
                pa.array(amount[keep]),
                pa.array(recorded[keep]),
                properties_json(take(rows.table, keep), kinds),
            ],
            schema=SPEND_SCHEMA,
        )
        return Part("spend", rows.read, rows.rejects, spend=spend)
