"""Parquet files in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features.errors import InputError
from features.tables.sources import Chunk, check_header

_ROWS = 50_000


class ParquetFile:
    """One Parquet file; its columns have types of their own."""

    typed = True

    def __init__(self, path: Path, name: str) -> None:
        self._path, self.name, self.size = path, name, path.stat().st_size
        try:
            with pq.ParquetFile(path) as file:
                schema, self._rows = file.schema_arrow, file.metadata.num_rows
        except pa.ArrowException as error:
            raise InputError(where=name, expected="a Parquet file", got=str(error)) from None
        check_header(schema.names, name)
        self.columns = dict(zip(schema.names, schema.types, strict=True))

    def chunks(self, columns: list[str] | None, advance: Callable[[int], object]) -> Iterator[Chunk]:
        at, told = 1, 0
        try:
            with pq.ParquetFile(self._path) as file:
                for batch in file.iter_batches(batch_size=_ROWS, columns=columns):
                    lines = np.arange(at, at + batch.num_rows, dtype=np.int64)
                    yield Chunk(self.name, lines, pa.Table.from_batches([batch]))
                    at += batch.num_rows
                    done = self.size * (at - 1) // self._rows
                    advance(done - told)
                    told = done
        except (pa.ArrowException, OSError) as error:
            raise InputError(where=self.name, expected="a whole Parquet file", got=str(error)) from None
