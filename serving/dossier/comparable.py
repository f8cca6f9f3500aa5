"""Won deals that went the same way as the lead, up to the age that it has now."""

from __future__ import annotations

import numpy as np

from features.events import DAY, to_iso
from model.curves import Float
from serving.dossier.known import Answer, Known
from serving.dossier.won_deals import AGES, Deal, Prepared, WonDeals
from serving.registry import Served

SHOWN = 5
NEAR = 0.95  # a deal is shown if it is nearer to the lead than so many pairs of deals are to each other
FEWEST = 20  # deals at an age, below which nobody knows how near is usual


def comparable(known: Known, served: Served | None, matrix: Float | None, prepared: Prepared) -> Answer:
    """``matrix``: (1, p) the lead's features, None where it is not scored."""
    if served is None or matrix is None:
        return _none("only a lead that can be scored is compared")
    if served.scorer.signal is not None and served.scorer.signal.baseline:
        return _none("the model has found no signal by which to compare")
    won = prepared.of(served, known.as_of)
    return _nearest(known, served, matrix, won) if won.deals else _none("there is no won deal to compare with")


def _nearest(known: Known, served: Served, matrix: Float, won: WonDeals) -> Answer:
    from model.likeness import leaves, likeness, nearer_than  # noqa: PLC0415 - lightgbm: a start should not wait for it

    age = _age(known)
    place = int(np.abs(np.log1p(AGES) - np.log1p(age / DAY)).argmin())
    level = won.at_age[place]
    deals = [won.deals[i] for i in level.deal]
    rows = np.array([deal.lead_id != known.lead_id and deal.won_at > deal.entered_at + age for deal in deals], bool)
    still_open = np.flatnonzero(rows)
    if len(still_open) < FEWEST:
        said = f"{len(still_open)} of {len(won.deals)} won deals were still open at this age; it takes {FEWEST}"
        return _none(said, len(still_open))
    at = np.full(1, known.as_of, dtype=np.int64)
    mine = leaves(served.scorer.hazard, matrix, at, served.scorer.ready_horizon)
    if mine is None:
        return _none("the model has no trees to compare by")
    alike = likeness(mine[0], level.leaves[still_open])
    near = nearer_than(level.usual, alike)
    nearest = [i for i in np.argsort(-alike, kind="stable").tolist() if near[i] >= NEAR][:SHOWN]
    found = [
        _row(deals[still_open[i]], age, float(alike[i]), float(near[i])) | {"compared_at_days": int(AGES[place])}
        for i in nearest
    ]
    why = None if found else "none is nearer to this lead than won deals usually are to each other"
    return {"compared_with": len(still_open), "reason": why, "deals": found}


def _age(known: Known) -> int:
    """Microseconds since the lead was first known of."""
    i = known.history.lead_index[known.lead_id]
    rows = slice(known.history.start[i], known.history.start[i + 1])
    return known.as_of - int(known.history.known_at[rows].min())


def _row(deal: Deal, age: int, alike: float, near: float) -> Answer:
    first = deal.first_touch
    return {
        "lead_id": deal.lead_id,
        "value": deal.value,
        "won_at": to_iso(deal.won_at),
        "days_first_touch_to_purchase": None if first is None else round((deal.won_at - first) / DAY, 1),
        "days_from_here": round((deal.won_at - deal.entered_at - age) / DAY, 1),
        "channel": deal.channel,
        "read_last": deal.read_last,
        "likeness": round(alike, 3),
        "nearer_than": round(near, 2),
    }


def _none(why: str, compared: int = 0) -> Answer:
    return {"compared_with": compared, "reason": why, "deals": []}
