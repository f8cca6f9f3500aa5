"""What leads read: pages, mails and assets, as the events name them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.history import History, Int32, Int64
from features.property_values import first_given, text_of
from features.texts import parse

_ADDRESS = re.compile(r"/|[A-Za-z][A-Za-z0-9+.-]*://")


@dataclass(frozen=True, eq=False)
class Reads:
    """Who read what and when, ordered by lead and time; ``code``: index into ``names``."""

    lead: Int64
    at: Int64
    code: Int32
    names: tuple[str, ...]


def read_contents(history: History, rows: npt.NDArray[np.intp], properties: Sequence[str]) -> Reads:
    """Of these events those that tell a content: the first of the properties that is there."""
    used, place = np.unique(history.property_code[rows], return_inverse=True)
    names: dict[str, int] = {}
    code = np.full(len(used), -1, dtype=np.int32)
    for i, text in enumerate(history.property_texts.take(pa.array(used)).to_pylist()):
        name = content_of(first_given(parse(text), properties)) if text != "{}" else None
        if name is not None:
            code[i] = names.setdefault(name, len(names))
    found = code[place]
    told = found >= 0
    return Reads(history.lead_code[rows[told]], history.occurred_at[rows[told]], found[told], tuple(names))


def content_of(value: Any) -> str | None:
    """The text; of a path or an address without the query, the fragment and a slash at the end."""
    text = text_of(value)
    if text is None or not _ADDRESS.match(text):
        return text
    return re.split(r"[?#]", text, maxsplit=1)[0].rstrip("/") or "/"
