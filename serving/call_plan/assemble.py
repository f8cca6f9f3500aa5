"""The call plan: each lead's day, by what waiting costs, under each salesperson's capacity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from features.business_settings import SalesSettings
from features.events import to_iso
from features.history import History
from model.curves import Float
from serving import answers
from serving.call_list import Listing
from serving.call_plan.calls import calls_today, today_of
from serving.call_plan.closed_days import closed_days
from serving.call_plan.reactions import best_times
from serving.call_plan.standing import NEVER, Standing, standings
from serving.registry import Served
from serving.scoring import standing_of_each
from serving.service import Service

Answer = dict[str, Any]
# Leads that may be called, the most urgent first: who comes later has no cost of waiting for a week, or a small one.
LOOKED_AT = 500
MOST = 8_000  # leads that are read to find them
UNPLANNED = -1  # as model.decision.plan says it


@dataclass(frozen=True, eq=False)
class Outlook:
    """For each of n leads the expected cost of waiting for each of k working days, and for none of them."""

    lead_ids: list[str]
    cost: Float
    otherwise: Float


def call_plan(service: Service, owner: str | None, n_days: int, now: int) -> Answer:
    """What the API answers. ModelUnavailable without a model."""
    from model.decision.working_days import working_days  # noqa: PLC0415 - scipy: a start should not wait for it

    sales, served = service.settings.sales, service.models.current()
    today = today_of(sales, now)
    years = range(today.year, today.year + 2)
    days = working_days(today, n_days, closed=closed_days(sales, years), week=sales.week)
    listed, where = _looked_at(service, owner, now)
    history = service.store.history(list(where), known_by=now)
    ends = zip(history.lead_ids, standing_of_each(history, now), strict=True)
    still_open = {lead_id for lead_id, one in ends if one.status == answers.OPEN}
    leads = {lead["lead_id"]: lead for lead in listed.leads if lead["lead_id"] in still_open & where.keys()}
    waiting = [lead_id for lead_id in leads if where[lead_id].from_on != NEVER]
    outlook = _outlook(served, history, waiting, [(day - today).days for day in days], now)
    for i, lead_id in enumerate(waiting):
        too_soon = [day < where[lead_id].from_on for day in days]
        outlook.cost[i, too_soon] = outlook.otherwise[i]
    made = Counter(calls_today(service.store, sales, now)) if days[:1] == [today] else Counter()
    planned = _planned(outlook, leads, made, sales)
    reach = best_times(history, list(leads), service.settings)
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
                "reactions": reach[lead_id].reactions,
            }
        )
    rows.sort(key=lambda row: (row["planned_on"] or "9999", -row["cost_of_delay"], row["lead_id"]))
    return {
        "as_of": to_iso(now),
        "model_version": served.version,
        "days": [day.isoformat() for day in days],
        "capacities": {name: sales.capacity(name) for name in sorted({r["owner"] for r in rows if r["owner"]})},
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


def _planned(
    outlook: Outlook, leads: Mapping[str, Answer], made: Mapping[str | None, int], sales: SalesSettings
) -> dict[str, tuple[int, float]]:
    """By lead the place of its day, UNPLANNED without one, and its cost of delay. Each salesperson plans alone.

    ``made``: the calls that each has made on the first day already.
    """
    from model.decision import cost_of_delay, plan  # noqa: PLC0415 - as above

    owners = [leads[lead_id]["owner"] for lead_id in outlook.lead_ids]
    place = np.full(len(owners), UNPLANNED, dtype=np.int64)
    for name in set(owners):
        mine = np.array([owner == name for owner in owners])
        room = np.full(outlook.cost.shape[1], sales.capacity(name))
        room[:1] = np.maximum(room[:1] - made.get(name, 0), 0)
        place[mine] = plan(outlook.cost[mine], outlook.otherwise[mine], room)
    delay = cost_of_delay(outlook.cost, outlook.otherwise, place)
    return dict(zip(outlook.lead_ids, zip(place.tolist(), delay.tolist(), strict=True), strict=True))


def _outlook(served: Served, history: History, lead_ids: list[str], offsets: Sequence[int], now: int) -> Outlook:
    from features.builder import Requests, build_matrix  # noqa: PLC0415 - compiled: a start should not wait for it
    from model.decision import waiting_cost, weighed_days  # noqa: PLC0415
    from model.scorer import deal_values  # noqa: PLC0415

    scorer, times = served.scorer, np.full(len(lead_ids), now, dtype=np.int64)
    if not lead_ids:
        return Outlook([], np.empty((0, len(offsets))), np.empty(0))
    matrix = build_matrix(history, Requests(lead_ids, times), scorer.catalogue)
    curves, missed_days = scorer.curves(matrix, times), weighed_days(scorer.costs, float(scorer.horizons[-1]))
    cost, never = waiting_cost(curves, scorer.costs, deal_values(scorer.catalogue, matrix), missed_days=missed_days)
    last = cost.shape[1] - 1
    within = [min(offset, last) for offset in offsets]
    later = cost[:, min(within[-1] + 1, last) :].min(axis=1) if within else cost.min(axis=1)
    return Outlook(lead_ids, cost[:, within].copy(), np.minimum(later, never))
