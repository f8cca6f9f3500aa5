"""Event ids for rows that bring none: from what is in the row, so that loading it again gives the same id."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.tables.values import as_text, flat

UInt64 = npt.NDArray[np.uint64]
# Between the fields of a row's text. Neither occurs in names, which hold no NUL.
_FIELD, _NAME = "\x00", "\x00\x00"


def row_texts(table: pa.Table, fixed: Sequence[pa.Array], extra: Sequence[str]) -> pa.StringArray:
    """One text for each row: the fixed columns, and the columns ``extra`` by name as they stand in the file.

    The raw values count, not what they were taken for: another file in the folder may turn a column of numbers
    into one of text, and the ids must stay.
    """
    parts = [pc.fill_null(as_text(column), "") for column in fixed]
    for name in sorted(extra):
        values = flat(table[name])
        if pa.types.is_nested(values.type):
            values = pa.array([None if value is None else repr(value) for value in values.to_pylist()], pa.string())
        parts.append(pc.binary_join_element_wise(name, as_text(values), _NAME))
    return pc.binary_join_element_wise(*parts, _FIELD, null_handling="skip")


class RowIds:
    """Ids for the rows of one file: 32 hexadecimal digits. Equal rows are told apart by counting them."""

    def __init__(self, table: str) -> None:
        self._start = hashlib.blake2b(table.encode() + b"\x00", digest_size=16)
        self._seen: list[UInt64] = []  # sorted, each about half the size of the one before
        self._times: dict[int, int] = {}  # how often, where more than once

    def give(self, texts: pa.StringArray) -> list[str]:
        """The ids of rows with these texts, in the order of the file; none is null."""
        rows = [text.encode() for text in texts.to_pylist()]
        digests = [self._digest(row) for row in rows]
        if not digests:
            return []
        short = np.frombuffer(b"".join(digests), dtype="<u8")[::2].astype(np.uint64)
        for row in np.flatnonzero(nth := self._nth(short)).tolist():
            digests[row] = self._digest(rows[row] + b"\x00\x00\x00%d" % nth[row])
        return [digest.hex() for digest in digests]

    def _digest(self, row: bytes) -> bytes:
        digest = self._start.copy()
        digest.update(row)
        return digest.digest()

    def _nth(self, short: UInt64) -> npt.NDArray[np.int64]:
        """How many equal rows came before each row, in this chunk and the ones before."""
        nth = pd.Series(short).groupby(short).cumcount().to_numpy().astype(np.int64)
        distinct, counts = np.unique(short, return_counts=True)
        again = np.zeros(len(distinct), dtype=np.bool_)
        for seen in self._seen:
            place = np.searchsorted(seen, distinct)
            again |= seen[np.minimum(place, len(seen) - 1)] == distinct
        for row in np.flatnonzero(again[np.searchsorted(distinct, short)]).tolist():
            nth[row] += self._times.get(int(short[row]), 1)
        for i in np.flatnonzero(again | (counts > 1)).tolist():
            value = int(distinct[i])
            self._times[value] = self._times.get(value, 1 if again[i] else 0) + int(counts[i])
        self._remember(distinct[~again])
        return nth

    def _remember(self, new: UInt64) -> None:
        if len(new):
            self._seen.append(new)
        while len(self._seen) > 1 and len(self._seen[-2]) <= 2 * len(self._seen[-1]):
            last = self._seen.pop()
            self._seen[-1] = np.sort(np.concatenate([self._seen[-1], last]))
