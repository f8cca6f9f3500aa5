"""Declared deadlines that contradict the curve, and how deadlines of the same source have moved so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from features.catalogue import Catalogue
from features.events import DAY
from model.curves import Float

Int64 = npt.NDArray[np.int64]
_DEADLINE, _SLIP, _SOURCE = "deadline_days", "deadline_slip_days", "trait_source"
_FEW = 10  # leads with a deadline, below which a source says nothing
ALL = ""


@dataclass(frozen=True)
class Slip:
    """Of ``leads`` with a declared deadline ``moved`` have put it off, by ``days`` in the median."""

    leads: int
    moved: int
    days: float


def slips(catalogue: Catalogue, matrix: Float, group: npt.ArrayLike, as_of: Int64) -> dict[str, Slip]:
    """By source, and under "" of all: the newest row of each lead counts. Sources of few leads are left out.

    ``matrix``: (n, p) as ``build_matrix`` encodes; ``group``: (n,) the lead of each row.
    """
    if not {_DEADLINE, _SLIP} <= set(catalogue.names):
        return {}
    order = np.lexsort((-as_of, np.asarray(group)))
    newest = order[np.unique(np.asarray(group)[order], return_index=True)[1]]
    rows = newest[np.isfinite(matrix[newest, catalogue.names.index(_DEADLINE)])]
    moved = matrix[rows, catalogue.names.index(_SLIP)]
    sources = np.array(_sources(catalogue, matrix[rows]), dtype=object)
    found = {}
    for source in [ALL, *sorted(set(sources.tolist()) - {ALL})]:
        mine = moved if source == ALL else moved[sources == source]
        if len(mine) >= _FEW:
            later = mine[mine > 0]
            found[source] = Slip(len(mine), len(later), float(np.median(later)) if len(later) else 0.0)
    return found


def contradictions(
    catalogue: Catalogue,
    matrix: Float,
    as_of: Int64,
    window: tuple[Float, Float],
    known: Mapping[str, Slip],
    *,
    call: npt.NDArray[np.bool_],
    longest: int,
) -> list[str]:
    """(n,) a sentence where a deadline still ahead contradicts the curve, else an empty text.

    ``window``: first and last day, (n,) each, in days after the as-of time. ``call``: (n,) whether a call is worth it:
    where none is, no window is told, and any deadline within ``longest`` days, the longest horizon, contradicts that.
    """
    said = [""] * len(matrix)
    if _DEADLINE not in catalogue.names:
        return said
    days = matrix[:, catalogue.names.index(_DEADLINE)]
    sources = _sources(catalogue, matrix)
    with np.errstate(invalid="ignore"):
        outside = (days >= 0) & ((days < window[0] - 1) | (days > window[1] + 1))
        in_vain = (days >= 0) & (days <= longest)
    for i in np.flatnonzero(np.where(call, outside, in_vain)).tolist():
        when = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=float(as_of[i] / DAY + days[i]))).date()
        side = "before" if days[i] < window[0][i] else "after"
        but = f" lies {side} the purchase window" if call[i] else f", but no purchase is expected within {longest} days"
        said[i] = f"Declared deadline {when.isoformat()}{but}{_so_far(sources[i], known)}"
    return said


def _so_far(source: str, known: Mapping[str, Slip]) -> str:
    slip, whose = known.get(source), f"leads of {source}"
    if slip is None or source == ALL:
        slip, whose = known.get(ALL), "leads"
    if slip is None:
        return ""
    if not slip.moved:
        return f"; none of {slip.leads} {whose} with a deadline has put it off"
    return f"; of {slip.leads} {whose} with a deadline {slip.moved} put it off, by {slip.days:.0f} days in the median"


def _sources(catalogue: Catalogue, matrix: Float) -> list[str]:
    """(n,) the source of each lead; empty where it is not known or not a level of its own."""
    for j, spec in enumerate(catalogue.features):
        if spec.name == _SOURCE and spec.levels is not None:
            names = [*spec.levels, ALL]
            return [ALL if np.isnan(code) else names[int(code)] for code in matrix[:, j]]
    return [ALL] * len(matrix)
