"""The declared deadline: every date that was declared, how it moved, and whether it contradicts the purchase curve."""

from __future__ import annotations

from contextlib import suppress
from datetime import date

import numpy as np

from features.errors import InputError
from features.events import NEED_DECLARED, parse_time, to_datetime, to_iso
from model.curves import Float
from serving.dossier.known import Answer, Known
from serving.registry import Served

DECLARED = 20  # the latest of them


def deadline(known: Known, served: Served | None, matrix: Float | None) -> Answer:
    """``matrix``: (1, p) the lead's features, None where it is not scored."""
    rows: list[Answer] = []
    before: date | None = None
    for event in known.events:
        if event.type != NEED_DECLARED:
            continue
        with suppress(InputError):  # a date that nobody can read was not declared
            day = to_datetime(parse_time(event.properties.get("need_by"))).date()
            rows.append(
                {
                    "declared_at": to_iso(event.at),
                    "recorded_at": to_iso(event.recorded_at),
                    "need_by": day.isoformat(),
                    "source": event.text("source") or event.channel,
                    "moved_days": None if before is None else (day - before).days,
                }
            )
            before = day
    return {
        "need_by": rows[-1]["need_by"] if rows else None,
        "declared": rows[-DECLARED:],
        "revisions": sum(bool(row["moved_days"]) for row in rows),
        "contradiction": _contradiction(known, served, matrix) if rows else None,
        "usual_slip": _slip(known, served) if rows else None,
    }


def _contradiction(known: Known, served: Served | None, matrix: Float | None) -> str | None:
    """A sentence where the deadline contradicts the purchase curve, as in the reasons of the score."""
    from model.decision import decide  # noqa: PLC0415 - compiled: a start should not wait for it
    from model.scorer import deal_values  # noqa: PLC0415 - as above

    if served is None or matrix is None:
        return None
    scorer, at = served.scorer, np.full(1, known.as_of, dtype=np.int64)
    curves = scorer.curves(matrix, at)
    readiness = scorer.readiness.of(curves.at([scorer.ready_horizon])[0][:, 0])
    first, _, last = scorer.windows.days(curves, readiness)
    decision = decide(curves, scorer.costs, deal_values(scorer.catalogue, matrix))
    return scorer.against_deadlines(matrix, at, (first, last), decision.call)[0] or None


def _slip(known: Known, served: Served | None) -> Answer | None:
    """How deadlines of leads of the same source have slipped so far, of all leads where too few of them are known."""
    if served is None:
        return None
    source, known_slips = known.trait(known.lead_id, "source"), served.scorer.slips
    found = known_slips.get(source or "")
    if found is None:
        source, found = None, known_slips.get("")
    if found is None:
        return None
    return {"source": source or None, "leads": found.leads, "moved": found.moved, "days": found.days}
