"""The table of requests: which lead is to be scored as of when."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from features.errors import InputError
from features.events import DAY, parse_time
from features.tables.columns import check_columns
from features.tables.folder import open_source
from features.tables.rows import Int64, Rows

# An as-of time may lie ahead: what will be said then if nothing happens.
_LATEST = parse_time("2200-01-01") - DAY


def read_requests(path: Path) -> tuple[list[str], Int64]:
    """Lead ids and as-of times (microseconds since 1970 UTC) of a CSV or Parquet file, in its order.

    Raises InputError for the first row that cannot be used: a score must not silently be missing.
    """
    path = Path(path)
    source = open_source(path, path.name)
    check_columns("requests", source)
    leads: list[str] = []
    times = [np.zeros(0, dtype=np.int64)]
    for chunk in source.chunks(["lead_id", "as_of"], lambda _: None):
        rows = Rows(chunk, now=_LATEST)
        lead = rows.text("lead_id", required=True)
        as_of, _ = rows.time("as_of", required=True)
        if rows.rejects:
            first = rows.rejects[0]
            where = f"{first.file}:{first.line}" + (f", column {first.column}" if first.column else "")
            expected, _, got = first.reason.removeprefix("expected ").partition(", got ")
            raise InputError(where=where, expected=expected, got=got)
        leads += lead.to_pylist()
        times.append(as_of)
    return leads, np.concatenate(times)
