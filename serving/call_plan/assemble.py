"""The call plan: each lead's day, by what waiting costs, under each salesperson's capacity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any

import numpy as np

from features.events import to_iso
from features.history import History, Int64
from model.curves import Float
from serving import answers
from serving.call_list import Listing
from serving.call_plan.calls import calls_today
from serving.call_plan.diaries import Diary, diaries
from serving.call_plan.reactions import best_times
from serving.call_plan.standing import NEVER, Standing, standings
from serving.registry import Served
from serving.scoring import standing_of_each
from serving.service import Service

Answer = dict[str, Any]
# Leads that may be called, the most urgent first: who comes later has no cost of waiting for a week, or a small one.
LOOKED_AT = 500
MOST = 4_000  # leads that are read to find them
UNPLANNED = -1  # as model.decision.plan says it


@dataclass(frozen=True, eq=False)
class Outlook:
    """For each of n leads the expected cost of waiting for each of k working days, and for none of them."""

    lead_ids: list[str]
    cost: Float
    otherwise: Float


def call_plan(service: Service, owner: str | None, n_days: int, now: int) -> Answer:
    """What the API answers. ModelUnavailable without a model."""
    sales, served = service.settings.sales, service.models.current()
    listed, where = _looked_at(service, owner, now)
    history = service.store.history(list(where), known_by=now)
    ends = zip(history.lead_ids, standing_of_each(history, now), strict=True)
    still_open = {lead_id for lead_id, one in ends if one.status == answers.OPEN and lead_id in where}
    leads = {lead["lead_id"]: lead for lead in listed.leads if lead["lead_id"] in still_open}
    waiting = [lead_id for lead_id in leads if where[lead_id].from_on != NEVER]
    days, diary = diaries(sales, {lead["owner"] for lead in leads.values()} or {owner}, n_days, now)
    mine = {lead_id: diary[lead["owner"]] for lead_id, lead in leads.items()}
    ahead = [[(day - mine[lead_id].today).days for day in days] for lead_id in waiting]
    outlook = _outlook(served, history, waiting, ahead, now)
    for i, lead_id in enumerate(waiting):
        not_then = [day not in mine[lead_id].days or day < where[lead_id].from_on for day in days]
        outlook.cost[i, not_then] = outlook.otherwise[i]
    made = calls_today(service.store, sales, now)
    rooms = {name: _room(one, days, made[name]) for name, one in diary.items()}
    planned = _planned(outlook, [leads[lead_id]["owner"] for lead_id in waiting], rooms)
    works = {lead_id: one.work for lead_id, one in mine.items()}
    reach = best_times(history, works, service.settings.events.mail_sent)
    rows = []
    for lead_id, lead in leads.items():
        place, delay = planned.get(lead_id, (UNPLANNED, 0.0))
        rows.append(
            {
                **{name: lead[name] for name in ("lead_id", "owner", "value", "readiness", "call_on", "reasons")},
                "handoff_on": lead.get("handoff_on"),  # scores that an older program kept have none
                "planned_on": None if place == UNPLANNED else days[place].isoformat(),
                "state": where[lead_id].state,
                "due": None if (due := where[lead_id].due) is None else due.isoformat(),
                "cost_of_delay": delay,
                "called_today": where[lead_id].called_today,
                "best_weekday": reach[lead_id].weekday,
                "best_hour": reach[lead_id].hour,
                "timezone": works[lead_id].timezone,
                "reactions": reach[lead_id].reactions,
            }
        )
    rows.sort(key=lambda row: (row["planned_on"] or "9999", -row["cost_of_delay"], row["lead_id"]))
    return {
        "as_of": to_iso(now),
        "model_version": served.version,
        "days": [day.isoformat() for day in days],
        "capacities": {
            name: diary[name].work.capacity_per_day for name in sorted({row["owner"] for row in rows if row["owner"]})
        },
        "total": listed.total,
        "leads": rows,
    }


def _looked_at(service: Service, owner: str | None, now: int) -> tuple[Listing, dict[str, Standing]]:
    """The most urgent leads, down to the last of LOOKED_AT that may be called, and where each of them stands.

    Leads that sales is working on are urgent too: were they to count, there would be few left to plan.
    """
    limit = LOOKED_AT
    while True:
        listed = service.call_list.read(owner, limit)
        found = standings(service, listed.leads, now)
        to_call = [i for i, one in enumerate(found.values()) if one.from_on != NEVER]
        if len(to_call) >= LOOKED_AT:
            return listed, dict(islice(found.items(), to_call[LOOKED_AT - 1] + 1))
        if listed.total <= limit or limit >= MOST:
            return listed, found
        limit *= 2


def _room(diary: Diary, days: Sequence[date], made: int) -> Int64:
    """(k,) how many calls each of the days still allows; ``made``: today's so far."""
    capacity = diary.work.capacity_per_day
    left = [max(capacity - made, 0) if day == diary.today else capacity for day in days]
    return np.where([day in diary.days for day in days], left, 0).astype(np.int64)


def _planned(
    outlook: Outlook, owners: Sequence[str | None], rooms: Mapping[str | None, Int64]
) -> dict[str, tuple[int, float]]:
    """By lead the place of its day, UNPLANNED without one, and its cost of delay. Each salesperson plans alone."""
    from model.decision import cost_of_delay, plan  # noqa: PLC0415 - scipy: a start should not wait for it

    place = np.full(len(owners), UNPLANNED, dtype=np.int64)
    for name in set(owners):
        mine = np.array([owner == name for owner in owners])
        place[mine] = plan(outlook.cost[mine], outlook.otherwise[mine], rooms[name])
    delay = cost_of_delay(outlook.cost, outlook.otherwise, place)
    return dict(zip(outlook.lead_ids, zip(place.tolist(), delay.tolist(), strict=True), strict=True))


def _outlook(
    served: Served, history: History, lead_ids: list[str], ahead: Sequence[Sequence[int]], now: int
) -> Outlook:
    """``ahead``: for each lead how many days each of the days lies ahead of its salesperson's today."""
    from features.builder import Requests, build_matrix  # noqa: PLC0415 - compiled: a start should not wait for it
    from model.decision import waiting_cost, weighed_days  # noqa: PLC0415
    from model.scorer import deal_values  # noqa: PLC0415

    scorer, times = served.scorer, np.full(len(lead_ids), now, dtype=np.int64)
    if not lead_ids:
        return Outlook([], np.empty((0, 0)), np.empty(0))
    matrix = build_matrix(history, Requests(lead_ids, times), scorer.catalogue)
    curves, missed_days = scorer.curves(matrix, times), weighed_days(scorer.costs, float(scorer.horizons[-1]))
    cost, never = waiting_cost(curves, scorer.costs, deal_values(scorer.catalogue, matrix), missed_days=missed_days)
    last = cost.shape[1] - 1
    within = np.clip(np.array(ahead, dtype=np.int64), 0, last)
    after = np.minimum(within.max(axis=1, initial=-1) + 1, last)
    best_from = np.minimum.accumulate(cost[:, ::-1], axis=1)[:, ::-1]
    rows = np.arange(len(lead_ids))
    return Outlook(lead_ids, cost[rows[:, None], within], np.minimum(best_from[rows, after], never))
