"""What sales said of handoffs, read from the log."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from features.errors import InputError
from features.events import HANDOFF_ANSWERS, HANDOFF_REJECTED, parse_time
from features.history import History, Int64
from features.property_values import text_of
from features.texts import read_properties

UNTOLD = np.iinfo(np.int64).min


@dataclass(frozen=True, eq=False)
class Answers:
    """Accepted and rejected handoffs, ordered by lead and time.

    ``handed_at``: when the handoff was made that it is about, UNTOLD where it does not say. ``reason``: of a rejection.
    """

    lead: Int64
    at: Int64
    handed_at: Int64
    rejected: npt.NDArray[np.bool_]
    reason: tuple[str | None, ...]


def read_answers(history: History) -> Answers:
    is_answer = np.array([name in HANDOFF_ANSWERS for name in history.types], dtype=bool)
    rows = np.flatnonzero(is_answer[history.type_code]) if len(history.types) else np.empty(0, dtype=np.intp)
    said = list(read_properties(history, rows))
    rejected = np.array([history.types[code] == HANDOFF_REJECTED for code in history.type_code[rows]], dtype=bool)
    return Answers(
        lead=history.lead_code[rows],
        at=history.occurred_at[rows],
        handed_at=np.array([_time(one.get("handed_over_at")) for one in said], dtype=np.int64),
        rejected=rejected,
        reason=tuple(
            text_of(one.get("reason")) if sent_back else None
            for one, sent_back in zip(said, rejected.tolist(), strict=True)
        ),
    )


def _time(value: object) -> int:
    try:
        return parse_time(value)
    except InputError:
        return int(UNTOLD)
