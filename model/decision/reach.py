"""When a lead is best reached: the weekday and hour at which it has reacted, shrunk to what all leads do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from model.curves import Float

STRENGTH = 20.0  # reactions of a lead of its own that weigh as much as all leads' habit


@dataclass(frozen=True)
class Reach:
    """``weekday``: 0 (Monday) to 6; ``hour``: 0 to 23, the hour that begins then; ``reactions``: of the lead itself."""

    weekday: int
    hour: int
    reactions: int


def counts(weekday: npt.ArrayLike, hour: npt.ArrayLike) -> tuple[Float, Float]:
    """(7,) and (24,): how many reactions fell on each weekday and hour."""
    days = np.bincount(np.asarray(weekday, dtype=np.int64), minlength=7)
    hours = np.bincount(np.asarray(hour, dtype=np.int64), minlength=24)
    return days.astype(np.float64), hours.astype(np.float64)


def best_time(
    own: tuple[Float, Float], everyone: tuple[Float, Float], *, week: Sequence[int], hours: tuple[int, int]
) -> Reach:
    """The likeliest weekday and hour within the working ``week`` and ``hours`` [from, to).

    ``own``, ``everyone``: ``counts`` of the lead and of all. Posterior means of a Dirichlet prior that is worth
    ``STRENGTH`` reactions: (own + strength x share of all) / (n + strength).
    """
    weekday = max(week, key=lambda day: (shrunk(own[0], everyone[0])[day], -day))
    hour = max(range(*hours), key=lambda h: (shrunk(own[1], everyone[1])[h], -h))
    return Reach(int(weekday), int(hour), int(own[1].sum()))


def shrunk(own: Float, everyone: Float, strength: float = STRENGTH) -> Float:
    """(k,) the share of each class, in sum 1; even where nobody has reacted yet."""
    prior = (everyone + 1.0) / (everyone.sum() + len(everyone))
    return np.asarray((own + strength * prior) / (own.sum() + strength))
