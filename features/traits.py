"""The traits of leads as known at a time."""

from __future__ import annotations

from typing import Any

import numpy as np

from features.events import IDENTIFY
from features.history import History
from features.texts import read_properties


def known_traits(history: History, as_of: int) -> dict[str, dict[str, Any]]:
    """By lead, for those that have any: the latest value of each trait that was visible at ``as_of`` (microseconds).

    As for the features, a later null or empty text says nothing: what was said before stays. Names that begin with _
    are notes of intake about the message, no traits.
    """
    traits: dict[str, dict[str, Any]] = {}
    if IDENTIFY not in history.types:
        return traits
    code = history.types.index(IDENTIFY)
    rows = np.flatnonzero((history.type_code == code) & (history.known_at <= as_of))
    for lead, properties in zip(history.lead_code[rows].tolist(), read_properties(history, rows), strict=True):
        said = {name: value for name, value in properties.items() if _says(name, value)}
        traits.setdefault(history.lead_ids[lead], {}).update(said)
    return traits


def _says(name: str, value: Any) -> bool:
    return value is not None and not name.startswith("_") and bool(str(value).strip())
