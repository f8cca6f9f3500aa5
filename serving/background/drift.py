"""Drift: how far readiness is distributed otherwise now than when the model in service took over."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import orjson
import sqlalchemy as sa

from features.store.work import scores
from model.drift import bin_edges, bin_shares, stability_index

if TYPE_CHECKING:
    from serving.background.score_table import ScoreSet


def reference(values: Sequence[float]) -> str | None:
    """JSON with the deciles of these values and the share of each bin between them; None without values."""
    if not values:
        return None
    edges = bin_edges(values)
    return orjson.dumps({"edges": edges.tolist(), "shares": bin_shares(values, edges).tolist()}).decode()


def since_taken_over(connection: sa.Connection, taken: ScoreSet) -> float:
    """The population stability index (see model.drift), from 0 up; NaN where nothing is known."""
    if taken.reference is None:
        return math.nan
    known = orjson.loads(taken.reference)
    # Counted in the database, bin by bin: readiness lies there negated, and a bin ends with its edge.
    up_to = [sa.func.sum(sa.case((scores.c.minus_readiness >= -edge, 1), else_=0)) for edge in known["edges"]]
    row = connection.execute(sa.select(sa.func.count(), *up_to).where(scores.c.registered == taken.registered)).one()
    if not row[0]:
        return math.nan
    return stability_index(known["shares"], np.diff([0, *row[1:], row[0]]) / row[0])
