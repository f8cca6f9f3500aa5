"""Append and read rates of the store: ``python -m benchmarks.store [--events N] [--database URL]``.

On SQLite beside a bare ``executemany`` of the same rows into a table without any index in the same file, and beside one
into a table with the same indexes.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import sqlalchemy as sa

from features.errors import LeadtimeError
from features.events import DAY, EVENT_SCHEMA
from features.store import Store

BATCH = 50_000
ROW_NAMES = ", ".join(EVENT_SCHEMA.names)
BARE = f"CREATE TABLE bare ({ROW_NAMES})"
INDEXED = (
    BARE.replace("bare", "indexed").replace("event_id", "position INTEGER PRIMARY KEY, event_id UNIQUE"),
    "CREATE INDEX ix_indexed ON indexed (lead_id, occurred_at)",
)


def invented(n: int, per_lead: int = 50) -> pa.Table:
    """``n`` events (EVENT_SCHEMA) of leads with ``per_lead`` each, in the order of time."""
    random = np.random.default_rng(1)
    leads = n // per_lead + 1
    lead = random.integers(leads, size=n)
    at = np.sort(random.integers(365 * DAY, size=n))
    first = np.unique(lead, return_index=True)[1]
    kind = np.full(n, "page_view", dtype=object)
    kind[first] = "identify"
    texts = [f'{{"content":"/page/{page}"}}' for page in random.integers(200, size=n)]
    for row in first.tolist():
        texts[row] = f'{{"account_id":"account {lead[row] // 3}"}}'
    columns = [
        [hashlib.md5(i.to_bytes(8, "big"), usedforsecurity=False).hexdigest() for i in range(n)],
        [f"lead-{i:07d}" for i in lead],
        kind,
        at,
        at,
        random.choice(["web", "mail", "ads"], size=n),
        pa.nulls(n),
        np.zeros(n, dtype=bool),
        texts,
    ]
    return pa.Table.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, EVENT_SCHEMA, strict=True)], schema=EVENT_SCHEMA
    )


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def executemany(store: Store, table: pa.Table, into: str) -> float:
    """Seconds to write the rows with one executemany for each batch, rows at hand as Python values."""
    marks = ", ".join("?" * len(EVENT_SCHEMA))
    statement = f"INSERT INTO {into} ({ROW_NAMES}) VALUES ({marks})"
    spent = 0.0
    for batch in table.to_batches(max_chunksize=BATCH):
        rows = list(zip(*(column.to_pylist() for column in batch.columns), strict=True))
        with store.writing() as connection:
            cursor = connection.connection.cursor()
            spent += seconds(lambda cursor=cursor, rows=rows: cursor.executemany(statement, rows))  # type: ignore[misc]
            start = time.perf_counter()
        spent += time.perf_counter() - start  # the commit
    return spent


def append(store: Store, table: pa.Table) -> float:
    return sum(
        seconds(lambda batch=batch: store.append(pa.Table.from_batches([batch])))  # type: ignore[misc]
        for batch in table.to_batches(max_chunksize=BATCH)
    )


def milliseconds(work: Callable[[str], object], leads: Sequence[str]) -> tuple[float, float]:
    """Median and 99th percentile of the time for one lead."""
    spent = [1000 * seconds(lambda lead=lead: work(lead)) for lead in leads]  # type: ignore[misc]
    return statistics.median(spent), statistics.quantiles(spent, n=100)[98]


def measure(store: Store, n: int) -> list[tuple[str, str]]:
    table = invented(n)
    found: list[tuple[str, str]] = []

    def rate(what: str, spent: float) -> None:
        found.append((what, f"{n / spent:12,.0f} events/s"))

    if store.engine.dialect.name == "sqlite":
        with store.writing() as connection:
            for statement in (BARE, *INDEXED):
                connection.execute(sa.text(statement))
        rate("bare executemany, no index", executemany(store, table, "bare"))
        rate("bare executemany, same indexes", executemany(store, table, "indexed"))
    rate(f"append, {BATCH:,} at a time", append(store, table))
    rate("append again (all duplicates)", append(store, table))
    small = invented(20_000).set_column(0, "event_id", pa.array([f"small {i}" for i in range(20_000)]))
    hundreds = small.to_batches(max_chunksize=100)
    spent = seconds(lambda: [store.append(pa.Table.from_batches([batch])) for batch in hundreds])
    found.append(("append, 100 at a time", f"{20_000 / spent:12,.0f} events/s"))
    leads = np.random.default_rng(2).choice(table["lead_id"].unique().to_pylist(), size=500).tolist()
    for what, work in (
        ("events of one lead", lambda lead: store.events([lead])),
        ("history of one lead and colleagues", lambda lead: store.history([lead])),
    ):
        median, worst = milliseconds(work, leads)
        found.append((what, f"{median:12.3f} ms median, {worst:.3f} ms 99th percentile"))
    rate("all events", seconds(store.events))
    rate("whole history", seconds(store.history))
    return found


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.store", description=__doc__)
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--database", metavar="URL", help="an empty PostgreSQL database; else a temporary SQLite file")
    parser.add_argument("--out", type=Path, help="write the figures as JSON, too")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        try:
            with Store.open(given.database or f"sqlite:///{folder}/log.db", migrate=True) as store:
                found = measure(store, given.events)
        except LeadtimeError as error:
            sys.stderr.write(f"{error}\n")
            return 2
    sys.stdout.writelines(f"{what:<38}{figure}\n" for what, figure in found)
    if given.out:
        given.out.write_bytes(orjson.dumps({what: " ".join(figure.split()) for what, figure in found}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
