"""The paths of touches that lead to a moment: to a purchase, to a loss, to a ripe handoff."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from features.history import Int64
from model.measurement.journeys import NEVER, Journeys, first_by_lead, merge_visits

By = Literal["channel", "campaign"]
Key = tuple[str | None, str | None]  # channel and campaign; (None, None): no marketing touch


@dataclass(frozen=True, eq=False)
class Paths:
    """The marketing touches of m paths, in order of time; those of path i are ``start[i]:start[i + 1]``, maybe none.

    ``key``: index into ``keys``, which are those of all leads. ``until``: where the path ends; ``created``, ``handed``:
    when the lead became known and was first handed over, NEVER for never. Times in microseconds since 1970 UTC.
    """

    keys: tuple[Key, ...]
    start: Int64
    path: Int64
    at: Int64
    key: Int64
    until: Int64
    created: Int64
    handed: Int64

    def __len__(self) -> int:
        return len(self.until)


def paths(data: Journeys, leads: npt.NDArray[np.intp], until: Int64, by: By, visit_minutes: float) -> Paths:
    """``leads``: (m,) rising, each once; ``until``: (m,) touches later than that are not on the path."""
    touches = data.touches
    width = len(data.campaigns) + 1
    campaign = touches.campaign.astype(np.int64) + 1 if by == "campaign" else 0
    found, code = np.unique(touches.channel.astype(np.int64) * width + campaign, return_inverse=True)
    place = np.full(len(data.lead_ids), -1, dtype=np.int64)
    place[leads] = np.arange(len(leads))
    of_path = place[touches.lead]
    rows = np.flatnonzero(of_path >= 0)
    rows = rows[touches.at[rows] <= until[of_path[rows]]]
    rows = rows[merge_visits(of_path[rows], touches.at[rows], code[rows].astype(np.int64), visit_minutes)]
    names = [divmod(one, width) for one in found.tolist()]
    told = ~data.handoffs.held_out
    handed = first_by_lead(len(data.lead_ids), data.handoffs.lead[told], data.handoffs.at[told])
    return Paths(
        keys=tuple((data.channels[c], data.campaigns[k - 1] if k else None) for c, k in names),
        start=np.searchsorted(of_path[rows], np.arange(len(leads) + 1)).astype(np.int64),
        path=of_path[rows],
        at=touches.at[rows],
        key=code[rows].astype(np.int64),
        until=until,
        created=data.created_at[leads],
        handed=handed[leads] if len(leads) else np.full(0, NEVER, dtype=np.int64),
    )
