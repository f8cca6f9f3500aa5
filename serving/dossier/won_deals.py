"""Won deals, laid out for comparing: how each stood at several ages, as the model saw it then.

Made once for each model and day: of what was known when the day (UTC) began, so that no answer about a moment of that
day rests on anything later.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa

from features.events import DAY, PURCHASED
from features.history import History
from features.lives import BOUGHT, lead_lives
from features.property_values import number_of
from features.settings import Settings
from features.store import Store
from features.store.schema import OUTCOME, events
from model.curves import Float
from serving.dossier.interest import latest_contents
from serving.dossier.known import Known
from serving.registry import Served

if TYPE_CHECKING:
    from model.likeness import Leaves

DEALS = 500  # the newest ones that are compared with
READ = 3
# Days after a lead was first known at which deals are looked at; a lead is compared at the nearest of them.
AGES = np.array([0, 1, 2, 3, 5, 7, 10, 14, 19, 25, 32, 40, 50, 62, 76, 93, 113, 137, 165, 200, 240, 290, 365, 500, 730])
_KEPT = 8  # days or models, of 2 MB each


@dataclass(frozen=True, slots=True)
class Deal:
    """A purchase as known. Times in microseconds since 1970 UTC; ``first_touch``: None where there was none."""

    lead_id: str
    value: float | None
    entered_at: int
    won_at: int
    first_touch: int | None
    channel: str | None
    read_last: list[str]


@dataclass(frozen=True, eq=False)
class AtAge:
    """The deals that were still open at one age. ``usual``: percentiles of how alike two of them are."""

    deal: npt.NDArray[np.int64]
    leaves: Leaves
    usual: Float


@dataclass(frozen=True, eq=False)
class WonDeals:
    """``at_age``: one for each of AGES."""

    deals: list[Deal]
    at_age: list[AtAge]


_NONE = WonDeals([], [])


class Prepared:
    """Keeps what was laid out for a few models and days. Safe to share between threads."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings
        self._kept: OrderedDict[tuple[object, ...], WonDeals] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, served: Served, as_of: int) -> WonDeals:
        """What could be known at the beginning of the day of ``as_of``."""
        known_by = as_of // DAY * DAY
        with self._lock:  # one lays them out, the others wait for that
            # An erasure, or a past that was loaded later, makes what was laid out before wrong.
            _, erasures = self._store.pulse()
            key = (served.registered, served.version, known_by, erasures, self._newest(known_by))
            if key not in self._kept:
                self._kept[key] = self._lay_out(served, known_by)
                if len(self._kept) > _KEPT:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
            return self._kept[key]

    def _newest(self, known_by: int) -> int:
        query = sa.select(sa.func.max(events.c.position)).where(sa.text(OUTCOME), *_known(known_by))
        with self._store.reading() as connection:
            return connection.execute(query).scalar() or 0

    def _bought(self, known_by: int) -> list[str]:
        """The leads that bought last, the latest first."""
        query = (
            sa.select(events.c.lead_id)
            .where(sa.text(OUTCOME), events.c.type == PURCHASED, *_known(known_by))
            .order_by(events.c.occurred_at.desc(), events.c.position.desc())
            .limit(DEALS)
        )
        with self._store.reading() as connection:
            return list(dict.fromkeys(connection.execute(query).scalars()))

    def _lay_out(self, served: Served, known_by: int) -> WonDeals:
        bought = self._bought(known_by)
        if not bought:
            return _NONE
        wanted = set(self._store.canonical(bought, known_by=known_by).values())
        table = self._store.events(bought, known_by=known_by, colleagues=True)
        known = Known("", known_by, History.from_table(table), table, self._settings)
        lives = lead_lives(known.history, known_by)
        won = [
            i for i, lead_id in enumerate(known.history.lead_ids)
            if lead_id in wanted and lives.outcome[i] == BOUGHT
        ]  # fmt: skip
        deals = _deals(known, [known.history.lead_ids[i] for i in won], lives.entered_at[won], lives.ended_at[won])
        return _at_ages(known.history, served, deals)


def _known(known_by: int) -> list[sa.ColumnElement[bool]]:
    return [events.c.occurred_at <= known_by, events.c.recorded_at <= known_by, sa.not_(events.c.bot)]


def _deals(
    known: Known, lead_ids: list[str], entered: npt.NDArray[np.int64], ended: npt.NDArray[np.int64]
) -> list[Deal]:
    seen = known.by_lead(lead_ids)
    found = []
    for lead_id, entered_at, won_at in zip(lead_ids, entered.tolist(), ended.tolist(), strict=True):
        touches = [event for event in seen[lead_id] if event.engages(known.roles) and event.at <= won_at]
        said = [event.number("value") for event in seen[lead_id] if event.type == PURCHASED]
        values = [
            value for value in (number_of(known.traits.get(lead_id, {}).get("value")), *said) if value is not None
        ]
        found.append(
            Deal(
                lead_id=lead_id,
                value=values[-1] if values else None,
                entered_at=entered_at,
                won_at=won_at,
                first_touch=touches[0].at if touches else None,
                channel=next((event.channel for event in touches if event.channel), None),
                read_last=latest_contents(touches, known.roles, READ),
            )
        )
    return found


def _at_ages(history: History, served: Served, deals: list[Deal]) -> WonDeals:
    from features.builder import Requests, build_matrix  # noqa: PLC0415 - compiled: a start should not wait for it
    from model.likeness import leaves, usual_likeness  # noqa: PLC0415 - as above

    scorer = served.scorer
    entered = np.array([deal.entered_at for deal in deals], dtype=np.int64)
    won = np.array([deal.won_at for deal in deals], dtype=np.int64)
    age, deal = np.nonzero(entered + AGES[:, None] * DAY < won)
    at = entered[deal] + AGES[age] * DAY
    matrix = build_matrix(history, Requests([deals[i].lead_id for i in deal], at), scorer.catalogue, threads=1)
    found = leaves(scorer.hazard, matrix, at, scorer.ready_horizon)
    if found is None:
        return _NONE
    levels = [AtAge(deal[age == k], found[age == k], usual_likeness(found[age == k])) for k in range(len(AGES))]
    return WonDeals(deals, levels)
