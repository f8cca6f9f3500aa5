"""Event rows in columns, with codes into fixed lists of names until the very end."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.events import DAY
from features.sources.simulator.dynamics import Span
from features.sources.simulator.kernel import DISPOSITIONS
from features.sources.simulator.market import OWNERS, SIGNALS, SOURCES
from features.sources.simulator.rng import uniforms

Float = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

TIME = pa.timestamp("us", tz="UTC")
NOTHING = -1
ENTRY_CONTENT = ("/signup", "/badge", "/introduction", "outreach")
OWNER_NAMES = tuple(owner.name for owner in OWNERS)
TYPES = (
    "page_view",
    "form_submitted",
    "mail_sent",
    "mail_opened",
    "mail_clicked",
    "webinar_registered",
    "webinar_attended",
    "trial_started",
    "trial_used",
    "sales_call",
    "handoff",
    "identify",
    "need_declared",
)
CHANNELS = (*(source.name for source in SOURCES), "direct", "email", "phone", "product")


@dataclass(frozen=True)
class Names:
    """The names that depend on the calendar, and where those of each kind begin."""

    campaigns: tuple[str, ...]
    contents: tuple[str, ...]
    content_of: tuple[int, ...]  # where the contents of each signal begin
    newsletters: int  # where they begin among the campaigns

    def campaign(self, source: Ints, day: Ints, half: Ints, span: Span) -> Ints:
        """Codes of the campaign ``half`` (0 or 1) of a source that runs on a day of the span."""
        return (source * len(quarters(span)) + quarter_of(span)[day]) * 2 + half

    def newsletter(self, day: Ints, span: Span) -> Ints:
        months = np.array([(span.start + timedelta(days=int(d))).strftime("%Y%m") for d in range(span.days)])
        return self.newsletters + np.unique(months, return_inverse=True)[1][day]


def quarters(span: Span) -> list[str]:
    """The calendar quarters the span touches, such as 2026q1, in order."""
    return sorted({_quarter(span.start + timedelta(days=d)) for d in range(span.days)})


def quarter_of(span: Span) -> Ints:
    """(days,) the index among ``quarters`` of each day."""
    names = quarters(span)
    return np.array([names.index(_quarter(span.start + timedelta(days=d))) for d in range(span.days)])


def _quarter(day: date) -> str:
    return f"{day.year}q{(day.month + 2) // 3}"


def names_of(span: Span) -> Names:
    campaigns = [f"{s.name}-{q}-{half}" for s in SOURCES for q in quarters(span) for half in "ab"]
    months = sorted({(span.start + timedelta(days=d)).strftime("%Y-%m") for d in range(span.days)})
    contents, begin = list(ENTRY_CONTENT), []
    mails = None
    for signal in SIGNALS:
        if signal.variants == 0:  # mails: one content a week of the span, the same for the three signals
            if mails is None:
                mails = len(contents)
                contents += [signal.content.format(week + 1) for week in range(span.days // 7 + 1)]
            begin.append(mails)
        else:
            begin.append(len(contents))
            contents += [signal.content.format(v + 1) for v in range(signal.variants)]
    return Names(
        (*campaigns, *(f"newsletter-{m}" for m in months)), tuple(contents), tuple(begin), newsletters=len(campaigns)
    )


@dataclass(frozen=True, eq=False)
class Rows:
    """Event rows. ``lead``: row among the leads drawn; ``at``, ``recorded``: microseconds since 1970 UTC; the
    rest codes into the lists above, -1 for none; ``need_by``: days since 1970; ``minutes``, ``value``: NaN for none."""

    lead: Ints
    at: Ints
    type: Ints
    recorded: Ints
    channel: Ints
    campaign: Ints
    content: Ints
    disposition: Ints
    owner: Ints
    need_by: Ints
    bot: Ints
    minutes: Float
    value: Float

    @classmethod
    def of(cls, lead: Ints, at: Ints, kind: str | Ints, **columns: Ints | Float | int) -> Rows:
        """Rows with these columns; ``recorded`` when it happened, ``bot`` 0, the others none unless given."""
        defaults: dict[str, Any] = {"recorded": at, "bot": 0, "minutes": np.nan, "value": np.nan}
        code = TYPES.index(kind) if isinstance(kind, str) else kind
        given = {**defaults, "lead": lead, "at": at, "type": code, **columns}
        filled: dict[str, Any] = {}
        for f in fields(cls):
            kept = np.float64 if f.name in ("minutes", "value") else np.int64
            filled[f.name] = np.broadcast_to(np.asarray(given.get(f.name, NOTHING), dtype=kept), (len(lead),))
        return cls(**filled)

    @classmethod
    def concat(cls, parts: list[Rows]) -> Rows:
        return cls(**{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(cls)})

    def take(self, which: Ints | npt.NDArray[np.bool_]) -> Rows:
        return Rows(**{f.name: getattr(self, f.name)[which] for f in fields(self)})

    def __len__(self) -> int:
        return len(self.lead)


def to_arrow(rows: Rows, serial: Ints, numbers: Ints, names: Names) -> pa.Table:
    """The interchange table ``events``; ``serial``: the number of each row within its lead."""
    need_by = rows.need_by.astype("datetime64[D]")
    dates, which = np.unique(need_by, return_inverse=True)
    declared = np.where(rows.need_by == NOTHING, NOTHING, which)
    return pa.table(
        {
            "event_id": event_ids(numbers[rows.lead], serial),
            "lead_id": lead_ids(numbers[rows.lead]),
            "type": pick(TYPES, rows.type),
            "timestamp": pa.array(rows.at).cast(TIME),
            "recorded_at": pa.array(rows.recorded).cast(TIME),
            "channel": pick(CHANNELS, rows.channel),
            "campaign": pick(names.campaigns, rows.campaign),
            "content": pick(names.contents, rows.content),
            "bot": pa.array(rows.bot.astype(np.bool_)),
            "disposition": pick(DISPOSITIONS, rows.disposition),
            "minutes": pa.array(rows.minutes, from_pandas=True),
            "owner": pick(OWNER_NAMES, rows.owner),
            "need_by": pick(tuple(str(d) for d in dates), declared),
            "value": pa.array(rows.value, from_pandas=True),
        }
    )


def pick(names: tuple[str, ...], codes: Ints) -> pa.Array:
    """The names of codes, null for -1."""
    return pa.array(names, type=pa.string()).take(pa.array(codes, mask=codes == NOTHING))


def _digits(numbers: Ints, width: int) -> npt.NDArray[np.uint8]:
    return cast(
        "npt.NDArray[np.uint8]",
        (numbers[:, None] // 10 ** np.arange(width - 1, -1, -1) % 10 + ord("0")).astype(np.uint8),
    )


def _fixed(matrix: npt.NDArray[np.uint8]) -> pa.Array:
    n, width = matrix.shape
    offsets = np.arange(0, (n + 1) * width, width, dtype=np.int32)
    return pa.StringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(matrix)))


def lead_ids(numbers: Ints) -> pa.Array:
    """``L00000000`` on."""
    matrix = np.empty((len(numbers), 9), dtype=np.uint8)
    matrix[:, 0], matrix[:, 1:] = ord("L"), _digits(numbers, 8)
    return _fixed(matrix)


def event_ids(numbers: Ints, serial: Ints) -> pa.Array:
    """``E00000000-0000`` on: lead, and row within it."""
    matrix = np.empty((len(numbers), 14), dtype=np.uint8)
    matrix[:, 0], matrix[:, 1:9], matrix[:, 9], matrix[:, 10:] = (
        ord("E"),
        _digits(numbers, 8),
        ord("-"),
        _digits(serial, 4),
    )
    return _fixed(matrix)


class Chances:
    """Random numbers of rows: by lead, by the row's serial within its lead, and by use."""

    def __init__(self, seed: int, numbers: Ints) -> None:
        self.seed, self.numbers = seed, numbers

    def __call__(self, lead: Ints, serial: Ints, use: int) -> Float:
        return uniforms(self.seed, self.numbers[lead] * 65_536 + serial, 5000 + use)


def serials(lead: Ints) -> Ints:
    """The number of each row within its lead, from 0; rows are ordered by lead."""
    first = np.searchsorted(lead, np.arange(lead[-1] + 1)) if len(lead) else np.zeros(0, dtype=np.int64)
    return np.arange(len(lead)) - first[lead]


def moment(span: Span, day: Ints, share: Float | float) -> Ints:
    """Microseconds since 1970 of a share of a day of the span, to the second."""
    return span.start_micros + day * DAY + (np.asarray(share) * 86_400).astype(np.int64) * 1_000_000
