"""What sales told back: why leads ended, how satisfied they are, how calls went, which handoffs were given back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from features.events import HANDOFF_REJECTED, LOST, PURCHASED, SALES_CALL
from features.history import History, Int64
from features.lives import BOUGHT, GONE
from features.property_values import number_of, text_of
from features.texts import read_properties

Float = npt.NDArray[np.float64]

MOST_SATISFIED = 10.0


@dataclass(frozen=True, eq=False)
class Told:
    """For each of n leads, and for each call and rejection in order of lead and time.

    ``reason``, ``satisfaction``: of the ending that counts, each as told last; None and NaN where not told.
    ``disposition``: of each of the calls, in small letters. ``rejected_*``: leads that sales gave back, when, why.
    """

    reason: tuple[str | None, ...]
    satisfaction: Float
    disposition: tuple[str | None, ...]
    rejected_lead: Int64
    rejected_at: Int64
    rejected_reason: tuple[str | None, ...]

    @property
    def gave_back(self) -> Int64:
        """(n,): when each lead was given back last, the smallest integer for never."""
        found = np.full(len(self.reason), np.iinfo(np.int64).min, dtype=np.int64)
        np.maximum.at(found, self.rejected_lead, self.rejected_at)
        return found


def read_told(history: History, outcome: npt.NDArray[np.int8]) -> Told:
    """``outcome``: (n,) of the leads."""
    n = history.n_leads
    reason: list[str | None] = [None] * n
    satisfaction = np.full(n, np.nan)
    for name, ending in ((PURCHASED, BOUGHT), (LOST, GONE)):
        rows = np.flatnonzero(history.of_types(name))
        rows = rows[outcome[history.lead_code[rows]] == ending]
        for lead, said in zip(history.lead_code[rows].tolist(), read_properties(history, rows), strict=True):
            reason[lead] = text_of(said.get("reason")) or reason[lead]
            known = _satisfaction(said)
            if np.isfinite(known):
                satisfaction[lead] = known
    rejected = np.flatnonzero(history.of_types(HANDOFF_REJECTED))
    return Told(
        reason=tuple(reason),
        satisfaction=satisfaction,
        disposition=tuple(
            _disposition(said) for said in read_properties(history, np.flatnonzero(history.of_types(SALES_CALL)))
        ),
        rejected_lead=history.lead_code[rejected],
        rejected_at=history.occurred_at[rejected],
        rejected_reason=tuple(text_of(said.get("reason")) for said in read_properties(history, rejected)),
    )


def _satisfaction(said: Mapping[str, Any]) -> float:
    number = number_of(said.get("satisfaction"))
    return number if number is not None and 0 <= number <= MOST_SATISFIED else np.nan


def _disposition(said: Mapping[str, Any]) -> str | None:
    text = text_of(said.get("disposition"))
    return None if text is None else text.lower()
