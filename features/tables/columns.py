"""The columns of each table: which are required, what they hold, and which become properties."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from features.errors import InputError
from features.tables.rows import check_type
from features.tables.sources import Source
from features.tables.values import column_kind, flat


@dataclass(frozen=True)
class Layout:
    """What is known about the columns of a table: each is a name, a time, a number or a flag.

    ``own``: columns that have a place of their own in an event; all others become properties.
    """

    required: tuple[str, ...]
    holds: Mapping[str, str]
    own: frozenset[str]


LAYOUTS = {
    "leads": Layout(
        required=("lead_id", "created_at"),
        holds={"lead_id": "name", "account_id": "name", "source": "name", "owner": "name", "value": "number",
               "created_at": "time", "need_by": "time", "recorded_at": "time"},
        own=frozenset({"lead_id", "created_at", "need_by", "recorded_at"}),
    ),
    "events": Layout(
        required=("lead_id", "type", "timestamp"),
        holds={"event_id": "name", "lead_id": "name", "type": "name", "channel": "name", "campaign": "name",
               "timestamp": "time", "recorded_at": "time", "need_by": "time", "minutes": "number", "bot": "flag"},
        own=frozenset({"event_id", "lead_id", "type", "channel", "campaign", "timestamp", "recorded_at", "bot"}),
    ),
    "outcomes": Layout(
        required=("lead_id", "outcome", "at"),
        holds={"lead_id": "name", "outcome": "name", "owner": "name", "at": "time", "recorded_at": "time",
               "value": "number", "satisfaction": "number"},
        own=frozenset({"lead_id", "outcome", "at", "recorded_at"}),
    ),
    "spend": Layout(
        required=("channel", "date", "amount"),
        holds={"channel": "name", "campaign": "name", "date": "time", "recorded_at": "time", "amount": "number"},
        own=frozenset({"channel", "campaign", "date", "recorded_at", "amount"}),
    ),
    "requests": Layout(
        required=("lead_id", "as_of"), holds={"lead_id": "name", "as_of": "time"}, own=frozenset({"lead_id", "as_of"})
    ),
}  # fmt: skip

# Properties that are identifiers: text, whatever they look like.
_IDENTIFIERS = frozenset(
    {"account_id", "source", "owner", "reason", "disposition", "need_by", "content", "path", "url"}
)


def check_columns(table: str, source: Source) -> None:
    """InputError when a required column is missing or a column cannot hold what it should."""
    layout = LAYOUTS[table]
    missing = [name for name in layout.required if name not in source.columns]
    if missing:
        found = ", ".join(source.columns)
        raise InputError(
            where=source.name,
            expected=f"the columns {', '.join(layout.required)}",
            got=f"no {' and no '.join(missing)} among {found}",
            remedy="Columns are separated by commas and named in the first line",
        )
    for column, kind in source.columns.items():
        check_type(column, kind, layout.holds.get(column, "any"), source.name)


def extra_columns(table: str, source: Source) -> list[str]:
    """The columns that become properties."""
    return [name for name in source.columns if name not in LAYOUTS[table].own]


class Kinds:
    """What the property columns of a table hold.

    In a CSV file a column is of numbers or booleans when every value in it, over all CSV files of the table, is one;
    else all of it is text. Whole numbers with leading zeros or more than 15 digits are identifiers, so text.
    In Parquet the type of the column tells.
    """

    def __init__(self, table: str) -> None:
        self._table = table
        self._found: dict[str, str] = {}

    def _open(self, source: Source) -> list[str]:
        """The columns whose values must be seen to know what they are."""
        known = LAYOUTS[self._table].holds
        names = extra_columns(self._table, source)
        return [] if source.typed else [name for name in names if name not in known and name not in _IDENTIFIERS]

    def needs(self, source: Source) -> bool:
        return bool(self._open(source))

    def learn(self, source: Source, advance: Callable[[int], object]) -> None:
        """Read the file to see what its columns hold."""
        names = self._open(source)
        for chunk in source.chunks(names, advance):
            for name in names:
                if self._found.get(name) == "text":
                    continue
                kind = column_kind(flat(chunk.table[name]))
                if kind is not None:
                    self._found[name] = kind if self._found.get(name, kind) == kind else "text"

    def of(self, source: Source) -> dict[str, str]:
        """``number``, ``boolean``, ``text`` or ``given`` (as the type says) for each property column of the file."""
        holds = LAYOUTS[self._table].holds
        kinds = {}
        for name in extra_columns(self._table, source):
            if name in _IDENTIFIERS:
                kinds[name] = "text"
            elif holds.get(name) == "number":
                kinds[name] = "number"
            else:
                kinds[name] = "given" if source.typed else self._found.get(name, "text")
        return kinds
