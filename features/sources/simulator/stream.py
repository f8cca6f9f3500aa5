"""Write the interchange tables of any number of leads, chunk by chunk, without holding them in memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from features.errors import InputError
from features.sources.simulator.crm import leads_of, outcomes_of, spend_of
from features.sources.simulator.dynamics import Span, law_of
from features.sources.simulator.journeys import Journeys, draw_journeys
from features.sources.simulator.market import World
from features.sources.simulator.population import BLOCK
from features.sources.simulator.rows import lead_ids
from features.sources.simulator.tables import events_of

CHUNK = 10_000  # leads; about 600,000 events
FORMATS = ("parquet", "csv")
MARKER = "simulation.json"  # says that a folder is the simulator's, so that it may be written anew


def tables_of(journeys: Journeys, first: int, until: int, seed: int) -> dict[str, pa.Table]:
    """Leads, events and outcomes of leads number ``first`` up to before ``until``, among those drawn."""
    tables = {
        "leads": leads_of(journeys, seed),
        "events": events_of(journeys, seed),
        "outcomes": outcomes_of(journeys, seed),
    }
    people = journeys.people
    if (people.first, people.first + len(people)) == (first, until):
        return tables
    low, high = lead_ids(people.numbers[[first - people.first, until - 1 - people.first]])
    within = {}
    for name, table in tables.items():
        after = pc.greater_equal(table["lead_id"], low)
        within[name] = table.filter(pc.and_(after, pc.less_equal(table["lead_id"], high)))
    return within


def write_simulation(
    out: Path,
    *,
    leads: int,
    seed: int,
    world: World,
    span: Span,
    file_format: str = "parquet",
    chunk: int = CHUNK,
    advance: Callable[[int], object] = lambda _: None,
) -> dict[str, int]:
    """Write the tables into the folder ``out``; returns the number of rows of each.

    More than one chunk gives numbered files (``events-0001.parquet``). ``advance`` is told of leads done. A folder
    that holds tables of other origin is refused; the simulator's own are replaced.
    """
    _make_room(out, {"leads": leads, "seed": seed, "world": world.name, "end": str(span.end), "days": span.days})
    law = law_of(world, span)
    step = max(BLOCK, chunk // BLOCK * BLOCK)
    rows = {"leads": 0, "events": 0, "outcomes": 0}
    for part, first in enumerate(range(0, leads, step), start=1):
        until = min(first + step, leads)
        journeys = draw_journeys(first, until, seed=seed, world=world, span=span, law=law)
        for name, table in tables_of(journeys, first, until, seed).items():
            stem = name if leads <= step else f"{name}-{part:04d}"
            _write(table, out / f"{stem}.{file_format}")
            rows[name] += table.num_rows
        advance(until - first)
    spend = spend_of(leads, seed=seed, world=world, span=span)
    _write(spend, out / f"spend.{file_format}")
    return {**rows, "spend": spend.num_rows}


def _write(table: pa.Table, path: Path) -> None:
    if path.suffix == ".csv":
        pa.csv.write_csv(table, path)
    else:
        pa.parquet.write_table(table, path, compression="zstd")


def _make_room(out: Path, parameters: dict[str, object]) -> None:
    if out.exists() and not out.is_dir():
        raise InputError(where=str(out), expected="a folder", got="a file", remedy="Name another folder")
    there = [path for name in ("leads", "events", "outcomes", "spend") for path in sorted(out.glob(f"{name}*"))]
    if there and not (out / MARKER).exists():
        raise InputError(
            where=str(out),
            expected="an empty folder or one the simulator has written",
            got=f"{there[0].name} of other origin",
            remedy="Name another folder",
        )
    for path in there:
        path.unlink()
    out.mkdir(parents=True, exist_ok=True)
    (out / MARKER).write_text(json.dumps(parameters, indent=1) + "\n", encoding="utf-8")
