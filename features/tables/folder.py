"""The tables of a folder as events and spend: streamed, or all at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
import pyarrow as pa

from features.errors import InputError
from features.events import EVENT_SCHEMA
from features.store.schema import SPEND_SCHEMA
from features.tables.columns import Kinds, check_columns
from features.tables.csv_file import CsvFile
from features.tables.endings import Endings
from features.tables.ids import RowIds
from features.tables.known import KnownLeads, Nobody
from features.tables.leads import Leads
from features.tables.parquet_file import ParquetFile
from features.tables.parts import Part, events_part, outcomes_part
from features.tables.sources import TABLES, Chunk, Reject, Source, table_files
from features.tables.spend import Spend


class Bar(Protocol):
    """A progress bar, as tqdm's."""

    def update(self, n: int) -> object: ...

    def close(self) -> object: ...


Progress = Callable[[str, int], Bar]  # from what is done and the bytes in all


class _NoBar:
    def update(self, n: int) -> None: ...

    def close(self) -> None: ...


def no_progress(_what: str, _size: int) -> Bar:
    return _NoBar()


def open_source(path: Path, name: str) -> Source:
    """The file as a Source. InputError when it is empty, or its columns cannot be read."""
    try:
        if path.stat().st_size == 0:
            raise InputError(where=name, expected="a table with a line of column names", got="an empty file")
        return ParquetFile(path, name) if path.name.lower().endswith(".parquet") else CsvFile(path, name)
    except OSError as error:
        raise InputError(where=name, expected="a file that can be read", got=str(error)) from None


class Folder:
    """The interchange tables of a folder.

    Opening it looks at every file; InputError for whatever concerns a whole file or the folder. ``now``
    (microseconds since 1970 UTC): times more than a day after it are refused.
    """

    def __init__(self, folder: Path, *, now: int, progress: Progress = no_progress) -> None:
        self._now, self._progress = now, progress
        self._sources: list[tuple[str, Source]] = []
        for table, paths in table_files(folder).items():
            for path in paths:
                source = open_source(path, str(path.relative_to(folder)))
                check_columns(table, source)
                self._sources.append((table, source))
        self._kinds = {table: Kinds(table) for table in TABLES}
        self._learn()

    def _learn(self) -> None:
        """Find out what the columns without a fixed meaning hold: a column is of one kind in all of its rows."""
        unsure = [(table, source) for table, source in self._sources if self._kinds[table].needs(source)]
        if not unsure:
            return
        bar = self._progress("checking", sum(source.size for _, source in unsure))
        try:
            for table, source in unsure:
                self._kinds[table].learn(source, bar.update)
        finally:
            bar.close()

    @property
    def tables(self) -> list[str]:
        """The tables that are there."""
        return [table for table in TABLES if any(table == name for name, _ in self._sources)]

    def parts(self, known: KnownLeads | None = None) -> Iterator[Part]:
        """What is in the files, in pieces small enough for memory. ``known``: who knows leads from before.

        In this order: leads, events, those leads whose creation had to be found in the events, outcomes, spend.
        What a part says is to be stored before the next is asked for.
        """
        known = known or Nobody()
        leads, spend = Leads(known), Spend()
        endings = Endings(known, leads.created)

        def part(table: str, chunk: Chunk, kinds: dict[str, str], ids: RowIds) -> Part:
            if table == "leads":
                return leads.part(chunk, kinds, ids, now=self._now)
            if table == "events":
                found = events_part(chunk, kinds, ids, endings, now=self._now)
                leads.see(found.events)
                return found
            if table == "outcomes":
                return outcomes_part(chunk, kinds, endings, now=self._now)
            return spend.part(chunk, kinds, now=self._now)

        bar = self._progress("loading", sum(source.size for _, source in self._sources))
        try:
            for table in TABLES:
                for source in (source for name, source in self._sources if name == table):
                    kinds, ids = self._kinds[table].of(source), RowIds(table)
                    for chunk in source.chunks(None, bar.update):
                        yield part(table, chunk, kinds, ids)
                if table == "events":
                    yield from leads.waiting_parts(now=self._now)
        finally:
            bar.close()


@dataclass
class Count:
    """What became of the rows of a table. A row of ``leads`` gives one event or two, every other row one."""

    read: int = 0  # rows in the files
    rejected: int = 0  # of them
    new: int = 0  # events (for spend: rows) that were not known
    known: int = 0  # events (for spend: rows) that were known, or came earlier in the files


@dataclass(frozen=True)
class Tables:
    """A whole folder in memory. ``counts``: for each table that is there."""

    events: pa.Table  # EVENT_SCHEMA, each event_id once
    spend: pa.Table  # features.store.schema.SPEND_SCHEMA
    rejects: list[Reject]
    counts: dict[str, Count]


def read_tables(folder: Path, *, now: int, progress: Progress = no_progress) -> Tables:
    """The interchange tables of a folder, all in memory; InputError as for Folder."""
    source = Folder(Path(folder), now=now, progress=progress)
    counts = {table: Count() for table in source.tables}
    rejects: list[Reject] = []
    events, spend, origin = [EVENT_SCHEMA.empty_table()], [SPEND_SCHEMA.empty_table()], [np.zeros(0, dtype=np.int8)]
    for part in source.parts():
        count = counts[part.table]
        count.read += part.read
        count.rejected += len(part.rejects)
        count.new += part.spend.num_rows
        rejects += part.rejects
        events.append(part.events)
        spend.append(part.spend)
        origin.append(np.full(part.events.num_rows, TABLES.index(part.table), dtype=np.int8))
    table = pa.concat_tables(events)
    again = pd.Series(table["event_id"].to_numpy(zero_copy_only=False)).duplicated().to_numpy()
    table_of = np.concatenate(origin)
    for name in source.tables:
        theirs = table_of == TABLES.index(name)
        counts[name].new += int((theirs & ~again).sum())
        counts[name].known += int((theirs & again).sum())
    if again.any():
        table = table.filter(pa.array(~again))
    return Tables(table, pa.concat_tables(spend), rejects, counts)
