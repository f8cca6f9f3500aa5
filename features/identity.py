"""Who is who: ids that turned out to belong to another lead, and events read accordingly.

A link says that what happened to ``from_id`` belongs to ``to_id``, known from a moment on. An id has one link at most
and links make no circle, so they are trees: the id at which a chain of links ends is the lead, all others are its
aliases. An event of an alias is the lead's, as known since the latest of its own recording and the links between: an
as-of time in the past sees exactly what was known then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import orjson
import pyarrow as pa

from features.property_values import text_of

# Properties of an identify event that say which other id its lead had.
ANONYMOUS_ID = "anonymous_id"  # the visitor that the lead was before it said who it is
PREVIOUS_ID = "previous_id"  # a lead that is the same one

MAX_CHAIN = 32  # links from an alias to its lead; also bounds how often a database is asked for one


class Link(NamedTuple):
    """``known_at``: microseconds since 1970 UTC."""

    from_id: str
    to_id: str
    known_at: int


class Claim(NamedTuple):
    """What one identify event says of who its lead was. ``merges``: a known lead as well, not a visitor alone."""

    link: Link
    merges: bool
    position: int


def claims(identified: Iterable[Sequence[Any]], longest: int) -> list[Claim]:
    """From rows (lead_id, properties, occurred_at, recorded_at, position), in their order.

    Ids of more than ``longest`` characters are no lead's.
    """
    found = []
    for lead_id, properties, occurred_at, recorded_at, position in identified:
        if f'"{ANONYMOUS_ID}"' not in properties and f'"{PREVIOUS_ID}"' not in properties:
            continue  # nearly all of a load
        said = orjson.loads(properties)
        for name in (ANONYMOUS_ID, PREVIOUS_ID):
            before = text_of(said.get(name))
            if before is not None and before != lead_id and len(before) <= longest and "\x00" not in before:
                link = Link(before, lead_id, max(occurred_at, recorded_at))
                found.append(Claim(link, name == PREVIOUS_ID, position))
    return found


class Identity:
    """Some links, as trees. Ids without a link stand for themselves."""

    def __init__(self, links: Iterable[Link] = ()) -> None:
        self._links = {link.from_id: link for link in links}
        self._found: dict[str, tuple[str, int | None]] = {}
        self._children: dict[str, list[str]] | None = None

    def __bool__(self) -> bool:
        return bool(self._links)

    def lead_of(self, lead_id: str) -> str:
        return self._resolve(lead_id)[0]

    def spread(self, lead_ids: Sequence[str]) -> list[str]:
        """The leads that these ids stand for, each once, followed by every alias among the links."""
        if not self._links:
            return list(lead_ids)
        return list(dict.fromkeys([*map(self.lead_of, lead_ids), *sorted(self._links)]))

    def accepts(self, link: Link) -> bool:
        """Whether the link may be added: the first of an id, no circle, no endless chain."""
        if link.from_id in self._links or self.lead_of(link.to_id) == link.from_id:
            return False
        return self._above(link.to_id) + 1 + self._below(link.from_id) <= MAX_CHAIN

    def add(self, link: Link) -> None:
        self._of(link.to_id).append(link.from_id)
        self._links[link.from_id] = link
        self._found.clear()

    def resolve(self, events: pa.Table) -> pa.Table:
        """The events (EVENT_SCHEMA), each under its lead, in the same order."""
        if not self._links or not events.num_rows:
            return events
        encoded = events["lead_id"].combine_chunks().dictionary_encode()
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.chunk(0)
        found = [self._resolve(name) for name in encoded.dictionary.to_pylist()]
        if all(since is None for _, since in found):
            return events
        codes = encoded.indices
        leads = pa.array([lead for lead, _ in found], pa.string()).take(codes)
        lowest = np.iinfo(np.int64).min
        since = np.array([lowest if at is None else at for _, at in found], dtype=np.int64)[codes.to_numpy()]
        recorded = pa.array(np.maximum(events["recorded_at"].to_numpy(), since))
        for name, column in (("lead_id", leads), ("recorded_at", recorded)):
            place = events.schema.get_field_index(name)
            events = events.set_column(place, events.schema.field(place), column)
        return events

    def _resolve(self, lead_id: str) -> tuple[str, int | None]:
        """The lead, and since when all links to it are known; None for a lead itself."""
        chain: list[Link] = []
        end, since = lead_id, None
        while True:
            if end in self._found:
                end, since = self._found[end]
                break
            link = self._links.get(end)
            if link is None:
                break
            chain.append(link)
            end = link.to_id
        for link in reversed(chain):
            since = link.known_at if since is None else max(since, link.known_at)
            self._found[link.from_id] = end, since
        return end, since

    def _above(self, lead_id: str) -> int:
        steps = 0
        while lead_id in self._links:
            lead_id, steps = self._links[lead_id].to_id, steps + 1
        return steps

    def _below(self, lead_id: str) -> int:
        steps, level = 0, self._of(lead_id)
        while level:
            steps, level = steps + 1, [inner for outer in level for inner in self._of(outer)]
        return steps

    def _of(self, lead_id: str) -> list[str]:
        """The ids that were linked to this one."""
        if self._children is None:
            self._children = {}
            for link in self._links.values():
                self._children.setdefault(link.to_id, []).append(link.from_id)
        return self._children.setdefault(lead_id, [])
