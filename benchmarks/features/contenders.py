"""The contenders: the feature builder, and the same windows as one SQL query in DuckDB."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.builder import Requests, build_matrix, warm_up
from features.catalogue import CAPS, Catalogue, Rows, expand
from features.events import DAY, NOT_ENGAGEMENT
from features.history import History

# What SQL says without contortions: counts by type, distinct contents and days, recency.
SHARED_ROWS = Rows(
    rows=(
        {"name": "n_engagement_{window}", "aggregation": "count", "windows": [1, 7, 30, 90, "all"]},
        {"name": "n_{type}_{window}", "aggregation": "count", "types": "{type}", "windows": [1, 7, 30, 90, "all"]},
        {"name": "contents_{window}", "aggregation": "distinct", "properties": "content", "windows": [30, "all"]},
        {"name": "active_days_{window}", "aggregation": "active_days", "windows": [30, "all"]},
        {"name": "days_since_{type}", "aggregation": "recency", "types": "{type}"},
    ),
    caps=CAPS,
)


@dataclass(frozen=True)
class Run:
    """Seconds to take the events in, seconds to build the rows, and a matrix (rows, features) to compare."""

    load_seconds: float
    build_seconds: float
    matrix: npt.NDArray[np.float64]


def catalogue_of(events: pa.Table, as_of: npt.NDArray[np.int64], rows: Rows | None) -> Catalogue:
    return expand(History.from_table(events), int(np.median(as_of)), rows=rows)


def ours(events: pa.Table, requests: Requests, rows: Rows | None, threads: int) -> Run:
    """The builder; reading the properties is part of building."""
    catalogue = catalogue_of(events, requests.as_of, rows)
    warm_up(catalogue)
    began = time.perf_counter()
    history = History.from_table(events)
    loaded = time.perf_counter()
    matrix = build_matrix(history, requests, catalogue, threads=threads)
    return Run(loaded - began, time.perf_counter() - loaded, matrix)


def duckdb(events: pa.Table, requests: Requests, threads: int) -> Run:
    """One join and one aggregation with a FILTER for each feature; the content is taken out of the JSON on loading."""
    db = importlib.import_module("duckdb")  # of the benchmark only, and only if it is installed
    catalogue = catalogue_of(events, requests.as_of, SHARED_ROWS)
    asked = pa.table({"row": np.arange(len(requests)), "lead_id": requests.lead_ids, "as_of": requests.as_of})
    began = time.perf_counter()
    connection = db.connect()
    connection.execute(f"SET threads = {threads}")
    connection.register("given", events)
    connection.execute(
        "CREATE TABLE events AS SELECT lead_id, type, occurred_at AS t, recorded_at AS known, "
        "json_extract_string(properties, '$.content') AS content FROM given WHERE NOT bot ORDER BY lead_id, t"
    )
    loaded = time.perf_counter()
    connection.register("asked", asked)
    answer = connection.sql(_query(catalogue)).to_arrow_table()
    columns = [answer[name].to_numpy().astype(np.float64) for name in catalogue.names]
    matrix = np.stack(columns, axis=1)
    return Run(loaded - began, time.perf_counter() - loaded, matrix)


def _query(catalogue: Catalogue) -> str:
    special = ", ".join(f"'{name}'" for name in sorted(NOT_ENGAGEMENT))
    columns = []
    for spec in catalogue.features:
        tests = [f"type NOT IN ({special})"]
        if spec.types != ("@engagement",):
            tests.append(f"type = '{spec.types[0]}'")
        if spec.without_types:
            tests.append("type NOT IN ({})".format(", ".join(f"'{name}'" for name in spec.without_types)))
        if spec.window is not None:
            tests.append(f"t > as_of - {int(spec.window * DAY)}")
        worked_out = {
            "count": "count(t)",
            "distinct": "count(DISTINCT content)",
            "active_days": f"count(DISTINCT t // {DAY})",
            "recency": f"(any_value(as_of) - max(t))::DOUBLE / {DAY}",
        }[spec.aggregation]
        chosen = f"FILTER ({' AND '.join(tests)})"
        worked_out = worked_out.replace("count(t)", f"count(t) {chosen}").replace("max(t))", f"max(t) {chosen})")
        worked_out += f" {chosen}" if "DISTINCT" in worked_out else ""
        columns.append(f'{worked_out} AS "{spec.name}"')
    listed = ",\n  ".join(columns)
    return (
        f"SELECT asked.row,\n  {listed}\nFROM asked LEFT JOIN events ON events.lead_id = asked.lead_id "
        "AND t <= as_of AND known <= as_of GROUP BY asked.row ORDER BY asked.row"
    )


CONTENDERS: dict[str, Callable[[pa.Table, Requests, int], Run]] = {
    "leadtime, the same features": lambda events, requests, threads: ours(events, requests, SHARED_ROWS, threads),
    "DuckDB, the same features": duckdb,
    "leadtime, default catalogue": lambda events, requests, threads: ours(events, requests, None, threads),
}
