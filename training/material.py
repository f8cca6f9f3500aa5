"""What one training run learns from: read once, with where it comes from."""

from __future__ import annotations

from dataclasses import dataclass

from features.events import content_id, to_iso
from features.history import History
from features.own_rows import rows_digest
from features.settings import Settings
from model.examples import Split
from training.cold_start import Lacking, blocks
from training.inputs import Read, Source, digest
from training.progress import Progress
from training.provenance import Provenance, code_now, in_order, learned_settings, lock_now, machine_now, versions_now


@dataclass(frozen=True, eq=False)
class Material:
    """``version``: the name of what comes out. ``lacking``: None where there is enough to learn from features and to
    measure what was learned.
    """

    source: Source
    settings: Settings
    seed: int
    read: Read
    history: History
    split: Split
    provenance: Provenance
    version: str
    lacking: Lacking | None


def gather(
    source: Source, settings: Settings, progress: Progress, *, known_by: int, now: int, seed: int, up_to: int | None
) -> Material:
    """``up_to``: the position of the log to read to, None for the newest. InputError for too little to learn from."""
    with progress.stage("read the log") as reading:
        read = source.read(known_by=known_by, now=now, up_to=up_to)
        history = History.from_table(read.events)
        reading.note = f"{history.n_events:,} events of {history.n_leads:,} leads"
    split, found = blocks(history, known_by=known_by, longest=settings.horizons[-1])
    data = digest(read.events)
    return Material(
        source=source,
        settings=settings,
        seed=seed,
        read=read,
        history=history,
        split=split,
        provenance=Provenance(
            folder=None if source.data is None else str(source.data.resolve()),
            position=read.position,
            known_by=known_by,
            seed=seed,
            data=data,
            events=read.events.num_rows,
            leads=history.n_leads,
            erasures=read.erasures,
            settings=learned_settings(settings),
            code=code_now(),
            lock=lock_now(),
            machine=machine_now(),
            versions=versions_now(),
            rows=rows_digest(settings.features_file),
        ),
        version=version_name(settings, split, data=data, seed=seed),
        lacking=found,
    )


def version_name(settings: Settings, split: Split, *, data: str, seed: int) -> str:
    """The date until which was learned, and 8 digits that differ when data, seed or a setting that it depends on do."""
    chosen = in_order(learned_settings(settings)) + rows_digest(settings.features_file)
    return f"{to_iso(split.known_by)[:10]}-{content_id(data, seed, chosen)[:8]}"
