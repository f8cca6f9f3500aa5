"""What went into a training run: leads and endings by month, what was refused or left out and why, and the examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.events import DAY, to_iso
from features.history import History, Int64
from features.lives import BOUGHT, GONE, OPEN, Lives, lead_lives
from model.examples import Examples
from model.recording_delay import QUANTILE, RecordingDelay, recording_delay
from training.material import Material

BOTS = "only events of bots"
ENDED_BEFORE = "had ended before anything of it was known"
SEEN_LATE = "first seen after the last day that leads are followed to"
NO_LANDMARK = "no landmark fell into its life, or too many leads"


@dataclass(frozen=True)
class Month:
    """One month (UTC). ``created``: leads whose history begins in it, of which so many have bought, were lost, or are
    open by now; ``purchases``, ``losses``: endings that came in it.
    """

    month: str  # 2026-03
    created: int = 0
    bought: int = 0
    lost: int = 0
    open: int = 0
    purchases: int = 0
    losses: int = 0


@dataclass(frozen=True)
class Part:
    """Examples of one block of calendar time, by what became of them."""

    name: str
    leads: int
    examples: int
    bought: int
    lost: int
    open: int
    per_lead: float
    share_of_top_tenth: float  # of the examples, those of the tenth of leads that have the most; 0.1 is even


@dataclass(frozen=True)
class DataReport:
    """``known_by``, ``first_event``, ``last_event``: ISO 8601. ``types``: events by type, most frequent first.

    ``leads`` = ``bought`` + ``lost`` + ``open``, as known by ``known_by``. ``left_out``: leads that no example is made
    of, by reason. ``refused``: rows or events that never came into the history, by reason. ``recording``: days from
    endings to their records, and by how many days labels are cut earlier for it.
    """

    source: str
    known_by: str
    first_event: str
    last_event: str
    events: int
    events_of_bots: int
    leads: int
    bought: int
    lost: int
    open: int
    types: dict[str, int]
    months: tuple[Month, ...]
    recording: RecordingDelay
    left_out: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()

    def frame(self) -> pd.DataFrame:
        """A row for each month, in order."""
        return pd.DataFrame([asdict(month) for month in self.months], columns=list(Month.__dataclass_fields__))

    def __str__(self) -> str:
        """In short, for a terminal."""
        span = f"{self.first_event[:10]} to {self.last_event[:10]}"
        ended = f"{self.bought:,} bought, {self.lost:,} were lost, {self.open:,} are open"
        lines = [
            f"  {self.events:,} events from {span} of {self.leads:,} leads: {ended}",
            *(
                f"  {part.name}: {part.examples:,} examples of {part.leads:,} leads "
                f"({part.bought:,} bought, {part.lost:,} lost, {part.open:,} open)"
                for part in self.parts
            ),
            *(f"  left out: {n:,} leads: {reason}" for reason, n in self.left_out.items()),
            *(f"  refused: {n:,} rows, {reason}" for reason, n in self.refused.items()),
        ]
        if self.recording.lag > 0:
            late = f"{100 * QUANTILE:.0f} % within {self.recording.quantile:.1f} days"
            cut = f"{self.recording.lag:.1f} days earlier" + " (no more, to leave enough)" * self.recording.capped
            lines.append(f"  endings are recorded late ({late}): labels are cut {cut}")
        return "What went in:\n\n" + "\n".join(lines)

    def to_json(self) -> bytes:
        return orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2)


def data_report(
    events: pa.Table,
    history: History,
    *,
    known_by: int,
    source: str = "",
    refused: Mapping[str, int] | None = None,
    examples: Mapping[str, Examples] | None = None,
) -> DataReport:
    """``events``: of ``history``, bots included. ``examples``: by the name of their block; the first one's leads are
    those that are learned from.
    """
    lives, made = lead_lives(history, known_by), examples or {}
    counts = np.bincount(lives.outcome, minlength=3)
    occurred = history.occurred_at
    bots = int(pc.sum(events["bot"]).as_py() or 0)
    names, numbers = np.unique(history.type_code, return_counts=True)
    types = {history.types[name]: int(n) for name, n in zip(names, numbers, strict=True)}
    return DataReport(
        source=source,
        known_by=to_iso(known_by),
        first_event=to_iso(int(occurred.min())) if len(occurred) else "",
        last_event=to_iso(int(occurred.max())) if len(occurred) else "",
        events=events.num_rows,
        events_of_bots=bots,
        leads=history.n_leads,
        bought=int(counts[BOUGHT]),
        lost=int(counts[GONE]),
        open=int(counts[OPEN]),
        types=dict(sorted(types.items(), key=lambda item: (-item[1], item[0]))),
        months=_months(history, lives),
        recording=recording_delay(history, known_by),
        left_out=_left_out(events, history, lives, next(iter(made.values()), None)),
        refused=dict(refused or {}),
        parts=tuple(_part(name, block) for name, block in made.items()),
    )


def report_of(given: Material, examples: Mapping[str, Examples]) -> DataReport:
    """What went into one training run."""
    return data_report(
        given.read.events,
        given.history,
        known_by=given.split.known_by,
        source=str(given.source),
        refused=given.read.refused,
        examples=examples,
    )


def _months(history: History, lives: Lives) -> tuple[Month, ...]:
    if not history.n_leads:
        return ()
    created = _month_of(np.minimum.reduceat(history.occurred_at, history.start[:-1]))
    ended = _month_of(lives.ended_at)
    first, last = int(created.min()), int(max(created.max(), ended.max()))

    def count(months: Int64, outcome: int | None) -> Int64:
        which = slice(None) if outcome is None else lives.outcome == outcome
        return np.bincount(months[which] - first, minlength=last - first + 1)

    columns = {
        "created": count(created, None),
        "bought": count(created, BOUGHT),
        "lost": count(created, GONE),
        "open": count(created, OPEN),
        "purchases": count(ended, BOUGHT),
        "losses": count(ended, GONE),
    }
    names = np.arange(first, last + 1).astype("datetime64[M]").astype(str)
    return tuple(Month(str(name), **{k: int(v[i]) for k, v in columns.items()}) for i, name in enumerate(names))


def _month_of(moment: Int64) -> Int64:
    """Months since 1970."""
    return (moment // DAY).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def _left_out(events: pa.Table, history: History, lives: Lives, learned: Examples | None) -> dict[str, int]:
    everyone = pc.count_distinct(events["lead_id"]).as_py() or 0
    found = {BOTS: everyone - history.n_leads}
    if learned is not None:
        rest = ~np.isin(np.array(history.lead_ids, dtype=object), learned.lead_ids)
        ended = rest & (lives.outcome != OPEN) & (lives.ended_at <= lives.entered_at)
        late = rest & ~ended & (lives.entered_at >= learned.known_by)
        found[ENDED_BEFORE], found[SEEN_LATE] = int(ended.sum()), int(late.sum())
        found[NO_LANDMARK] = int((rest & ~ended & ~late).sum())
    return {reason: n for reason, n in found.items() if n}


def _part(name: str, block: Examples) -> Part:
    counts = np.bincount(block.outcome, minlength=3)
    each = np.sort(np.unique(block.group, return_counts=True)[1])[::-1]
    top = each[: max(1, len(each) // 10)].sum() / max(len(block), 1)
    return Part(
        name=name,
        leads=len(each),
        examples=len(block),
        bought=int(counts[BOUGHT]),
        lost=int(counts[GONE]),
        open=int(counts[OPEN]),
        per_lead=len(block) / max(len(each), 1),
        share_of_top_tenth=float(top),
    )
