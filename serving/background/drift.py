"""Drift: how far readiness is distributed otherwise now than when the model in service took over."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import orjson
import sqlalchemy as sa

from features.store.work import scores

if TYPE_CHECKING:
    from serving.background.score_table import ScoreSet

BINS = 10
_LEAST = 1e-4  # share of a bin: an empty one would make the index infinite


def reference(values: Sequence[float]) -> str | None:
    """JSON with the deciles of these values and the share of each bin between them; None without values."""
    if not values:
        return None
    edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1], method="higher"))
    counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)
    return orjson.dumps({"edges": edges.tolist(), "shares": (counts / counts.sum()).tolist()}).decode()


def since_taken_over(connection: sa.Connection, taken: ScoreSet) -> float:
    """The population stability index: sum of (p - q) ln(p / q) over the bins, from 0 up; NaN where nothing is known.

    Siddiqi, Credit Risk Scorecards (2006): below 0.1 little has changed, above 0.25 much has.
    """
    if taken.reference is None:
        return math.nan
    known = orjson.loads(taken.reference)
    # Counted in the database, bin by bin: readiness lies there negated, and a bin ends with its edge.
    up_to = [sa.func.sum(sa.case((scores.c.minus_readiness >= -edge, 1), else_=0)) for edge in known["edges"]]
    row = connection.execute(sa.select(sa.func.count(), *up_to).where(scores.c.registered == taken.registered)).one()
    if not row[0]:
        return math.nan
    return index(known["shares"], np.diff([0, *row[1:], row[0]]) / row[0])


def index(expected: Sequence[float], actual: Sequence[float]) -> float:
    """The population stability index of two lists of shares."""
    p, q = (np.maximum(np.asarray(shares, dtype=float), _LEAST) for shares in (actual, expected))
    return float(((p - q) * np.log(p / q)).sum())
